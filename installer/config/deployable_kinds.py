"""Which kinds of objects Argo CD may create for the project: those of its chart, and those that gitops.yaml adds."""

import re
from collections.abc import Iterable

from ..support.parsing import Objects

CHART = (
    "Service",
    "ServiceAccount",
    "apps/Deployment",
    "autoscaling/HorizontalPodAutoscaler",
    "gateway.networking.k8s.io/HTTPRoute",
    "networking.k8s.io/Ingress",
    "networking.k8s.io/NetworkPolicy",
    "policy/PodDisruptionBudget",
)
"""What the chart renders, whatever its values are: all but `extraObjects`, whose kinds gitops.yaml adds."""
SHOWN = ("Pod", "apps/ReplicaSet")
"""What a Deployment creates: Argo CD hides in its UI what a project may not deploy (argoproj/argo-cd#28564)."""
_FORM = re.compile(r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Z][A-Za-z0-9]*")
_RIGHTS = ("rbac.authorization.k8s.io/", "authorization.openshift.io/")
"""The groups of Roles and RoleBindings: Kubernetes' own, and OpenShift's other door to the same objects."""


def whitelist(extra: Iterable[str]) -> Objects:
    """Return an AppProject's `namespaceResourceWhitelist`; `extra` are kinds as `group/Kind`, or `Kind` of the core."""
    kinds = dict.fromkeys((*CHART, *SHOWN, *extra))
    return [{"group": group, "kind": kind} for group, _, kind in (each.rpartition("/") for each in kinds)]


def trouble(kind: object) -> str:
    """Say why a kind cannot be added; empty where it can."""
    if not isinstance(kind, str) or not _FORM.fullmatch(kind):
        return f"{kind!r} is no kind: write group/Kind, like external-secrets.io/ExternalSecret, or ConfigMap"
    if kind.startswith(_RIGHTS):
        return (
            f"{kind} is refused: whoever pushes to an environment's branch could give pods every right in the "
            "namespace, the one to lift its Pod Security level included; an administrator creates it with kubectl"
        )
    return ""
