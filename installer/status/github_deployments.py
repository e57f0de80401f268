"""GitHub's Deployments: the workflow opens one for each deployment, in progress; here it is found, and closed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from ..support.parsing import reading

OPEN = ("pending", "queued", "in_progress")
_TRAILER = re.compile(r"^GitHub-deployment: (\d+)$", re.MULTILINE)
_BACK = 10
"""Older ones that are looked at: more can be open only where nobody looked for as many deployments."""


class GitHub(Protocol):
    """One repository at a GitHub, whoever asks: a person's token, or an App's."""

    host: str
    repository: str

    def call(self, verb: str, path: str, body: Any = None, **parameters: Any) -> Any:
        """Send one request, again where that is safe, and return its JSON."""

    def once(self, verb: str, path: str, body: Any) -> None:
        """Send one request, and not again."""

    def get(self, path: str, **parameters: Any) -> Any:
        """Read one thing; None where it is not there."""

    def path(self, *parts: str) -> str:
        """Return a path below the repository."""

    def head(self, branch: str) -> str | None:
        """Return the commit at a branch's head, or None."""


@dataclass(frozen=True)
class Deployment:
    """One Deployment, and what its newest status says."""

    id: int
    state: str
    text: str
    log: str
    deployed: str
    """When its commit on the environment's branch was made."""


class Deployments:
    """Those of one environment of a repository."""

    def __init__(self, github: GitHub, environment: str) -> None:
        self._github = github
        self._environment = environment

    @reading("GitHub's answer")
    def of(self, commit: str, revision: str) -> Deployment | None:
        """Return the one that a deployment names; None where it names none, or one of something else."""
        found = self._github.call("GET", self._github.path("commits", commit))["commit"]
        number = _TRAILER.search(found["message"])
        there = self._github.get(self._path(number[1])) if number else None
        if there is None or (there["sha"], there["environment"]) != (revision, self._environment):
            return None
        return self._with_state(there, found["committer"]["date"])

    def close(self, deployment: Deployment, state: str, text: str, address: str = "") -> None:
        """Add a status, now or not at all: later it may not be true.

        GitHub itself makes those inactive that succeeded before one that succeeds.
        """
        body = {"state": state, "description": text, "log_url": deployment.log or self._runs}
        body |= {"environment_url": address} if address else {}
        self._github.once("POST", f"{self._path(deployment.id)}/statuses", body)

    @reading("GitHub's answer")
    def overtaken(self, by: Deployment) -> Iterator[Deployment]:
        """Find those that were opened before the current deployment was made, and that nobody closed."""
        found = self._github.get(self._path(), environment=self._environment, per_page=_BACK)
        for each in found or []:
            if each["id"] != by.id and each["created_at"] < by.deployed:
                deployment = self._with_state(each, "")
                if deployment.state in OPEN:
                    yield deployment

    def _with_state(self, there: dict[str, Any], deployed: str) -> Deployment:
        newest = self._github.get(f"{self._path(there['id'])}/statuses", per_page=1) or [{}]
        state, text, log = (newest[0].get(name) or "" for name in ("state", "description", "log_url"))
        return Deployment(there["id"], state or "pending", text, log, deployed)

    def _path(self, number: int | str = "") -> str:
        return self._github.path("deployments", *([str(number)] if number else []))

    @property
    def _runs(self) -> str:
        return f"https://{self._github.host}/{self._github.repository}/actions"
