"""The values that the installer gives Argo CD's chart: small, and fast for one developer's cluster."""

from collections.abc import Mapping
from typing import Any

from ..config.settings import Settings
from . import webhook_secret
from .certificates import certificates

SMALL: dict[str, Any] = {
    "dex": {"enabled": False},  # no single sign-on
    "notifications": {"enabled": False},
    "applicationSet": {"replicas": 0},  # has no `enabled`
    # A watcher has it look within a second of a deployment (watcher.py); this is for all else. An AppProject that
    # waited for its Application ends only at the next of these looks, and `up` waits 30 s for that.
    "configs": {"cm": {"timeout.reconciliation": "15s", "timeout.reconciliation.jitter": "0s"}},
    "repoServer": {
        "extraArgs": ["--revision-cache-expiration=1s"],  # or every other poll is answered from a cache
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
    },
    "controller": {"resources": {"requests": {"cpu": "100m", "memory": "256Mi"}}},
    "server": {"resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}},  # makes the key that the others need
    "redis": {"resources": {"requests": {"cpu": "10m", "memory": "32Mi"}}},
}

POLLING: dict[str, Any] = {"configs": {"cm": {"timeout.reconciliation": "3s"}}}
"""Without a watcher: a deployment is noticed within seconds all the same, at several times the processor time."""


def values(settings: Settings) -> dict[str, Any]:
    """Return what the chart is given for a project: the small values, what the settings need, what gitops.yaml adds."""
    polling = POLLING if settings.argocd_watcher == "none" or settings.reads_by == "login" else {}
    needed = merged(certificates(settings), webhook_secret.values(settings))
    return merged(merged(merged(SMALL, polling), needed), settings.argocd_values)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return both trees as one; where both name a value, `over` has its way.

    A section of ours that is left empty there adds nothing.
    """
    both = {**base, **over}
    for key in base.keys() & over.keys():
        if isinstance(base[key], Mapping) and isinstance(over[key], Mapping | None):
            both[key] = merged(base[key], over[key] or {})
    return both
