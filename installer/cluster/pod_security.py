"""Pod Security: what a pod of the service may ask of its node, enforced by the namespace's label."""

from ..support.manifest import Object

ENFORCE = {"pod-security.kubernetes.io/enforce": "restricted"}
"""The strictest of Kubernetes' levels; the chart complies with it."""


def advice(namespace: Object) -> str:
    """Say how someone else's namespace can be protected; empty where its owner chose a level."""
    (label, level), labels = next(iter(ENFORCE.items())), namespace["metadata"].get("labels") or {}
    if labels.get(label, "privileged") != "privileged":
        return ""
    return (
        f"it admits privileged pods, so whoever deploys can take over a node; its owner can change that: "
        f"kubectl label namespace {namespace['metadata']['name']} {label}={level}"
    )
