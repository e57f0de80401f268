"""A helm release: what may be known of it, and where one that was left in the middle can go."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

PENDING = ("pending-install", "pending-upgrade", "pending-rollback", "uninstalling")


@dataclass(frozen=True)
class Release:
    """One release, as far as it may be shown: helm's own `status` and `get values` hold secrets in clear."""

    name: str
    namespace: str
    revision: int
    status: str
    chart: str
    updated: str
    ours: bool = True
    """Whether it was made for the repository that we work for."""

    @property
    def chart_version(self) -> str:
        """Return the chart's version: helm shows `argo-cd-10.1.1`."""
        match = re.search(r"-(v?\d+\.\d+.*)$", self.chart)
        return match[1] if match else ""

    def age(self, now: datetime) -> float:
        """Return the seconds since helm last wrote it; 0 where its clock and ours disagree."""
        match = re.match(r"(\S+) ([\d:]+)(?:\.\d+)? ([+-]\d{4})", self.updated)  # Go's time.Time.String
        if not match:
            return 0
        return max(0.0, (now - datetime.strptime(" ".join(match.groups()), "%Y-%m-%d %H:%M:%S %z")).total_seconds())


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
