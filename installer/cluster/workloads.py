"""Pods and Deployments: which are ready, what keeps others from it, what they answer, and where people find a service.

`up`, `status`, `rollback` and the reporter take it from here; its pod runs this very file (resources/reporter.py).
"""

import datetime
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..support.errors import Object, Objects, reading
from ..support.plain_text import one_line

Kind = Literal["admission", "crash", "image pull", "probe", "rollout", "schedule", "start", "sync"]
_LONGEST = 1000  # what an admission controller says takes some room
_IMAGE = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError")
_NO_IMAGE = ("InvalidImageName", "ErrImageNeverPull")
_START = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_STARTING = (None, "ContainerCreating", "PodInitializing")
# what a registry says of an image, in the words of containerd, CRI-O and Docker; all else may be another way next time
_REFUSED = re.compile(
    r"not found|manifest unknown|access denied|denied:|is denied|unauthorized|authentication required|401 |403 "
    r"|no match for platform|invalid reference format",
    re.IGNORECASE,
)
# the steps of a pull, each with the image's whole name: what was wrong stands behind them
_STEPS = re.compile(
    r'rpc error: code = \w+ desc = |failed to (?:pull and unpack image|resolve reference)(?: "[^"]*")?: '
    r'|(?:Back-off pulling image|Failed to pull image) "[^"]*": (?:ErrImagePull: )?'
)
_KILLED = (0, 137, 143)
_CANNOT_RUN = ("StartError", "ContainerCannotRun")
_ENDED_AGAIN = 3  # restarts: what waits for a database ends once or twice
_PROBED = 15  # failed probes: a service that starts slowly has some, too
_PULLED = 5  # failed pulls, whatever the reason: the fifth comes after two minutes and a half
_MOUNTED = 3  # failed attempts to mount what is not there
_HEALED = 3  # times that Argo CD applied again what differed after a sync that went well
_HEALS_WITHIN = datetime.timedelta(minutes=10)  # it waits five at most; what differs later was changed later
_UID = re.compile(r"\([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\)")


@dataclass(frozen=True)
class Trouble:
    """One reason; `certain`: it does not go away by itself."""

    kind: Kind
    text: str
    certain: bool = False


@reading("What Kubernetes says of an object")
def is_ready(pod: Object) -> bool:
    """Return whether a Service sends requests to this pod: Ready, and not being deleted."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


@reading("What Kubernetes says of an object")
def rolled_out(workload: Object) -> bool:
    """Return whether a Deployment or StatefulSet is not between two states: all its pods are new and ready."""
    status, wanted = workload.get("status", {}), workload["spec"].get("replicas", 1)
    current = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
    counts = [status.get(count, 0) for count in ("replicas", "updatedReplicas", "readyReplicas")]
    return bool(current and counts == [wanted] * 3)


def waiting_for(deployment: Object | None) -> str:
    """Say that a Deployment is not there and ready; nothing where it is."""
    return "" if deployment and rolled_out(deployment) else "not ready yet"


@reading("What Kubernetes says of an object")
def of_deployment(deployment: Object) -> list[Trouble]:
    """Say why Kubernetes creates no pods (a quota, a Pod Security level, a policy), or has given a rollout up."""
    name = deployment["metadata"]["name"]
    found = []
    for condition in deployment.get("status", {}).get("conditions") or []:
        said = condition.get("message", "")
        if (condition["type"], condition["status"]) == ("ReplicaFailure", "True"):
            text = one_line(f"Deployment {name} creates no pods: {said}", _LONGEST)
            found.append(Trouble("admission", text, certain=True))
        elif condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            text = one_line(f"Deployment {name} is given up by Kubernetes: {said}", _LONGEST)
            found.append(Trouble("rollout", text, certain=True))
    return found


@reading("What Kubernetes says of an object")
def of_application(application: Object) -> dict[tuple[str, str], Trouble]:
    """Return by kind and name what Argo CD applies again and again, and finds to differ right after that.

    Argo CD calls each of these syncs a success: Kubernetes passes over a field that it does not know. Its count (json
    `autoHealAttemptsCount`, pkg/apis/application/v1alpha1/types.go) lasts as long as the commit does, so it counts only
    for what the last of them applied, and where the next look found it to differ.
    """
    status = application.get("status") or {}
    last = status.get("operationState") or {}
    sync = (last.get("operation") or {}).get("sync") or {}
    commit = (status.get("sync") or {}).get("revision")
    healed = sync.get("autoHealAttemptsCount") or 0
    if last.get("phase") != "Succeeded" or (last.get("syncResult") or {}).get("revision") != commit or healed < _HEALED:
        return {}
    if not _soon_after(status.get("reconciledAt"), last.get("finishedAt")):
        return {}
    applied = {(each.get("kind"), each.get("name")) for each in sync.get("resources") or []}
    found = {}
    for each in status.get("resources") or []:
        key = str(each.get("kind")), str(each.get("name"))
        if each.get("status") == "OutOfSync" and key in applied:
            why = "Kubernetes drops a field that it does not know, or something else changes it"
            if each.get("requiresPruning"):
                why = "it is not recorded any more, and is kept"
            found[key] = Trouble("sync", f"{key[0]} {key[1]} is OutOfSync again after each sync: {why}", certain=True)
    return found


def _soon_after(looked: str | None, ended: str | None) -> bool:
    """Return whether Argo CD looked at what a sync had made, and soon."""
    if not looked or not ended:
        return False
    passed = datetime.datetime.fromisoformat(looked) - datetime.datetime.fromisoformat(ended)
    return datetime.timedelta() <= passed < _HEALS_WITHIN  # to the second


@reading("What Kubernetes says of an object")
def of_pod(pod: Object, events: Sequence[Object]) -> list[Trouble]:
    """List what a pod that is not ready suffers from, by its state and by what was noted of it."""
    status = pod.get("status", {})
    own = [each for each in events if each["involvedObject"].get("name") == pod["metadata"]["name"]]
    found = [
        Trouble("schedule", f"not scheduled: {_line(condition.get('message', ''))}")
        for condition in status.get("conditions") or []
        if condition["type"] == "PodScheduled" and condition["status"] == "False"
    ]
    for container in containers(status):
        found += _of_container(pod, container, own)
    if not any(map(_has_begun, containers(status))):
        found += _mounts(own)
    return [*dict.fromkeys(found)]


def containers(status: Object) -> Objects:
    """Return what a pod's status says of its containers, those first that run before the others."""
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


