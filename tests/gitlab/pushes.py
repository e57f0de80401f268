"""Pushes under way: whose they are, what GitLab refuses of them, and what the hooks of the repositories are told."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.github import code_host, git
from tests.github.code_host import Updates
from tests.github.wire import Asked

from .call import level_of
from .model import DEVELOPER, NO_ONE, OWNER, DeployKey, Project, Token, User

if TYPE_CHECKING:
    from .stand_in import GitLab

PROTECTED = "GitLab: You are not allowed to push code to protected branches on this project.\n"
FORCED = "GitLab: You are not allowed to force push code to a protected branch on this project.\n"
DELETED = "GitLab: You can only delete protected branches using the web interface.\n"


@dataclass(frozen=True)
class Push:
    """A connection that may push: whose, and to where. A merge is a push of the one who merged."""

    project: Project
    token: Token | None = None
    key: DeployKey | None = None
    user: User | None = None

    @property
    def who(self) -> User | None:
        return self.user or (self.token.user if self.token else None)

    @property
    def starts_pipelines(self) -> bool:
        """What a job's token pushes starts none."""
        return self.token is None or self.token.kind != "job"

    def __str__(self) -> str:
        return str(self.token) if self.token else f"deploy key {self.key.title}" if self.key else "a merge"


class Pushes(code_host.Pushes):
    """Answer git's hooks' questions."""

    def __init__(self, gitlab: "GitLab", socket: Path) -> None:
        super().__init__(gitlab, socket)
        self._gitlab = gitlab

    def over_ssh(self, key_id: int, service: str, path: str) -> dict[str, Any]:
        """Say which directory a deploy key opens for a service, and the number of the push, or why not."""
        project = self._gitlab.projects.get(path.strip("/").removesuffix(".git").lower())
        key = project.keys.get(key_id) if project else None
        if project is None or key is None:
            return {"folder": None, "message": "ERROR: The project you were looking for could not be found."}
        if service == "git-receive-pack" and not key.can_push:
            return {"folder": None, "message": "ERROR: This deploy key does not have write access to this project."}
        self._gitlab.requests.append(Asked("SSH", self._gitlab.site.host, f"{service} {path}", 0))
        return {"folder": str(project.git), "push": self.open(Push(project, key=key))}

    def refusal(self, push: Push, updates: Updates, env: Mapping[str, str]) -> str:
        with self._gitlab.lock:
            return refusal(push, updates, env)

    def pushed(self, push: Push, updates: Updates) -> None:
        with self._gitlab.lock:
            self._gitlab.hosting.pushed(push, updates)


def refusal(push: Push, updates: list[tuple[str, str, str]], env: Mapping[str, str]) -> str:
    """Say, as GitLab does, why a push is refused; an empty text lets it in."""
    project = push.project
    level = level_of(push.token, project) if push.token else OWNER if push.key else 0
    for old, new, ref in updates:
        branch = ref.removeprefix("refs/heads/")
        rule = project.protections.get(branch)
        if level < DEVELOPER:
            return "GitLab: You are not allowed to push code to this project.\n"
        if rule is None:
            continue
        if new == git.ZERO:
            return DELETED
        # maintainers may make the default branch of an empty project, whatever its rule says
        protects = getattr(project.namespace, "default_branch_protection", 2) > 0
        first = not git.refs(project.git) and branch == project.default_branch and protects and level > DEVELOPER
        if not first and (rule.push == NO_ONE or level < rule.push):
            return PROTECTED
        if old != git.ZERO and not rule.allow_force_push and not git.is_ancestor(project.git, old, new, env):
            return FORCED
    return ""
