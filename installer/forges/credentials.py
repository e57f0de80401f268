"""Where tokens come from: the environment, `gh`, Docker's logins, or a hidden question; never an argument."""

import base64
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import click

from ..config.environments import DEV
from ..config.settings import CI_TOKENS, CLOUD, Scm, Settings, module
from ..config.trusted_hosts import NotTrusted, docker_configuration, is_trusted
from ..support import process, secret
from ..support.errors import UNREADABLE, InstallerError
from ..support.secret import Secret, address
from .git import Clone, Login
from .github import app
from .github.api import api_url, gh_environment, kept_by_gh
from .github.app import GitHubApp

READER = "ARGOCD_REPOSITORY_TOKEN"
READER_NAME = "ARGOCD_REPOSITORY_USERNAME"
"""Only a deploy token of GitLab's has a name of its own."""
APP = ("ARGOCD_APP_ID", "ARGOCD_APP_INSTALLATION_ID", "ARGOCD_APP_PRIVATE_KEY_FILE")
PULL_TOKEN = "REGISTRY_PULL_TOKEN"  # noqa: S105 - a name
DEPLOY_TOKEN = "DEPLOY_TOKEN"  # noqa: S105 - a name


class ForgeLogin(Protocol):
    """What `forges/NAME/api.py` has."""

    READER: str
    """The name that a token logs in with to read over https."""

    def token_variables(self, host: str) -> tuple[str, ...]:
        """Return the names of the variables that may hold the token."""

    def token(self, host: str) -> str:
        """Return the token; empty where there is none."""

    def login(self, host: str, token: Secret, ca: str) -> Login:
        """Return what git logs in with to push."""


def of_forge(scm: Scm) -> ForgeLogin:
    """Return how one logs in to a code host."""
    return cast("ForgeLogin", import_module(f".{module(scm)}.api", __package__))


@dataclass(frozen=True)
class Reader:
    """What Argo CD logs in with to read over https: fields of its Secret, the last of them secret."""

    fields: Mapping[str, str]
    name: str
    secret: Secret


DATABASE_ADDRESS = "CLUSTER_DATABASE_URL"
"""Not DATABASE_URL: in a developer's shell that leads to a database on the laptop."""


def database_variable(environment: str) -> str:
    """Return the name of the variable with the address of an environment's database."""
    return DATABASE_ADDRESS if environment == DEV else f"{DATABASE_ADDRESS}_{environment.upper().replace('-', '_')}"


@dataclass(frozen=True)
class Credentials:
    """What the installer may use on the user's behalf; an empty secret is a missing one."""

    host: str
    token: Secret
    """For the code host."""
    registry_username: str
    registry_token: Secret
    database_addresses: Mapping[str, Secret] = field(default_factory=dict)
    """By the names of the environments."""
    pull_username: str = ""
    pull_token: Secret = field(default_factory=lambda: Secret(""))
    """Given for the cluster alone; empty where it is to use the token that pushes."""
    reader: Reader | None = None
    reporter: GitHubApp | None = None
    deploy_token: Secret = field(default_factory=lambda: Secret(""))
    """What a CI that is not the code host's own pushes `env/dev` with."""
    ci_token: Secret = field(default_factory=lambda: Secret(""))
    """For that CI's API."""
    ca: str = ""
    scm: Scm = "github"

    @property
    def environment(self) -> Mapping[str, str]:
        """Return what `gh` needs in its environment: the token under this host's name, no questions, no telemetry."""
        return gh_environment(self.host, self.token, self.ca)

    def database_of(self, environment: str) -> Secret:
        """Return the address of an environment's database."""
        return self.database_addresses.get(environment, Secret(""))

    @property
    def login(self) -> Login:
        """Return what git logs in with to push."""
        return of_forge(self.scm).login(self.host, self.token, self.ca)


def find(settings: Settings, folder: Path | None = None) -> Credentials:
    """Collect what is there; says nothing about what is missing.

    Raise NotTrusted where a token is there for a host that this person did not name.
    """
    if refused := not_sent(settings, folder):
        raise refused
    username = os.environ.get("REGISTRY_USERNAME") or settings.account
    return Credentials(
        host=settings.host,
        token=Secret(of_forge(settings.scm).token(settings.host)),
        registry_username=username,
        registry_token=Secret("" if settings.registry_in_cluster else secret.private("REGISTRY_TOKEN")),
        pull_username=os.environ.get("REGISTRY_PULL_USERNAME") or username,
        pull_token=Secret(secret.private(PULL_TOKEN)),
        reader=_reader(settings) if settings.reads_by == "login" else None,
        reporter=app.given() if settings.reporter == "app" else None,
        deploy_token=Secret(secret.token(DEPLOY_TOKEN) if settings.ci in CI_TOKENS else ""),
        ci_token=Secret(secret.token(CI_TOKENS[settings.ci]) if settings.ci in CI_TOKENS else ""),
        ca=settings.ca,
        scm=settings.scm,
        database_addresses={
            each.environment: address(secret.private(database_variable(each.environment)))
            for each in settings.of_each()
        },
    )


