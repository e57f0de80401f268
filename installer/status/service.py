"""The running service, as the API server shows it, and the outcome of a deployment: the same here as in a pod."""

import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Literal, Protocol

from ..cluster.workloads import (
    PodAnswer,
    Trouble,
    all_answer,
    is_ready,
    of_application,
    of_deployment,
    of_pod,
    rolled_out,
    specified,
    wrong_image,
    wrong_revision,
)
from ..support.errors import Object, Objects, reading
from ..support.plain_text import one_line, plain
from ..support.wait import pause

APPLICATION = "applications.argoproj.io"
_LONGEST = 1000  # what helm says of a chart takes some room
_NO_MANIFESTS = "helm template"  # as Argo CD calls it: a chart that does not render, no repository out of reach


@dataclass(frozen=True)
class SyncState:
    """How far Argo CD is."""

    revision: str = ""
    sync: str = "Unknown"
    health: str = "Unknown"
    operation: str = ""
    conditions: tuple[str, ...] = ()
    unrendered: str = ""
    """What Argo CD said where it could make no objects of a commit; of which one it does not say."""
    reconciled: str = field(default="", compare=False)
    """When it compared last."""
    unhealed: tuple[Trouble, ...] = ()
    """What does not become as this commit has it, however often Argo CD applies it."""

    def has(self, commit: str) -> bool:
        """Return whether the cluster holds what this commit describes, and it is well."""
        done = self.operation not in ("Running", "Terminating")
        return self.revision == commit and self.sync == "Synced" and self.health == "Healthy" and done

    def __str__(self) -> str:
        return f"Argo CD is at {self.revision[:7] or 'no commit'}, {self.sync}, {self.health}"


@dataclass(frozen=True)
class Place:
    """Which service this is about, where it and its Application are, and the branch that Argo CD follows."""

    slug: str
    namespace: str
    application: str
    argocd_namespace: str
    environment: str
    branch: str

    @classmethod
    def of(cls, value: Callable[[str], str]) -> "Place":
        """Read it from a project's settings, or from a pod's environment."""
        return cls(**{each.name: value(each.name) for each in fields(cls)})


@dataclass(frozen=True)
class DeploymentRecord:
    """What one commit of `env/dev` records: `revision` is the source commit that runs, `hold` who holds it and why."""

    commit: str
    revision: str
    hold: str = ""
    image: str = ""
    digest: str = ""
    """Empty where it is unknown, and then no pod is known to be of this one."""
    unreadable: str = ""
    """Why what is recorded is unknown, where somebody wrote something else there."""
    architectures: tuple[str, ...] = ()
    """What the image is for; empty where that was not recorded."""
    rolled_back: str = ""
    """The source commit that the hold keeps away."""


class Reads(Protocol):
    """Who reads the API server's objects: kubectl with a person's rights, or a pod with its own."""

    def get(self, kind: str, name: str, namespace: str) -> Object | None:
        """Return one object; None where it is not there."""

    def list(self, kind: str, namespace: str, selector: str = "") -> Objects:
        """Return the objects of a kind."""

    def address(self, service: str, namespace: str) -> str:
        """Return the address of the ingress, or load balancer, of a service's name; empty where there is none."""


class Service:
    """One project's service. `ask` gets each Ready pod's answer: pods are not trusted, so no redirect is followed."""

    def __init__(self, cluster: Reads, ask: Callable[[str, Objects], list[PodAnswer]], place: Place) -> None:
        self._cluster = cluster
        self._ask = ask
        self.place = place
        self._selector = f"app.kubernetes.io/name={place.slug},app.kubernetes.io/instance={place.slug}"

    def sync_state(self) -> SyncState | None:
        """Return how far Argo CD is; None where the Application does not exist."""
        application = self._application()
        return None if application is None else read(application)

    def operation(self) -> Object:
        """Return how Argo CD's last sync went, in its own words; empty where it made none."""
        return (self._application() or {}).get("status", {}).get("operationState") or {}

    def answers(self) -> list[PodAnswer]:
        """Ask every Ready pod for its revision."""
        return self._ask(self.place.namespace, self.pods())

    def pods(self) -> Objects:
        """Return the service's pods, ready or not."""
        return self._cluster.list("pods", self.place.namespace, self._selector)

    def events(self) -> Objects:
        """Return what Kubernetes noted lately in the service's namespace."""
        return self._cluster.list("events", self.place.namespace)

    def deployments(self) -> Objects:
        """Return the service's Deployments."""
        return self._cluster.list("deployments", self.place.namespace, self._selector)

    def rolled_out(self) -> bool:
        """Return whether no Deployment of the service is between two states."""
        return all(map(rolled_out, self.deployments()))

    def address(self) -> str:
        """Return where people find the service; empty where there is no way in."""
        return self._cluster.address(self.place.slug, self.place.namespace)

    def _application(self) -> Object | None:
        return self._cluster.get(APPLICATION, self.place.application, self.place.argocd_namespace)


