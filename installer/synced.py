"""How far Argo CD and Kubernetes are, read from the objects' own status."""

from dataclasses import dataclass

from .manifest import Object
from .plain_text import one_line

_LONGEST = 1000  # what helm says of a chart takes some room


@dataclass(frozen=True)
class Synced:
    """How far Argo CD is."""

    revision: str = ""
    sync: str = "Unknown"
    health: str = "Unknown"
    operation: str = ""
    conditions: tuple[str, ...] = ()

    def has(self, commit: str) -> bool:
        """Tell whether the cluster holds what this commit describes, and it is well."""
        done = self.operation not in ("Running", "Terminating")
        return self.revision == commit and self.sync == "Synced" and self.health == "Healthy" and done

    def __str__(self) -> str:
        return f"Argo CD is at {self.revision[:7] or 'no commit'}, {self.sync}, {self.health}"


def read(application: Object) -> Synced:
    """Read an Application's status."""
    status = application.get("status", {})
    operation = status.get("operationState", {})
    conditions = [f"{c['type']}: {c['message']}" for c in status.get("conditions") or []]
    conditions = [one_line(text, _LONGEST) for text in (*conditions, *_failures(operation))]
    return Synced(
        revision=status.get("sync", {}).get("revision", ""),
        sync=status.get("sync", {}).get("status", "Unknown"),
        health=status.get("health", {}).get("status", "Unknown"),
        operation=operation.get("phase", ""),
        conditions=tuple(conditions),
    )


def _failures(operation: Object) -> list[str]:
    """Say what the last sync could not write, and why. One that is tried again is called running all the while."""
    phase = operation.get("phase")
    if phase not in ("Failed", "Error") and not (phase == "Running" and operation.get("retryCount")):
        return []
    resources = (operation.get("syncResult") or {}).get("resources") or []
    failed = [each for each in resources if each.get("status") == "SyncFailed"]
    if failed:
        return [f"{each.get('kind')} {each.get('name')}: {each.get('message', '')}" for each in failed]
    return [f"last sync {'failed' if phase == 'Running' else phase.lower()}: {operation.get('message', '')}"]


def refusals(deployment: Object) -> list[str]:
    """Say why Kubernetes creates no pods for a Deployment: a quota, a Pod Security level, a policy."""
    name, status = deployment["metadata"]["name"], deployment.get("status", {})
    return [
        one_line(f"Deployment {name} creates no pods: {condition.get('message', '')}", _LONGEST)
        for condition in status.get("conditions") or []
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
    ]


def rolled_out(deployment: Object) -> bool:
    """Tell whether a Deployment is not between two states: all its pods are new and ready, none is left over."""
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    current = status.get("observedGeneration") == deployment["metadata"].get("generation")
    counts = [status.get(count, 0) for count in ("replicas", "updatedReplicas", "readyReplicas")]
    return bool(current and counts == [wanted] * 3)
