"""Our own objects: whose each is, by the repository that it was made for, and Secrets.

A label holds a digest of the repository's address, for selectors; an annotation holds the address, for people.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from ..config.settings import FILE, Settings
from ..engine.resource import Change, Field
from ..support.secret import Secret
from .kubectl import Object

PROJECT = "gitops-flask/project"
"""The label with the project's slug, for people: it says nothing of whose a thing is."""
REPOSITORY = "gitops-flask/repository"
"""The label with the digest of the repository's address."""
ADDRESS = "gitops-flask/address"
"""The annotation with that address."""
ARGOCD = "gitops-flask/argocd"
NAMESPACE = "gitops-flask/namespace"
"""The labels of a release with the namespaces that the settings named when it was written."""
ENVIRONMENT = "gitops-flask/environment"
"""The label of a release with the environment that it was written for."""
MOVES_FROM = "gitops-flask/moves-from"
"""The annotation of an AppProject with the namespaces that the service is leaving."""
FINGERPRINT = "gitops-flask/fingerprint"
KEEP = {"helm.sh/resource-policy": "keep"}


def digest(address: str) -> str:
    """Return a digest that identifies a repository's address and fits into a label; no code host minds capitals."""
    plain = address.partition("://")[2] or address
    return hashlib.sha256(plain.strip("/").removesuffix(".git").casefold().encode()).hexdigest()[:32]


def identities(settings: Settings) -> dict[str, str]:
    """Return the addresses that are this repository's by their digests: today's first, then those that it had."""
    return {digest(address): address for address in (settings.url, *settings.formerly)}


def labels(settings: Settings) -> dict[str, str]:
    """Return the labels of whatever is made for a project."""
    return {PROJECT: settings.slug, REPOSITORY: digest(settings.url)}


def placed(settings: Settings) -> dict[str, str]:
    """Return the labels of a release: whose it is, and for which place it was written."""
    places = {ARGOCD: settings.argocd_namespace, NAMESPACE: settings.namespace, ENVIRONMENT: settings.environment}
    return {**labels(settings), **places}


def metadata(settings: Settings, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    """Return the metadata of an object of ours; `more` may bring labels, annotations and finalizers."""
    where = {"namespace": namespace} if namespace else {}
    marked = {
        "labels": {**labels(settings), **more.pop("labels", {})},
        "annotations": {ADDRESS: settings.url, **more.pop("annotations", {})},
    }
    return {"name": name, **where, **marked, **more}


def is_ours(thing: Mapping[str, Any], settings: Settings) -> bool:
    """Return whether an object was made for this repository, under today's address or one that it had."""
    return (thing["metadata"].get("labels") or {}).get(REPOSITORY) in identities(settings)


def whose(thing: Mapping[str, Any]) -> str:
    """Return the address of the repository that an object was made for; empty where no installer made it."""
    found = thing["metadata"]
    return (found.get("annotations") or {}).get(ADDRESS, "") if (found.get("labels") or {}).get(REPOSITORY) else ""


def readdressed(thing: Mapping[str, Any], settings: Settings) -> tuple[Field, ...]:
    """Return the difference where one of our objects has the mark of an address that the repository had before."""
    found = thing["metadata"]
    marks = (found.get("labels") or {}).get(REPOSITORY), (found.get("annotations") or {}).get(ADDRESS)
    wanted = digest(settings.url), settings.url
    return () if marks == wanted else (Field("repository", marks[1], settings.url),)


def not_ours(thing: Mapping[str, Any], settings: Settings) -> Change:
    """Return what a resource does where an object of its name is somebody else's: nothing, until that is gone."""
    return taken(_reported(thing), whose(thing), settings)


def taken(what: str, address: str, settings: Settings) -> Change:
    """Return that change for a thing in words, and the address that it was made for."""
    why, fix = others(what, address, settings)
    return Change("blocked", note=why, fix=fix)


def others(what: str, address: str, settings: Settings) -> tuple[str, str]:
    """Say that something is another repository's, or of unknown origin, and what can be done about it."""
    if not address:
        return f"{what} is not ours", "Rename or remove it."
    fix = f"Set another project.slug (or cluster.namespace) in {FILE}, or run `down` in that project."
    successor = f"Where this repository took its place: project.formerly: [{address}] in {FILE}."
    return f"{what} belongs to {address}, and this is {settings.url}", f"{fix} {successor}"


def stays(thing: Mapping[str, Any], settings: Settings) -> str:
    """Say why an object is not removed: it is another's."""
    return f"stays: {others(_reported(thing), whose(thing), settings)[0]}"


def _reported(thing: Mapping[str, Any]) -> str:
    found = thing["metadata"]
    place = f" in {found['namespace']}" if found.get("namespace") else ""
    return f"{thing.get('kind', 'object')} {found['name']}{place}"


# --- Secrets: packed for helm so that nothing of them can be printed, and unpacked ----------------


def pack(head: Mapping[str, Any], kind: str, fields: Mapping[str, str], secrets: Mapping[str, Secret]) -> Object:
    """Return a Secret as an object; its secrets are kept from any text in their encoded form too."""
    data = {name: _encoded(value) for name, value in fields.items()}
    data |= {name: Secret(_encoded(value.reveal())).reveal() for name, value in secrets.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": dict(head), "type": kind, "data": data}


def unpack(secret: Object) -> dict[str, str]:
    """Return what a Secret of the cluster holds."""
    data: Mapping[str, str] = secret.get("data") or {}
    return {name: base64.b64decode(value).decode(errors="replace") for name, value in data.items()}


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
