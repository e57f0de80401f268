"""Pushes under way: whose they are, what GitLab refuses of them, and what the hooks of the repositories are told."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.github import git
from tests.github.pushes import Questions
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


class Pushes:
    """Answer git's hooks' questions on a socket of its own."""

    def __init__(self, gitlab: "GitLab", socket: Path) -> None:
        self._gitlab = gitlab
        self._open: dict[str, Push] = {}
        self._numbers = itertools.count(1)
        self.socket = socket
        self._questions = Questions(socket, self.answer)

    def close(self) -> None:
        self._questions.close()

    def open(self, push: Push) -> str:
        number = str(next(self._numbers))
        self._open[number] = push
        return number

    def over_ssh(self, key_id: int, service: str, path: str) -> dict[str, Any]:
        """Say which directory a deploy key opens for a service, and the number of the push, or why not."""
        project = self._gitlab.projects.get(path.strip("/").removesuffix(".git").lower())
        key = project.keys.get(key_id) if project else None
        if project is None or key is None:
            return {"folder": None, "message": "ERROR: The project you were looking for could not be found."}
        if service == "git-receive-pack" and not key.can_push:
            return {"folder": None, "message": "ERROR: This deploy key does not have write access to this project."}
        self._gitlab.note(Asked("SSH", self._gitlab.site.host, f"{service} {path}", 0))
        return {"folder": str(project.git), "push": self.open(Push(project, key=key))}

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if "ssh" in question:
            return self.over_ssh(question["ssh"], question["service"], question["path"])
        push = self._open[question["push"]]
        updates = [(old, new, ref) for old, new, ref in question["updates"]]
        try:
            with self._gitlab.lock:
                if question["hook"] == "pre-receive":
                    message = refusal(push, updates, question["environment"])
                    return {"accepted": not message, "message": message}
                self._gitlab.hosting.pushed(push, updates)
        except Exception as error:  # whatever it is: the test that pushed must fail
            self._gitlab.fail(f"push to {push.project.full_path}: {error!r}")
            return {"accepted": False, "message": f"stand-in: {error}\n"}
        return {"accepted": True, "message": ""}


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
