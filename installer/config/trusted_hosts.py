"""The hosts that a token may go to: those that the person named, never one that only a checkout's gitops.yaml names.

Only the standard library: the hook imports this.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from ..support.errors import UNREADABLE, InstallerError
from ..support.file_lock import state_folder
from .settings import CLOUD, OF_CLOUD

Kind = Literal["github", "gitlab", "registry"]
VENDORS: dict[Kind, tuple[str, ...]] = {
    "github": (CLOUD,),
    "gitlab": ("gitlab.com",),
    "registry": ("docker.io", "ghcr.io", "registry.gitlab.com"),
}
"""Hosts of a vendor's own, which a token that is meant for another host is not lost to."""
NAMED_BY: dict[Kind, tuple[str, ...]] = {
    "github": ("GH_HOST",),
    "gitlab": ("GITLAB_HOST", "CI_SERVER_HOST"),
    "registry": ("REGISTRY_HOST",),
}
"""The variables that name a host: those of `gh`, of `glab` and of GitLab's CI, and ours."""
_FILE = "trusted-hosts"


class NotTrusted(InstallerError):
    """Say that a token was not sent, as nobody but the project's own settings names the host."""

    def __init__(self, kind: Kind, host: str, token: str) -> None:
        setting = "registry.host" if kind == "registry" else f"{kind}.host"
        reported = f"{token} was not sent to {host}: nothing but {setting} in gitops.yaml names that host."
        more = f", or log in: docker login {host}" if kind == "registry" else ""
        more = f", or log in: gh auth login --hostname {host}" if kind == "github" else more
        super().__init__(reported, f"Where the token is for that host: export {NAMED_BY[kind][0]}={host}{more}")
        self.kind: Kind = kind
        self.host = host
        self.question = f"Only gitops.yaml names {host}. Send {token} there, now and from now on?"


def is_trusted(kind: Kind, host: str) -> bool:
    """Return whether a host is a vendor's, or one that this person named: by a variable, a login or an answer."""
    host = _plain(host)
    if host in VENDORS[kind] or (kind == "github" and host.endswith(OF_CLOUD)):
        return True
    by_variables = [_plain(os.environ.get(name, "")) for name in NAMED_BY[kind]]
    return (
        host in by_variables or f"{kind} {host}" in _remembered() or (kind == "registry" and host in _docker_logins())
    )


def named(kind: Kind) -> str:
    """Return the host that this person's environment names, or nothing."""
    return next(filter(None, (_plain(os.environ.get(name, "")) for name in NAMED_BY[kind])), "")


def remember(kind: Kind, host: str) -> None:
    """Keep on this machine that the person named a host; where that fails, it is asked again."""
    if is_trusted(kind, host):
        return
    with suppress(OSError, InstallerError):
        file = state_folder() / _FILE
        file.touch(mode=0o600)
        with file.open("a", encoding="utf-8") as lines:
            lines.write(f"{kind} {_plain(host)}\n")


def _remembered() -> frozenset[str]:
    with suppress(OSError, UnicodeDecodeError, InstallerError):
        return frozenset((state_folder() / _FILE).read_text(encoding="utf-8").splitlines())
    return frozenset()


def _docker_logins() -> frozenset[str]:
    """Return the registries that `docker login` knows, with or without a program that keeps the logins."""
    with suppress(OSError, RuntimeError, *UNREADABLE):
        tree = docker_configuration()
        return frozenset(_plain(name) for part in ("auths", "credHelpers") for name in tree.get(part) or {})
    return frozenset()


def docker_configuration() -> Any:
    """Return what `docker login` keeps; raise where there is nothing that can be read."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))


def _plain(host: str) -> str:
    """Reduce an address, as glab and docker take it, to its host and port."""
    address = host.strip().casefold()
    return (address.partition("://")[2] or address).partition("/")[0]
