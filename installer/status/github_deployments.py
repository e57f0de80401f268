"""GitHub's Deployments: the workflow opens one for each deployment, in progress; here it is found, and closed.

A final status says only what is true at that moment. It is written with retries.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ..support.errors import ApiError, InstallerError, reading
from ..support.wait import pause
from .service import DeploymentRecord, DeploymentState, Service, assess

OPEN = ("pending", "queued", "in_progress")
_TRAILER = re.compile(r"^GitHub-deployment: (\d+)$", re.MULTILINE)
_BACK = 10
"""Older ones that are looked at: more can be open only where nobody looked for as many deployments."""
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds between attempts while GitHub is out of order; it is given a minute."""
_LONGEST = 60.0  # seconds that a rate limit is waited for


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
        runs = f"https://{self._github.host}/{self._github.repository}/actions"
        body = {"state": state, "description": text, "log_url": deployment.log or runs}
        body |= {"environment_url": address} if address else {}
        self._github.once("POST", f"{self._path(deployment.id)}/statuses", body)

    @reading("GitHub's answer")
    def overtaken(self, by: Deployment) -> list[Deployment]:
        """Find those that were opened before the current deployment was made, and that nobody closed."""
        found = self._github.get(self._path(), environment=self._environment, per_page=_BACK) or []
        before = (each for each in found if each["id"] != by.id and each["created_at"] < by.deployed)
        return [each for each in (self._with_state(one, "") for one in before) if each.state in OPEN]

    def _with_state(self, there: dict[str, Any], deployed: str) -> Deployment:
        newest = self._github.get(f"{self._path(there['id'])}/statuses", per_page=1) or [{}]
        state, text, log = (newest[0].get(name) or "" for name in ("state", "description", "log_url"))
        return Deployment(there["id"], state or "pending", text, log, deployed)

    def _path(self, number: int | str = "") -> str:
        return self._github.path("deployments", *([str(number)] if number else []))


@dataclass(frozen=True)
class Reported:
    """What GitHub shows now, in words."""

    text: str
    news: bool = False
    """Whether this run changed it, or could not."""
    done: bool = True
    """Whether there is nothing to add until the service is another."""


def close(
    github: GitHub, service: Service, record: DeploymentRecord, say: Callable[[str], None] = lambda _: None
) -> Reported:
    """Close GitHub's Deployment of what `env/dev` records, if it is certain how; GitHub's no fails nothing."""
    last = ""
    for rest in (*PAUSES, None):
        wait = rest
        try:
            return _close(github, service, record)
        except ApiError as error:
            last = error.message
            limited = error.wait is not None and error.wait <= _LONGEST
            if error.status < 500 and not limited:
                return Reported(f"not reported: {last}", news=True, done=False)
            wait = rest and max(rest, error.wait or 0)
        except InstallerError as error:
            last = error.message
        if wait is not None:
            say(f"The report to GitHub failed, trying again: {last}")
            pause(wait)
    return Reported(f"not reported: {last}; the next `status` or `up` reports it", news=True, done=False)


def _close(github: GitHub, service: Service, record: DeploymentRecord) -> Reported:
    deployments = Deployments(github, service.place.environment)
    there = deployments.of(record.commit, record.revision)
    if there is None:
        return Reported("none was opened for this deployment")
    outcome = _seen(service, record, there)
    if outcome is None or _says(there, outcome):
        return Reported(_shown(there), done=outcome is not None)
    for old in deployments.overtaken(there):
        deployments.close(old, "inactive", "Overtaken before anybody queried the pods")
    # All this took its time, at a GitHub that is slow perhaps. Another may have come, or a pod gone: what was
    # seen is written only if it is so still, and once: what is sent again after a rest is looked at again before.
    address = service.address() if outcome.state == "success" else ""
    if github.head(service.place.branch) != record.commit:
        return Reported(f"{_shown(there)}; another deployment has come since", news=True, done=False)
    now = _seen(service, record, there)
    if now is None or (now.state, now.kind) != (outcome.state, outcome.kind):
        return Reported(_shown(there), done=False)
    deployments.close(there, now.state, now.text, address)
    return Reported(f"{now.state}, reported now: {now.text}", news=True)


def _seen(service: Service, record: DeploymentRecord, there: Deployment) -> DeploymentState | None:
    try:
        return assess(service, record, there.deployed)
    except InstallerError:  # the cluster does not answer, which is reported elsewhere
        return None


def _says(there: Deployment, outcome: DeploymentState) -> bool:
    """Return whether GitHub shows this already, but for numbers that differ from look to look."""
    return there.state == outcome.state and (outcome.state == "success" or there.text.partition(":")[0] == outcome.kind)


def _shown(there: Deployment) -> str:
    state = "in progress" if there.state in OPEN else there.state
    return f"{state}: {there.text}" if there.text else state
