"""What an Argo CD consists of: which version it is, and whether it works."""

import re
from collections.abc import Sequence

from .kubectl import Object
from .workloads import rolled_out

PARTS = "app.kubernetes.io/part-of=argocd"
COMPONENT = "app.kubernetes.io/component"
_CHART = "helm.sh/chart"
_TOLD = ("application-controller", "redis", "repo-server", "server")
NEEDED = ("application-controller", "redis", "repo-server")


def namespaces(components: Sequence[Object]) -> list[str]:
    """Return the namespaces with an Argo CD in them."""
    found = [c for c in components if c["metadata"]["labels"].get(COMPONENT) == "repo-server"]
    return sorted({c["metadata"]["namespace"] for c in found})


def version(components: Sequence[Object], namespace: str) -> str:
    """Return the version of the Argo CD in a namespace, by its label or else its image; empty where neither has one."""
    for component in components:
        labels = component["metadata"]["labels"]
        if component["metadata"]["namespace"] == namespace and labels.get(COMPONENT) == "repo-server":
            image = component["spec"]["template"]["spec"]["containers"][0]["image"].partition("@")[0]
            tag = image.rpartition(":")[2]
            return next((v for v in (labels.get("app.kubernetes.io/version", ""), tag) if number(v)), "")
    return ""


def chart(components: Sequence[Object], namespace: str) -> str:
    """Return the newest version of Argo CD's chart that made a part in a namespace; empty where none says so."""
    made = [c["metadata"]["labels"].get(_CHART, "") for c in components if c["metadata"]["namespace"] == namespace]
    versions = [each.removeprefix("argo-cd-") for each in made if each.startswith("argo-cd-")]
    return max(versions, key=number, default="")


def names(components: Sequence[Object], namespace: str) -> dict[str, str]:
    """Return the settings that Argo CD's CLI needs where its parts have other names than in their own manifests."""
    found = {}
    for component in components:
        labels = component["metadata"]["labels"]
        part = labels.get(COMPONENT, "")
        if component["metadata"]["namespace"] == namespace and part in _TOLD and "app.kubernetes.io/name" in labels:
            found[f"ARGOCD_{part.upper().replace('-', '_')}_NAME"] = labels["app.kubernetes.io/name"]
    return found


def unready(components: Sequence[Object], namespace: str) -> str:
    """Name the components in a namespace that an Application needs and that do not work yet."""
    here = [c for c in components if c["metadata"]["namespace"] == namespace]
    by_name = {c["metadata"]["labels"].get(COMPONENT): c for c in here}
    return ", ".join(name for name in NEEDED if not _works(by_name.get(name)))


def asleep(components: Sequence[Object], namespace: str) -> list[str]:
    """Name the components in a namespace that an Application needs and that somebody scaled down to nothing."""
    here = [c for c in components if c["metadata"]["namespace"] == namespace and c["spec"].get("replicas") == 0]
    return sorted({c["metadata"]["labels"].get(COMPONENT) for c in here} & set(NEEDED))


def _works(component: Object | None) -> bool:
    return component is not None and component["spec"].get("replicas") != 0 and rolled_out(component)


def number(text: str) -> tuple[int, ...]:
    """Return a version as numbers that can be compared; nothing where it is none."""
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in match.groups()) if match else ()
