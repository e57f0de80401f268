"""How the installer knows its own objects again: a label with the project's slug."""

from typing import Any

PROJECT = "gitops-flask/project"
FINGERPRINT = "gitops-flask/fingerprint"
KEEP = {"helm.sh/resource-policy": "keep"}


def metadata(slug: str, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    """Return the metadata of an object of ours; `more` may bring labels, annotations and finalizers."""
    where = {"namespace": namespace} if namespace else {}
    labels = {PROJECT: slug, **more.pop("labels", {})}
    return {"name": name, **where, "labels": labels, **more}


def is_ours(thing: dict[str, Any], slug: str) -> bool:
    """Tell whether this project made an object."""
    labels: dict[str, str] = thing["metadata"].get("labels") or {}
    return labels.get(PROJECT) == slug
