"""A helm release: what may be known of it, and where one that was left in the middle can go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .labels import ARGOCD, NAMESPACE, PROJECT, REPOSITORY

PENDING = ("pending-install", "pending-upgrade", "pending-rollback", "uninstalling")
HOLDER = "gitops-flask/holder"
"""The label of a release that names the machine whose helm wrote it last."""
_OF_HELM = ("version", "name", "status", "createdAt", "modifiedAt")
_OURS = (REPOSITORY, PROJECT, ARGOCD, NAMESPACE, HOLDER)
LABELS = (*_OF_HELM, *_OURS)
"""What is read of the Secret that helm keeps of each revision: all else in there may be secret."""


@dataclass(frozen=True)
class Release:
    """One revision of a release, as far as it may be shown: helm's own `status` and `get values` hold secrets."""

    name: str
    namespace: str
    revision: int
    status: str
    written: float = 0
    """When helm wrote it last, in seconds since 1970 by its clock."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Ours, as far as it has them."""
    ours: bool = True
    """Whether it was made for the repository that we work for."""

    @classmethod
    def of(cls, row: Sequence[str]) -> "Release":
        """Read a namespace and `LABELS`; helm notes `modifiedAt` only from the second time on that it writes one."""
        namespace, version, name, status, created, modified, *ours = row
        written = max(float(created or 0), float(modified or 0))
        labels = {label: value for label, value in zip(_OURS, ours, strict=True) if value}
        return cls(name, namespace, int(version), status, written, labels)

    def age(self, now: float) -> float:
        """Return the seconds since helm last wrote it; 0 where its clock and ours disagree."""
        return max(0.0, now - self.written)


@dataclass(frozen=True, order=True)
class Made:
    """A release of ours, and for which place it was written."""

    home: str
    name: str
    slug: str
    argocd: str
    """The namespace of the Argo CD."""
    namespace: str
    """The service's."""


def last_complete(history: Mapping[int, str], newest: int) -> int:
    """Return the revision that helm knows to be complete; the newest where it knows none."""
    settled = [revision for revision, status in history.items() if status not in PENDING]
    deployed = [revision for revision in settled if history[revision] == "deployed"]
    return max(deployed or settled, default=newest)
