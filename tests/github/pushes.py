"""Pushes under way: whose they are, and what the hooks of the repositories are told."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import code_host
from .code_host import Updates
from .model import Account, DeployKey, Repository, Token
from .push_rules import refusal
from .rules import Actor
from .wire import Asked

if TYPE_CHECKING:
    from .stand_in import GitHub


@dataclass(frozen=True)
class Push:
    """A connection that may push: whose, and to where."""

    repository: Repository
    token: Token | None = None
    key: DeployKey | None = None

    @property
    def actor(self) -> Actor:
        if self.token is None:
            return Actor("write", deploy_key=True)
        owner = self.repository.owner
        person = self.token.kind != "run"
        admin = person and owner.members.get(self.token.owner.login) == "admin"
        return Actor(self.repository.role(self.token.owner) if person else "none", organization_admin=admin)

    @property
    def owner(self) -> Account:
        """Who did it: a deploy key acts for the repository's owner."""
        return self.token.owner if self.token else self.repository.owner

    @property
    def starts_workflows(self) -> bool:
        """What GITHUB_TOKEN pushes starts none."""
        return self.token is None or self.token.kind != "run"

    def __str__(self) -> str:
        return str(self.token) if self.token else f"deploy key {self.key.title if self.key else ''}"


class Pushes(code_host.Pushes):
    """Answer git's requests, and its hooks' questions."""

    def __init__(self, github: "GitHub", socket: Path) -> None:
        super().__init__(github, socket)
        self._github = github

    def over_ssh(self, key_id: int, service: str, path: str) -> dict[str, Any]:
        """Say which directory a deploy key opens for a service, and the number of the push, or why not."""
        repository = self._github.found(path.strip("/").removesuffix(".git"))
        key = repository.keys.get(key_id) if repository else None
        if repository is None or key is None:
            return {"folder": None, "message": "ERROR: Repository not found."}
        if service == "git-receive-pack" and key.read_only:
            message = "ERROR: The key you are authenticating with has been marked as read only."
            return {"folder": None, "message": message}
        if service == "git-receive-pack" and repository.archived:
            return {"folder": None, "message": "ERROR: This repository was archived so it is read-only."}
        self._github.requests.append(Asked("SSH", self._github.site.host, f"{service} {path}", 0))
        return {"folder": str(repository.git), "push": self.open(Push(repository, key=key))}

    def refusal(self, push: Push, updates: Updates, env: Mapping[str, str]) -> str:
        return refusal(self._github, push, updates, env)

    def pushed(self, push: Push, updates: Updates) -> None:
        self._github.hosting.pushed(push, updates)
