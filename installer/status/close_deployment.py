"""Set the final status of a GitHub Deployment: only what is true at that moment, and with retries."""

from collections.abc import Callable
from dataclasses import dataclass

from ..support.errors import ApiError, InstallerError
from ..support.wait import pause
from .deployment_status import DeploymentState, Record, assess
from .github_deployments import OPEN, Deployment, Deployments, GitHub
from .service import Place, Service

PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds between attempts while GitHub is out of order; it is given a minute."""
_LONGEST = 60.0  # seconds that a rate limit is waited for


@dataclass(frozen=True)
class Reported:
    """What GitHub shows now, in words."""

    text: str
    news: bool = False
    """Whether this run changed it, or could not."""
    done: bool = True
    """Whether there is nothing to add until the service is another."""


def close(
    github: GitHub, service: Service, place: Place, record: Record, say: Callable[[str], None] = lambda _: None
) -> Reported:
    """Close GitHub's Deployment of what `env/dev` records, if it is certain how; GitHub's no fails nothing."""
    last = ""
    for rest in (*PAUSES, None):
        wait = rest
        try:
            return _close(github, service, place, record)
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


def _close(github: GitHub, service: Service, place: Place, record: Record) -> Reported:
    deployments = Deployments(github, place.environment)
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
    if github.head(place.branch) != record.commit:
        return Reported(f"{_shown(there)}; another deployment has come since", news=True, done=False)
    now = _seen(service, record, there)
    if now is None or (now.state, now.kind) != (outcome.state, outcome.kind):
        return Reported(_shown(there), done=False)
    deployments.close(there, now.state, now.text, address)
    return Reported(f"{now.state}, reported now: {now.text}", news=True)


def _seen(service: Service, record: Record, there: Deployment) -> DeploymentState | None:
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
