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
    conditions = [one_line(f"{c['type']}: {c['message']}", _LONGEST) for c in status.get("conditions") or []]
    if operation.get("phase") in ("Failed", "Error"):
        conditions.append(one_line(f"last sync {operation['phase'].lower()}: {operation.get('message', '')}", _LONGEST))
    return Synced(
        revision=status.get("sync", {}).get("revision", ""),
        sync=status.get("sync", {}).get("status", "Unknown"),
        health=status.get("health", {}).get("status", "Unknown"),
        operation=operation.get("phase", ""),
        conditions=tuple(conditions),
    )


def rolled_out(deployment: Object) -> bool:
    """Tell whether a Deployment is not between two states: all its pods are new and ready, none is left over."""
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    current = status.get("observedGeneration") == deployment["metadata"].get("generation")
    counts = [status.get(count, 0) for count in ("replicas", "updatedReplicas", "readyReplicas")]
    return bool(current and counts == [wanted] * 3)
