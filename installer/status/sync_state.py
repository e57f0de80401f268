"""How far Argo CD and Kubernetes are, read from the objects' own status."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..cluster.workloads import Trouble, of_application
from ..support.objects import Object
from ..support.parsing import reading
from ..support.plain_text import one_line

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
