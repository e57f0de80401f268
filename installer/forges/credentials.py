"""Where tokens come from: the environment, `gh`, or a hidden question; never a file, never an argument."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from ..config.settings import CLOUD, Scm, Settings
from ..config.trusted_hosts import NotTrusted, is_trusted
from ..support import environment, process
from ..support.errors import InstallerError
from ..support.secret import Secret, address
from ..support.tls import variables
from .git import Clone, Login
from .github import app
from .github.app import GitHubApp
from .github.rest import api_url, token_variables
from .gitlab.login import login as gitlab_login
from .gitlab.login import token as gitlab_token

READER = "ARGOCD_REPOSITORY_TOKEN"
READER_NAME = "ARGOCD_REPOSITORY_USERNAME"
"""Only a deploy token of GitLab's has a name of its own."""
APP = ("ARGOCD_APP_ID", "ARGOCD_APP_INSTALLATION_ID", "ARGOCD_APP_PRIVATE_KEY_FILE")
PULL_TOKEN = "REGISTRY_PULL_TOKEN"  # noqa: S105 - a name
DELIVERY_TOKEN = "DELIVERY_TOKEN"  # noqa: S105 - a name
CI_TOKENS: dict[str, str] = {
    "circleci": "CIRCLE_TOKEN",
    "travis-ci": "TRAVIS_TOKEN",
}
"""By CI, the variable with a token for its API; the code host's own CI needs none."""


@dataclass(frozen=True)
class Reader:
    """What Argo CD logs in with to read over https: fields of its Secret, the last of them secret."""

    fields: Mapping[str, str]
    name: str
    secret: Secret


DATABASE_ADDRESS = "CLUSTER_DATABASE_URL"
"""Not DATABASE_URL: in a developer's shell that leads to a database on the laptop."""


@dataclass(frozen=True)
class Credentials:
    """What the installer may use on the user's behalf; an empty secret is a missing one."""

    host: str
    token: Secret
    """For the code host."""
    registry_username: str
    registry_token: Secret
    database_address: Secret = field(default_factory=lambda: Secret(""))
    pull_username: str = ""
    pull_token: Secret = field(default_factory=lambda: Secret(""))
    """Given for the cluster alone; empty where it is to use the token that pushes."""
    reader: Reader | None = None
    reporter: GitHubApp | None = None
    delivery_token: Secret = field(default_factory=lambda: Secret(""))
    """What a CI that is not the code host's own pushes `env/dev` with."""
    ci_token: Secret = field(default_factory=lambda: Secret(""))
    """For that CI's API."""
    ca: str = ""
    scm: Scm = "github"

    @property
    def environment(self) -> Mapping[str, str]:
        """Return what `gh` needs in its environment: the token under this host's name, no questions, no telemetry."""
        return {
            token_variables(self.host)[0]: self.token.reveal(),
            "GH_HOST": self.host,
            "GH_PROMPT_DISABLED": "1",
            "GH_NO_UPDATE_NOTIFIER": "1",
            "GH_TELEMETRY": "false",
            "NO_COLOR": "1",
            **variables(self.ca),
        }

    @property
    def login(self) -> Login:
        """Return what git logs in with to push; at GitHub `gh` lends it the token."""
        if self.scm in _LOGINS:
            return _LOGINS[self.scm](self.host, self.token, self.ca)
        return Login(self.host, "!gh auth git-credential", self.environment)


_LOGINS: dict[str, Callable[[str, Secret, str], Login]] = {
    "gitlab": gitlab_login,
}
"""How git logs in where `gh` does not know the way; from a host, a token and a CA."""


def find(settings: Settings, project: Path | None = None) -> Credentials:
    """Collect what is there; says nothing about what is missing.

    Raise NotTrusted where a token is there for a host that this person did not name.
    """
    if refused := not_sent(settings, project):
        raise refused
    username = os.environ.get("REGISTRY_USERNAME") or settings.account
    return Credentials(
        host=settings.host,
        token=Secret(_TOKENS[settings.scm](settings.host)),
        registry_username=username,
        registry_token=Secret(environment.private("REGISTRY_TOKEN")),
        pull_username=os.environ.get("REGISTRY_PULL_USERNAME") or username,
        pull_token=Secret(environment.private(PULL_TOKEN)),
        reader=_reader(settings) if settings.reads_by == "login" else None,
        reporter=app.given() if settings.reporter == "app" else None,
        delivery_token=Secret(environment.token(DELIVERY_TOKEN) if settings.ci in CI_TOKENS else ""),
        ci_token=Secret(environment.token(CI_TOKENS[settings.ci]) if settings.ci in CI_TOKENS else ""),
        ca=settings.ca,
        scm=settings.scm,
        database_address=address(environment.private(DATABASE_ADDRESS)),
    )


