"""The status of a deployment, in one word with its reason: read in the cluster, and given only where it is certain."""

import datetime
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ..cluster.pod_answers import all_answer, wrong_image, wrong_revision
from ..cluster.workloads import is_ready, of_deployment, of_pod
from ..support.errors import Object, reading
from ..support.plain_text import one_line, plain
from ..support.wait import pause
from .service import Service, SyncState

LONGEST = 140
"""Characters of a description at GitHub."""
_SYNCED_AGAIN = 3  # failed attempts of Argo CD, which tries again for ever
_LOOKS = 3  # times in a row that pods must answer another revision
_CLOCKS = datetime.timedelta(seconds=60)  # that two clocks may differ


class Record(Protocol):
    """What `env/dev` records: the deployment's commit, the source commit that should run, the digest of its image."""

    @property
    def commit(self) -> str:
        """Return the head of `env/dev`."""

    @property
    def revision(self) -> str:
        """Return the source commit."""

    @property
    def digest(self) -> str:
        """Return the image's digest; empty where it is unknown, and then no pod is known to be of this one."""


@dataclass(frozen=True)
class DeploymentState:
    """The outcome of a deployment; a failure has its kind, like `image pull`."""

    state: Literal["success", "failure"]
    reason: str
    kind: str = ""
    """What two looks at the same failure have in common."""

    @property
    def text(self) -> str:
        """Return it as GitHub takes it."""
        return one_line(plain(f"{self.kind}: {self.reason}" if self.kind else self.reason), LONGEST)


@reading("What Kubernetes says of an object")
def assess(service: Service, record: Record, made: str = "") -> DeploymentState | None:
    """Return the outcome of what `env/dev` records; None where it is under way, or where that cannot be known.

    `made` is when the deployment was made, where that is known.
    """
    for attempt in range(_LOOKS):
        if attempt:
            pause(1)
        synced = service.sync_state()
        if synced is None:
            return None
        if not synced.has(record.commit):
            return failure(service, record, synced, looked=_after(synced.reconciled, made))
        ready = [answer for answer in service.answers() if answer.ready]
        wrong = wrong_revision(ready, record.revision)
        if not wrong and (foreign := wrong_image(service.pods(), record.digest)):
            return DeploymentState("failure", foreign, "image") if service.rolled_out() else None
        if not wrong:
            return DeploymentState("success", all_answer(ready, record.revision))
        if not ready or any(answer.error for answer in ready) or not service.rolled_out():
            return failure(service, record, synced)
    others = sorted({answer.revision[:12] for answer in ready} - {record.revision[:12]})
    return DeploymentState("failure", f"rolled out, but pods answer {', '.join(others)}", "revision")


@reading("What Kubernetes says of an object")
def failure(service: Service, record: Record, synced: SyncState, *, looked: bool = False) -> DeploymentState | None:
    """Return why what is recorded cannot come up, where that is certain: only its own pods and its own sync count.

    `looked`: Argo CD has looked at this commit, or a later one. Of one that it cannot render it says no more.
    """
    if refused := _refused(service.operation(), record.commit):
        return DeploymentState("failure", refused, "sync")
    if looked and synced.unrendered and not synced.revision:
        return DeploymentState("failure", synced.unrendered, "chart")
    if synced.revision == record.commit and synced.unhealed:
        unhealed = synced.unhealed[0]
        return DeploymentState("failure", unhealed.text, unhealed.kind)
    if synced.revision != record.commit:
        return None  # a deployment before it may have had the same image
    pods = [pod for pod in service.pods() if not is_ready(pod) and "deletionTimestamp" not in pod["metadata"]]
    pods = [pod for pod in pods if record.digest and any(record.digest in c["image"] for c in _containers(pod))]
    events = service.events() if pods else []
    found = [trouble for pod in pods for trouble in of_pod(pod, events)]
    if synced.sync == "Synced":  # else they may be of the deployment before
        found += [trouble for deployment in service.deployments() for trouble in of_deployment(deployment)]
    certain = next((trouble for trouble in found if trouble.certain), None)
    return DeploymentState("failure", certain.text, certain.kind) if certain else None


def _after(one: str, other: str) -> bool:
    """Return whether one time, by Argo CD's clock, is certainly after another one, by a CI's."""
    try:
        return datetime.datetime.fromisoformat(one) > datetime.datetime.fromisoformat(other) + _CLOCKS
    except (ValueError, TypeError):
        return False


def _refused(operation: Object, commit: str) -> str:
    """Return what Argo CD could not apply of this commit; empty where it could, or has not tried often enough."""
    result = operation.get("syncResult") or {}
    ended = operation.get("phase") in ("Failed", "Error")
    if result.get("revision") != commit or not (ended or operation.get("retryCount", 0) >= _SYNCED_AGAIN):
        return ""
    for each in result.get("resources") or []:
        if each.get("status") == "SyncFailed":
            return f"{each.get('kind')} {each.get('name')}: {each.get('message', '')}"
    return str(operation.get("message", "")) if ended else ""


def _containers(pod: Object) -> list[dict[str, Any]]:
    spec = pod["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]
