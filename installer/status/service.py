"""The running service, as the API server shows it: the same reads for a laptop and for the reporter's pod."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from ..cluster.pod_answers import PodAnswer
from ..cluster.workloads import Trouble, of_application, rolled_out
from ..support.errors import Object, Objects, reading
from ..support.plain_text import one_line

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


class Place(Protocol):
    """Which service this is about, and where it and its Application are: a project's settings, or a pod's."""

    @property
    def slug(self) -> str:
        """Return the service's name."""

    @property
    def namespace(self) -> str:
        """Return the service's namespace."""

    @property
    def application(self) -> str:
        """Return the Application's name."""

    @property
    def argocd_namespace(self) -> str:
        """Return the Application's namespace."""

    @property
    def environment(self) -> str:
        """Return the environment's name, as GitHub shows it: `dev`."""

    @property
    def branch(self) -> str:
        """Return the branch that Argo CD follows."""


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
        self._place = place
        self._selector = f"app.kubernetes.io/name={place.slug},app.kubernetes.io/instance={place.slug}"

    def sync_state(self) -> SyncState | None:
        """Return how far Argo CD is; None where the Application does not exist."""
        application = self._application()
        return None if application is None else read(application)

    def operation(self) -> Object:
        """Return how Argo CD's last sync went, in its own words; empty where it made none."""
        return (self._application() or {}).get("status", {}).get("operationState") or {}

    def answers(self) -> list[PodAnswer]:
        """Ask every Ready pod for its revision; the others are listed as not ready."""
        return self._ask(self._place.namespace, self.pods())

    def pods(self) -> Objects:
        """Return the service's pods, ready or not."""
        return self._cluster.list("pods", self._place.namespace, self._selector)

    def events(self) -> Objects:
        """Return what Kubernetes noted lately in the service's namespace."""
        return self._cluster.list("events", self._place.namespace)

    def deployments(self) -> Objects:
        """Return the service's Deployments."""
        return self._cluster.list("deployments", self._place.namespace, self._selector)

    def rolled_out(self) -> bool:
        """Return whether no Deployment of the service is between two states."""
        return all(map(rolled_out, self.deployments()))

    def address(self) -> str:
        """Return where people find the service; empty where there is no way in."""
        return self._cluster.address(self._place.slug, self._place.namespace)

    def _application(self) -> Object | None:
        return self._cluster.get(APPLICATION, self._place.application, self._place.argocd_namespace)


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