def none(settings: Settings) -> Credentials:
    """Return what is sent to a host that gets no token."""
    return Credentials(settings.host, Secret(""), "", Secret(""), ca=settings.ca, scm=settings.scm)


def not_sent(settings: Settings, project: Path | None = None) -> NotTrusted | None:
    """Return why a token at hand is for none of the hosts that the settings name; None where each may go.

    The person also named the host that `project` was cloned from: a branch of it cannot change .git/config.
    """
    names = ("GITLAB_TOKEN",) if settings.scm == "gitlab" else token_variables(settings.host)
    code = _given(*names, READER, APP[2], DELIVERY_TOKEN, app.GIVEN[1])
    if code and settings.host and not _named(settings, project):
        return NotTrusted(settings.scm, settings.host, code)
    registry = _given("REGISTRY_TOKEN", PULL_TOKEN)
    if not registry or not settings.registry or is_trusted("registry", settings.registry):
        return None
    own = settings.own_registry and _named(settings, project)
    return None if own else NotTrusted("registry", settings.registry, registry)


def _given(*names: str) -> str:
    """Return the first of these variables that is set."""
    return next((name for name in names if environment.private(name)), "")


def _named(settings: Settings, project: Path | None) -> bool:
    """Tell whether the person named the code host: by a variable or an answer, with `git clone` or with `gh`."""
    host = settings.host
    if is_trusted(settings.scm, host) or (project is not None and Clone(project).cloned_from() == host.casefold()):
        return True
    return settings.scm == "github" and bool(_kept_by_gh(host))


def token_variable(settings: Settings) -> str:
    """Return the name of the environment variable with a token for this code host."""
    return "GITLAB_TOKEN" if settings.scm == "gitlab" else token_variables(settings.host)[0]


def ask_registry_token(settings: Settings, credentials: Credentials) -> Credentials:
    """Ask for the registry's token on the terminal, hidden."""
    prompt = f"Token of {credentials.registry_username} at {settings.registry} (may push; not shown)"
    return replace(credentials, registry_token=Secret(click.prompt(prompt, hide_input=True, err=True)))


def ask_delivery_token(credentials: Credentials) -> Credentials:
    """Ask for the token that deliveries push with on the terminal, hidden."""
    prompt = f"Token with which the CI writes to {credentials.host} (Contents: read and write; not shown)"
    return replace(credentials, delivery_token=Secret(click.prompt(prompt, hide_input=True, err=True)))


def ask_database_address(credentials: Credentials) -> Credentials:
    """Ask for the database's address on the terminal, hidden, since the password is part of it."""
    prompt = "Address of the database as pods reach it, postgresql://user:password@host/name (not shown)"
    return replace(credentials, database_address=address(click.prompt(prompt, hide_input=True, err=True).strip()))


def _github_token(host: str) -> str:
    """Return the token as `gh` finds it: its variables first, for which it need not start, then its own store."""
    for name in token_variables(host):
        if token := environment.token(name):
            return token
    return _kept_by_gh(host)


def _kept_by_gh(host: str) -> str:
    """Return the token of `gh auth login` for this host: `gh` is given none of ours."""
    return "" if process.missing("gh") else process.attempt("gh", "auth", "token", "--hostname", host).out.strip()


_TOKENS: dict[str, Callable[[str], str]] = {
    "github": _github_token,
    "gitlab": gitlab_token,
}
"""By code host, how a token for it is found."""


def _reader(settings: Settings) -> Reader | None:
    """Return a token's login, or a GitHub App's; nothing where neither is given."""
    if token := environment.private(READER):
        usual = "oauth2" if settings.scm == "gitlab" else "x-access-token"
        return Reader({"username": os.environ.get(READER_NAME) or usual}, "password", Secret(token))
    if settings.scm == "gitlab":
        return None
    given = [os.environ.get(APP[0], ""), os.environ.get(APP[1], ""), environment.private(APP[2])]
    if not any(given):
        return None
    if missing := [name for name, value in zip(APP, given, strict=True) if not value]:
        raise InstallerError(f"A GitHub App needs {', '.join(APP)}.", f"Set {', '.join(missing)} too.")
    number, installation, file = given
    try:
        key = Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise InstallerError(f"{APP[2]} names {file}, which cannot be read: {error.strerror}.", "Mend it.") from None
    fields = {"githubAppID": number, "githubAppInstallationID": installation}
    if settings.host != CLOUD:
        fields["githubAppEnterpriseBaseUrl"] = api_url(settings.host)
    return Reader(fields, "githubAppPrivateKey", Secret(key))
