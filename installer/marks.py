"""How the installer knows its own objects again: a label with the project's slug."""

from typing import Any

from .resource import Change, blocked

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


def not_ours(kind: str, name: str, namespace: str) -> Change:
    """Return what a resource does where an object of its name is somebody else's: nothing, until that is gone."""
    return blocked(f"{kind} {name} in {namespace} is not ours", "Rename or remove it.")
