"""The values that the installer gives Argo CD's chart: small, and fast for one developer's cluster."""

from collections.abc import Mapping
from typing import Any

SMALL: dict[str, Any] = {
    "dex": {"enabled": False},  # no single sign-on
    "notifications": {"enabled": False},
    "applicationSet": {"replicas": 0},  # has no `enabled`
    "configs": {
        "cm": {
            # A merge is live within seconds although nothing calls Argo CD from outside. Measured: 5 to 7 s from
            # push to synced, 8 % of a core with one application; the defaults take minutes.
            "timeout.reconciliation": "3s",
            "timeout.reconciliation.jitter": "0s",
        }
    },
    "repoServer": {
        "extraArgs": ["--revision-cache-expiration=1s"],  # or every other poll is answered from a cache
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
    },
    "controller": {"resources": {"requests": {"cpu": "100m", "memory": "256Mi"}}},
    "server": {"resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}},  # makes the key that the others need
    "redis": {"resources": {"requests": {"cpu": "10m", "memory": "32Mi"}}},
}


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return both trees as one; where both name a value, `over` has its way."""
    both = {**base, **over}
    for key in base.keys() & over.keys():
        if isinstance(base[key], Mapping) and isinstance(over[key], Mapping):
            both[key] = merged(base[key], over[key])
    return both
