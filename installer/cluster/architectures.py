"""For which machines images are built, and which the cluster has: an image for others ends in `exec format error`."""

from collections.abc import Collection, Sequence

from ..support.errors import InstallerError
from .kubectl import Cluster, Object

LABEL = "kubernetes.io/arch"
USUAL = "amd64"
"""What the machines of every CI are unless another kind is asked for."""
NATIVE = {"arm64": "ubuntu-24.04-arm"}
"""GitHub's own of another kind, for public and private repositories (docs.github.com, GitHub-hosted runners)."""


def of_nodes(cluster: Cluster) -> tuple[str, ...]:
    """Return the architectures of the nodes that take the service's pods; none where nobody can look."""
    if not cluster.answered:  # it was asked before, and would only take as long again
        return ()
    try:
        nodes = [node for node in cluster.list("nodes") if _labels(node).get("kubernetes.io/os", "linux") == "linux"]
    except InstallerError:
        return ()
    free = [node for node in nodes if not _closed(node)]
    return tuple(sorted({_of(node) for node in free or nodes} - {""}))


def _of(node: Object) -> str:
    reported = node.get("status", {}).get("nodeInfo", {}).get("architecture", "")
    return str(_labels(node).get(LABEL) or reported)


def _labels(node: Object) -> dict[str, str]:
    return node["metadata"].get("labels") or {}


def _closed(node: Object) -> bool:
    """Return whether a taint keeps out what does not tolerate it, as on most control planes."""
    taints = node.get("spec", {}).get("taints") or []
    return any(taint.get("effect") in ("NoSchedule", "NoExecute") for taint in taints)


def of_platforms(platforms: str) -> tuple[str, ...]:
    """Return the architectures of `linux/amd64,linux/arm64/v8`."""
    parts = [each.strip().split("/") for each in platforms.split(",")]
    return tuple(part[1] for part in parts if len(part) > 1)


def of_label(label: str) -> str:
    """Return the architecture of the machines that GitHub has under a label; empty where they are somebody's own."""
    if label in NATIVE.values() or (label.startswith("ubuntu-") and label.endswith("-arm")):
        return "arm64"
    return USUAL if not label or label.startswith("ubuntu-") else ""


def best(nodes: Sequence[str]) -> str:
    """Return the architecture to build for: where nodes are of several kinds, the one that every CI has machines of."""
    return USUAL if USUAL in nodes else nodes[0]


def mismatch(image: Collection[str], nodes: Collection[str]) -> str:
    """Say that no node runs an image; empty where one does, or where either is not known."""
    if not image or not nodes or {*image} & {*nodes}:
        return ""
    return f"the image is for {', '.join(image)}, and the nodes are {', '.join(nodes)}"