@reading("What Kubernetes says of an object")
def newest_warning(pod: Object, events: Sequence[Object]) -> str:
    """Return the newest warning about a pod that says more than its state does; empty where there is none."""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    waiting = {_waiting(container).get("reason") for container in containers(status)} - {*_STARTING}
    reported = [
        event
        for event in events
        if event["type"] == "Warning"
        and event["involvedObject"].get("name") == name
        # of what backs off the state says it already: how it ended, or was not pulled
        and not (waiting and (event["reason"] == "BackOff" or event["message"].startswith("Error: ")))
    ]
    newest = max(reported, key=_when, default=None)
    return _line(f"{newest['reason']}: {_STEPS.sub('', newest['message'])}") if newest else ""


def _of_container(pod: Object, container: Object, events: Sequence[Object]) -> Iterator[Trouble]:
    waiting = _waiting(container)
    reason, name = waiting.get("reason"), container["name"]
    said = _line(f"{reason}: {waiting.get('message', '')}").rstrip(": ")
    ended = _ended(container)
    again = container.get("restartCount", 0) >= _ENDED_AGAIN
    if reason in _NO_IMAGE:
        yield Trouble("image pull", said, certain=True)
    elif reason in _IMAGE:
        yield _pull(reason, waiting.get("message", ""), events)
    elif reason in _START:
        yield Trouble("start", said, certain=True)
    elif ended and (ended.get("exitCode") or container.get("restartCount")):
        if (probe := _probed(events)) and ended.get("exitCode") in _KILLED and ended.get("reason") != "OOMKilled":
            yield Trouble("probe", probe[0].text, certain=again)
        else:
            how = _how_it_ended(pod, name, ended) + (", again and again" if again else "")
            backs_off = "CrashLoopBackOff: " if reason == "CrashLoopBackOff" else ""
            yield Trouble("crash", f"{backs_off}{how}", certain=again)
    elif reason not in _STARTING:
        yield Trouble("crash" if reason == "CrashLoopBackOff" else "start", said)
    elif not container.get("ready"):
        yield from _probed(events)


def _how_it_ended(pod: Object, name: str, ended: dict[str, Any]) -> str:
    if ended.get("reason") == "OOMKilled":
        limit = _memory(pod, name)
        return f"{name} was OOMKilled: it took more memory than its limit{f' of {limit}' if limit else ''}"
    how = f"{name} ended with exit code {ended.get('exitCode')} ({ended.get('reason')})"
    return _line(f"{how}: {ended.get('message', '')}") if ended.get("reason") in _CANNOT_RUN else how


def _pull(reason: str, said: str, events: Sequence[Object]) -> Trouble:
    """Return why an image was not pulled: of one that backs off older kubelets say that only in an event."""
    failed = [event for event in events if event["message"].startswith("Failed to pull image")]
    said, reported = (" ".join(text.split()) for text in (said, max(failed, key=_when)["message"] if failed else ""))
    tried = sum(event.get("count") or 1 for event in failed)
    if not _REFUSED.search(said) and _REFUSED.search(reported):
        said = reported
    text = _line(f"{reason}: {_STEPS.sub('', said)}").rstrip(": ")
    return Trouble("image pull", text, certain=bool(_REFUSED.search(said)) or tried >= _PULLED)


def _probed(events: Sequence[Object]) -> list[Trouble]:
    """Return what the newest failed probe said; for long they fail only where the service does not come up."""
    failed = sorted((event for event in events if event.get("reason") == "Unhealthy"), key=_when)
    if not failed:
        return []
    times = max(event.get("count") or 1 for event in failed)
    return [Trouble("probe", _line(failed[-1]["message"]), certain=times >= _PROBED)]