@reading("What Kubernetes says of an object")
def read(application: Object) -> SyncState:
    """Read an Application's status."""
    status = application.get("status", {})
    operation = status.get("operationState") or {}
    resources = status.get("resources") or []
    conditions = [f"{c['type']}: {c['message']}" for c in status.get("conditions") or []]
    failures = _failures(operation)
    unhealed = of_application(application)
    explained = {**failures, **{key: trouble.text for key, trouble in unhealed.items()}}
    reported = [*conditions, *explained.values(), *_differing(resources, explained), *ailing(resources)]
    unrendered = [text for text in conditions if text.startswith("ComparisonError: ") and _NO_MANIFESTS in text]
    return SyncState(
        revision=_revision(application),
        sync=status.get("sync", {}).get("status", "Unknown"),
        health=status.get("health", {}).get("status", "Unknown"),
        operation=operation.get("phase", ""),
        conditions=tuple(one_line(text, _LONGEST) for text in reported),
        unrendered=one_line(unrendered[0], _LONGEST) if unrendered else "",
        unhealed=tuple(unhealed.values()),
        reconciled=status.get("reconciledAt") or "",
    )


def _revision(application: Object) -> str:
    """Return the commit that Argo CD compared with; where it could make no objects it has the branch's name there."""
    revision: str = application.get("status", {}).get("sync", {}).get("revision", "")
    branch = ((application.get("spec") or {}).get("source") or {}).get("targetRevision")
    return "" if revision == branch else revision


def _failures(operation: Object) -> dict[tuple[str, str], str]:
    """Say by kind and name what the last sync could not write, and why; of one that failed as a whole without them.

    One that is tried again is called running all the while.
    """
    phase = operation.get("phase")
    if phase not in ("Failed", "Error") and not (phase == "Running" and operation.get("retryCount")):
        return {}
    resources = (operation.get("syncResult") or {}).get("resources") or []
    failed = [each for each in resources if each.get("status") == "SyncFailed"]
    if failed:
        return {_key(each): f"{_name(each)}: {each.get('message', '')}" for each in failed}
    return {("", ""): f"last sync {'failed' if phase == 'Running' else phase.lower()}: {operation.get('message', '')}"}


def _differing(resources: Iterable[Object], reported: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Name what differs from what is recorded, where nothing else says so of it."""
    for each in resources:
        if each.get("status") == "OutOfSync" and _key(each) not in {*reported}:
            yield f"{_name(each)} {'is not recorded any more' if each.get('requiresPruning') else 'is OutOfSync'}"


def ailing(resources: Iterable[Object]) -> Iterator[str]:
    """Name what Argo CD finds Degraded or cannot judge, with its reason; since 3.0 only its CLI knows of which."""
    for each in resources:
        health = each.get("health") or {}
        if health.get("status") in ("Degraded", "Unknown"):
            yield f"{_name(each)} is {health['status']}: {health.get('message') or 'no reason given'}"


def _key(resource: Object) -> tuple[str, str]:
    return str(resource.get("kind")), str(resource.get("name"))


def _name(resource: Object) -> str:
    return " ".join(_key(resource))


# --- the outcome of a deployment, in one word with its reason: given only where it is certain -----

LONGEST = 140
"""Characters of a description at GitHub."""
_SYNCED_AGAIN = 3  # failed attempts of Argo CD, which tries again for ever
_LOOKS = 3  # times in a row that pods must answer another revision
_CLOCKS = datetime.timedelta(seconds=60)  # that two clocks may differ


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
def assess(service: Service, record: DeploymentRecord, made: str = "") -> DeploymentState | None:
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
        ready = service.answers()
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
def failure(
    service: Service, record: DeploymentRecord, synced: SyncState, *, looked: bool = False
) -> DeploymentState | None:
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
    pods = [pod for pod in pods if record.digest and any(record.digest in c["image"] for c in specified(pod))]
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
            return f"{_name(each)}: {each.get('message', '')}"
    return str(operation.get("message", "")) if ended else ""
