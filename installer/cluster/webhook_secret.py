"""The secret by which Argo CD knows a code host's calls: an entry of its own Secret, or what that entry points to."""

from typing import Any

from ..config.settings import Settings
from .argocd_inventory import PARTS
from .kubectl import Cluster
from .secrets import unpack

OF_ARGOCD = "argocd-secret"
KEY = "secret"
LABELS = dict([PARTS.split("=")])
"""What a Secret must have for Argo CD to read it."""


def entry_of(settings: Settings) -> str:
    """Return the entry's name: Argo CD has one for each kind of code host."""
    return f"webhook.{settings.scm}.secret"


def reference(settings: Settings) -> str:
    """Return the entry that points to a Secret of ours."""
    return f"${settings.slug}-webhook:{KEY}"


def values(settings: Settings) -> dict[str, Any]:
    """Return the value of Argo CD's chart that makes that entry; nothing where nobody is to call."""
    return {"configs": {"secret": {f"{settings.scm}Secret": reference(settings)}}} if settings.webhook else {}


def entry(cluster: Cluster, settings: Settings) -> str | None:
    """Return the entry as it stands, empty where there is none; None where there is no Argo CD yet."""
    found = cluster.get("secret", OF_ARGOCD, settings.argocd_namespace)
    return unpack(found).get(entry_of(settings), "") if found else None


def resolved(cluster: Cluster, namespace: str, entry: str) -> str:
    """Follow `$key` and `$secret:key` as Argo CD does: what leads nowhere is the value itself."""
    if not entry.startswith("$"):
        return entry
    name, _, key = entry[1:].rpartition(":")
    found = cluster.get("secret", name or OF_ARGOCD, namespace) or {"metadata": {}}
    labels = found["metadata"].get("labels") or {}
    value = unpack(found).get(key) if not name or labels.items() >= LABELS.items() else None
    return entry if value is None else value.strip()