def _mounts(events: Sequence[Object]) -> list[Trouble]:
    """Return what of a pod's volumes is not there."""
    failed = sorted((event for event in events if event.get("reason") == "FailedMount"), key=_when)
    lacking = [event for event in failed if "not found" in event["message"]]
    if not lacking:
        return []
    times = sum(event.get("count") or 1 for event in lacking)
    return [Trouble("start", _line(f"FailedMount: {lacking[-1]['message']}"), certain=times >= _MOUNTED)]


def _has_begun(container: Object) -> bool:
    states = [container.get("state") or {}, container.get("lastState") or {}]
    return any("running" in state or "terminated" in state for state in states)


def _waiting(container: Object) -> dict[str, Any]:
    return (container.get("state") or {}).get("waiting") or {}


def _ended(container: Object) -> dict[str, Any]:
    """Return how a container ended last; empty where it did not, or did what it was there for."""
    now = (container.get("state") or {}).get("terminated") or {}
    if now and not now.get("exitCode"):
        return {}
    return now or (container.get("lastState") or {}).get("terminated") or {}


def specified(pod: Object) -> Objects:
    """Return what a pod's specification says of its containers, those first that run before the others."""
    spec = pod.get("spec", {})
    return [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]


def _memory(pod: Object, name: str) -> str:
    for container in specified(pod):
        if container.get("name") == name:
            return str(((container.get("resources") or {}).get("limits") or {}).get("memory", ""))
    return ""


def _when(event: Object) -> str:
    return event.get("lastTimestamp") or event.get("eventTime") or ""


def _line(text: str) -> str:
    """Return what Kubernetes said as one line, without the names that only it uses."""
    return one_line(_UID.sub("", text))


# --- what pods answer when they are asked for their revision, and which image they run ------------

PORT = 8000
VERSION = "version"
_REVISION = re.compile(r"[A-Za-z0-9._-]{1,100}")
PROXY = f"/api/v1/namespaces/{{namespace}}/pods/{{pod}}:{{port}}/proxy/{VERSION}"
"""The way to a pod's answer through the API server."""


@dataclass(frozen=True)
class PodAnswer:
    """What one Ready pod said at `/version`: its revision, or why there is none."""

    pod: str
    revision: str = ""
    error: str = ""


def parse(pod: str, text: str) -> PodAnswer:
    """Read the revision out of an answer."""
    try:
        tree: Any = json.loads(text)
    except (ValueError, RecursionError):
        tree = None
    revision = tree.get("revision") if isinstance(tree, dict) else None
    if not isinstance(revision, str) or not _REVISION.fullmatch(revision):
        return PodAnswer(pod, error=f"/{VERSION} answered {text.strip()[:80]!r}, which names no revision")
    return PodAnswer(pod, revision)


def wrong_revision(answered: Sequence[PodAnswer], revision: str) -> str:
    """Say which Ready pods do not answer the revision; empty where all of at least one do."""
    if not answered:
        return "no pod is Ready"
    return "; ".join(
        f"pod {a.pod} {a.error or f'answers revision {a.revision}, while {revision} is recorded'}"
        for a in answered
        if a.error or a.revision != revision
    )


def all_answer(answered: Sequence[PodAnswer], revision: str) -> str:
    """Say that all of them answer the revision."""
    count = "its pod answers" if len(answered) == 1 else f"all {len(answered)} pods answer"
    return f"{count} {revision[:12]}"


@reading("What Kubernetes says of an object")
def wrong_image(pods: Iterable[Object], digest: str) -> str:
    """Name the Ready pods whose service's container runs another image than the recorded one; empty where none does.

    A mirror may change an image's name, never its digest. The chart names that container as its pods' label does;
    others beside it may run any image.
    """
    found = []
    for pod in pods if digest else ():
        service = (pod["metadata"].get("labels") or {}).get("app.kubernetes.io/name")
        images = [each["image"] for each in pod["spec"]["containers"] if each["name"] == service]
        if is_ready(pod) and not any(image.endswith(f"@{digest}") for image in images):
            runs = f"runs {images[0]}" if images else f"has no container {service}"
            found.append(f"pod {pod['metadata']['name']} {runs}, while {digest[:19]} is recorded")
    return "; ".join(found)


def address_of(ingress: Object | None, service: Object | None) -> str:
    """Return where people find a service, by its Ingress or its load balancer; empty where there is no way in."""
    routes, service = (ingress or {}).get("spec", {}), service or {}
    for rule in routes.get("rules", []):
        if rule.get("host"):
            return f"{'https' if routes.get('tls') else 'http'}://{rule['host']}"
    for point in service.get("status", {}).get("loadBalancer", {}).get("ingress", []):
        return f"http://{point.get('hostname') or point.get('ip')}:{service['spec']['ports'][0]['port']}"
    return ""