def none(settings: Settings) -> Credentials:
    """Return what is sent to a host that gets no token."""
    return Credentials(settings.host, Secret(""), "", Secret(""), ca=settings.ca, scm=settings.scm)


def not_sent(settings: Settings, folder: Path | None = None) -> NotTrusted | None:
    """Return why a token at hand is for none of the hosts that the settings name; None where each may go.

    The person also named the host that `project` was cloned from: a branch of it cannot change .git/config.
    """
    if settings.scm != "local":  # which has no login but the kubeconfig
        variables = of_forge(settings.scm).token_variables(settings.host)
        code = _given(*variables, READER, APP[2], DEPLOY_TOKEN, app.GIVEN[1])
        if code and settings.host and not _named(settings, folder):
            return NotTrusted(settings.scm, settings.host, code)
    if settings.registry_in_cluster:
        return None
    registry = _given("REGISTRY_TOKEN", PULL_TOKEN)
    if not registry or not settings.registry or is_trusted("registry", settings.registry):
        return None
    own = settings.own_registry and _named(settings, folder)
    return None if own else NotTrusted("registry", settings.registry, registry)


def _given(*names: str) -> str:
    """Return the first of these variables that is set."""
    return next((name for name in names if secret.private(name)), "")


def _named(settings: Settings, folder: Path | None) -> bool:
    """Return whether the person named the code host: by a variable or an answer, with `git clone` or with `gh`."""
    host, scm = settings.host, settings.scm
    if scm != "local" and is_trusted(scm, host):
        return True
    if folder is not None and Clone(folder).cloned_from() == host.casefold():
        return True
    return scm == "github" and bool(kept_by_gh(host))


def token_variable(settings: Settings) -> str:
    """Return the name of the environment variable with a token for this code host."""
    return of_forge(settings.scm).token_variables(settings.host)[0]


def ask_registry_token(settings: Settings, credentials: Credentials) -> Credentials:
    """Ask for the registry's token on the terminal, hidden."""
    prompt = f"Token of {credentials.registry_username} at {settings.registry} (may push; not shown)"
    return replace(credentials, registry_token=Secret(click.prompt(prompt, hide_input=True, err=True)))


def ask_deploy_token(credentials: Credentials) -> Credentials:
    """Ask for the token that deployments push with on the terminal, hidden."""
    prompt = f"Token with which the CI writes to {credentials.host} (Contents: read and write; not shown)"
    return replace(credentials, deploy_token=Secret(click.prompt(prompt, hide_input=True, err=True)))


def ask_database_address(credentials: Credentials, of: str = DEV) -> Credentials:
    """Ask for the address of an environment's database on the terminal, hidden, since the password is part of it."""
    which = "the database" if of == DEV else f"the database of {of}"
    prompt = f"Address of {which} as pods reach it, postgresql://user:password@host/name (not shown)"
    given = address(click.prompt(prompt, hide_input=True, err=True).strip())
    return replace(credentials, database_addresses={**credentials.database_addresses, of: given})


def _reader(settings: Settings) -> Reader | None:
    """Return a token's login, or a GitHub App's; nothing where neither is given."""
    if token := secret.private(READER):
        usual = of_forge(settings.scm).READER
        return Reader({"username": os.environ.get(READER_NAME) or usual}, "password", Secret(token))
    if settings.scm != "github":
        return None
    given = [os.environ.get(APP[0], ""), os.environ.get(APP[1], ""), secret.private(APP[2])]
    if not any(given):
        return None
    if missing := [name for name, value in zip(APP, given, strict=True) if not value]:
        raise InstallerError(f"A GitHub App needs {', '.join(APP)}.", f"Set {', '.join(missing)} too.")
    key = app.private_key(APP[2])
    fields = {"githubAppID": given[0], "githubAppInstallationID": given[1]}
    if settings.host != CLOUD:
        fields["githubAppEnterpriseBaseUrl"] = api_url(settings.host)
    return Reader(fields, "githubAppPrivateKey", key)


# --- what Docker keeps ----------------------------------------------------------------------------

_HUB = {"docker.io": "https://index.docker.io/v1/"}
"""How Docker calls a registry where it does not take its host's name."""


def docker_login(registry: str) -> tuple[str, Secret] | None:
    """Return the name and the secret of `docker login` for a registry; None where there are none to be had."""
    key = _HUB.get(registry, registry)
    with suppress(InstallerError, OSError, RuntimeError, *UNREADABLE):
        kept = docker_configuration()
        helper = kept.get("credHelpers", {}).get(registry) or kept.get("credsStore")
        if helper:
            found = json.loads(process.run(f"docker-credential-{helper}", "get", stdin=key))
            name, secret = found["Username"], found["Secret"]
        else:
            auth = base64.b64decode(kept["auths"][key]["auth"]).decode()
            name, _, secret = auth.partition(":")
        if name and secret and name != "<token>":  # that is no password, and only Docker can use it
            return name, Secret(secret)
    return None
