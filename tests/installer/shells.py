"""A developer's shell: what the environment says to whatever is run."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.github import GitHub as StandIn


def export(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    """Set variables until the test ends."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def unset(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let variables not be there until the test ends."""
    for name in names:
        monkeypatch.delenv(name, raising=False)


def octos(github: StandIn, monkeypatch: pytest.MonkeyPatch, home: Path, **more: str) -> str:
    """Be octo, who owns acme at this GitHub; return the token."""
    github.user("octo")
    github.organization("acme", plan="team", members={"octo": "admin"})
    token = github.token("octo")
    export(monkeypatch, {**github.env, "GH_TOKEN": token, "GH_CONFIG_DIR": str(home / "gh"), **more})
    return token
