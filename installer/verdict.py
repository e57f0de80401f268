"""What became of a delivery, in one word with its reason: asked of the cluster, and given only where it is certain."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .answers import PodAnswer, disagreement, is_ready
from .manifest import Object, Objects
from .plain_text import one_line, plain
from .running_image import another
from .synced import Synced
from .wait import pause

LONGEST = 140
"""Characters of a description at GitHub."""
_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_START = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_KILLED = (0, 137, 143)
_PROBED = 15  # failed probes: a service that starts slowly has some, too
_SYNCED_AGAIN = 3  # failed attempts of Argo CD, which tries again for ever
_LOOKS = 3  # times in a row that pods must answer another revision


class Record(Protocol):
    """What `env/dev` records: the delivery's commit, the source commit that should run, the digest of its image."""

    @property
    def commit(self) -> str:
        """Return the head of `env/dev`."""

    @property
    def revision(self) -> str:
        """Return the source commit."""

    @property
    def digest(self) -> str:
        """Return the image's digest; empty where it cannot be told, and then no pod is known to be of this delivery."""


class Service(Protocol):
    """The running service, as it is looked at from outside of the cluster or from inside."""

    def synced(self) -> Synced | None:
        """Return how far Argo CD is; None where the Application does not exist."""

    def operation(self) -> Object:
        """Return how Argo CD's last sync went."""

    def answers(self) -> list[PodAnswer]:
        """Ask every Ready pod for its revision."""

    def pods(self) -> Objects:
        """Return the service's pods, ready or not."""

    def events(self) -> Objects:
        """Return what Kubernetes noted lately in the service's namespace."""

    def rolled_out(self) -> bool:
        """Tell whether no Deployment is between two states."""

    def address(self) -> str:
        """Return where people find the service; empty where there is no way in."""


@dataclass(frozen=True)
class Verdict:
    """`text` begins with the kind of a failure: `image pull: …`, `crash: …`, `probe: …`."""

    state: Literal["success", "failure"]
    text: str

    @property
    def kind(self) -> str:
        """Return what two looks at the same failure have in common."""
        return self.text.partition(":")[0] if self.state == "failure" else ""


def judge(service: Service, record: Record) -> Verdict | None:
    """Say what became of what `env/dev` records; None where it is under way, or where that cannot be known."""
    for attempt in range(_LOOKS):
        if attempt:
            pause(1)
        synced = service.synced()
        if synced is None:
            return None
        if not synced.has(record.commit):
            return _failed(service, record, synced)
        ready = [answer for answer in service.answers() if answer.ready]
        wrong = disagreement(ready, record.revision)
        if not wrong and (foreign := another(service.pods(), record.digest)):
            return _failure("image", foreign) if service.rolled_out() else None
        if not wrong:
            count = "its pod answers" if len(ready) == 1 else f"all {len(ready)} pods answer"
            return Verdict("success", f"{count} {record.revision[:12]}")
        if not ready or any(answer.error for answer in ready) or not service.rolled_out():
            return _failed(service, record, synced)
    others = sorted({answer.revision[:12] for answer in ready} - {record.revision[:12]})
    return _failure("revision", f"rolled out, but pods answer {', '.join(others)}")


def _failed(service: Service, record: Record, synced: Synced) -> Verdict | None:
    """Return why it cannot come up: only pods of this very image count, and syncs of this very commit."""
    if refused := _refused(service.operation(), record.commit):
        return _failure("sync", refused)
    if synced.revision != record.commit:
        return None  # a delivery before it may have had the same image
    pods = [pod for pod in service.pods() if not is_ready(pod) and "deletionTimestamp" not in pod["metadata"]]
    pods = [pod for pod in pods if record.digest and any(record.digest in c["image"] for c in _containers(pod))]
    if not pods:
        return None
    probes = _probes(service.events(), {pod["metadata"]["name"] for pod in pods})
    found = [_ailing(pod, probes.get(pod["metadata"]["name"])) for pod in pods]
    return next((verdict for verdict in found if verdict), None)


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


def _ailing(pod: Object, probe: tuple[int, str] | None) -> Verdict | None:
    status = pod.get("status", {})
    times, said = probe or (0, "")
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        ended = (container.get("lastState") or {}).get("terminated") or {}
        reason, name = waiting.get("reason"), container["name"]
        if reason in _IMAGE:
            return _failure("image pull", f"{reason}: {waiting.get('message', '')}")
        if reason in _START:
            return _failure("start", f"{reason}: {waiting.get('message', '')}")
        if ended and container.get("restartCount"):
            code, why = ended.get("exitCode"), ended.get("reason", "")
            if said and code in _KILLED and why != "OOMKilled":
                return _failure("probe", said)
            return _failure("crash", f"{name} ended with exit code {code} ({why}), again and again")
    return _failure("probe", said) if times >= _PROBED else None


def _probes(events: Sequence[Object], names: set[str]) -> dict[str, tuple[int, str]]:
    """Return for each pod how often a probe failed, and what the newest event says of it."""
    found: dict[str, tuple[int, str]] = {}
    for event in sorted(events, key=lambda event: event.get("lastTimestamp") or ""):
        name = event["involvedObject"].get("name", "")
        if name in names and event.get("reason") == "Unhealthy":
            count = event.get("count") or 1
            found[name] = (max(count, found.get(name, (0, ""))[0]), " ".join(event["message"].split()))
    return found


def _containers(pod: Object) -> list[dict[str, Any]]:
    spec = pod["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def _failure(kind: str, text: str) -> Verdict:
    return Verdict("failure", one_line(plain(f"{kind}: {text}"), LONGEST))
