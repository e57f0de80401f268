"""Where tokens come from: the environment, `gh`, or a hidden question; never a file, never an argument."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import click

from . import shell
from .github import token_variable
from .secret import Secret
from .settings import Settings

DATABASE_ADDRESS = "CLUSTER_DATABASE_URL"
"""Not DATABASE_URL: in a developer's shell that leads to a database on the laptop."""


@dataclass(frozen=True)
class Credentials:
    """What the installer may use on the user's behalf; an empty secret is a missing one."""

    host: str
    github: Secret
    registry_username: str
    registry_token: Secret
    database_address: Secret = field(default_factory=lambda: Secret(""))

    @property
    def environment(self) -> Mapping[str, str]:
        """Return what `gh` needs in its environment: the token under this host's name, no questions, no telemetry."""
        return {
            token_variable(self.host): self.github.reveal(),
            "GH_HOST": self.host,
            "GH_PROMPT_DISABLED": "1",
            "GH_NO_UPDATE_NOTIFIER": "1",
            "GH_TELEMETRY": "false",
            "NO_COLOR": "1",
        }


def find(settings: Settings) -> Credentials:
    """Collect what is there; says nothing about what is missing."""
    return Credentials(
        host=settings.host,
        github=Secret(_github_token(settings.host)),
        registry_username=os.environ.get("REGISTRY_USERNAME") or settings.account,
        registry_token=Secret(os.environ.get("REGISTRY_TOKEN", "")),
        database_address=Secret(os.environ.get(DATABASE_ADDRESS, "").strip()),
    )


def ask_registry_token(settings: Settings, credentials: Credentials) -> Credentials:
    """Ask for the registry's token on the terminal, hidden."""
    prompt = f"Token of {credentials.registry_username} at {settings.registry} (may push; not shown)"
    return replace(credentials, registry_token=Secret(click.prompt(prompt, hide_input=True, err=True)))


def ask_database_address(credentials: Credentials) -> Credentials:
    """Ask for the database's address on the terminal, hidden, since the password is part of it."""
    prompt = "Address of the database as pods reach it, postgresql://user:password@host/name (not shown)"
    return replace(credentials, database_address=Secret(click.prompt(prompt, hide_input=True, err=True).strip()))


def _github_token(host: str) -> str:
    """Return the token as `gh` finds it: its environment variables first, then its own store."""
    if shell.missing("gh"):
        return os.environ.get(token_variable(host), "")
    return shell.attempt("gh", "auth", "token", "--hostname", host).out.strip()
