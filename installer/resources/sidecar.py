"""Small pods of ours in Argo CD's own namespace: who they are, what they may do, and how little they can."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..cluster.argocd import COMPONENT, PARTS
from ..cluster.pods import problems
from ..support.errors import Object, Objects
from .helm_release import HelmRelease, Seen

RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class SidecarTemplate:
    """The Argo CD beside which they run: what its own reader of repositories, `repo-server`, is made of."""

    image: str = ""
    user: int | None = None
    proxies: tuple[tuple[str, str], ...] = ()
    pull_secrets: tuple[str, ...] = ()

    @classmethod
    def of(cls, repo_server: Object) -> "SidecarTemplate":
        """Read it from the repo-server's Deployment."""
        spec = repo_server["spec"]["template"]["spec"]
        container = spec["containers"][0]
        user = (container.get("securityContext") or {}).get("runAsUser")
        literal = {each["name"]: each["value"] for each in container.get("env") or [] if each.get("value")}
        proxies = {name: value for name, value in literal.items() if name.lower().endswith("_proxy")}
        secrets = tuple(each["name"] for each in spec.get("imagePullSecrets") or [])
        user = user or (spec.get("securityContext") or {}).get("runAsUser")
        return cls(container["image"], user, tuple(sorted(proxies.items())), secrets)


def one_pod(
    head: Object, container: Object, volumes: Objects, ids: Object, spec: Object, *, noted: dict[str, str] | None = None
) -> Object:
    """Return a Deployment of one pod, never two, with a container that can write nowhere but in its volumes.

    Each volume is mounted under its own name; `ids` are its user and groups, `spec` is what else the pod has, `noted`
    are annotations of the pod, which another value replaces.
    """
    labels = {"app.kubernetes.io/name": head["name"]}
    confined = {
        **container,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": each["name"], "mountPath": f"/{each['name']}"} for each in volumes],
    }
    pod = {
        **spec,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, **ids},
        "containers": [confined],
        "volumes": volumes,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": head,
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 0,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels, **({"annotations": noted} if noted else {})}, "spec": pod},
        },
    }


def container(
    name: str,
    image: str,
    environment: Mapping[str, str],
    *,
    probe: Object,
    memory: str,
    attempts: int = 120,
    **more: Any,
) -> Object:
    """Return a small container; its probe may fail so many times, once a second, until it has started.

    `memory` is its limit, `more` is what else it has.
    """
    return {
        "name": name,
        "image": image,
        "env": [{"name": each, "value": value} for each, value in environment.items()],
        "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": attempts},
        "readinessProbe": {**probe, "periodSeconds": 10},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": memory}},
        **more,
    }


def touches(path: str, every: int) -> Object:
    """Return the probe of what is ready as long as it touches a file every so many seconds."""
    test = f"test -e {path} && test $(($(date +%s) - $(stat -c %Y {path}))) -lt {every}"
    return {"exec": {"command": ["bash", "-c", test]}, "timeoutSeconds": 5}


class Sidecar(HelmRelease[Seen]):
    """The release of such a pod, which is ready once it did what it is for. Its container has the name of its key."""

    kinds = ("serviceaccounts", f"roles.{RBAC}", f"rolebindings.{RBAC}", "deployments.apps")
    starts = True
    patience = 120.0
    without = ""
    """The setting that does without it."""

    def template(self) -> SidecarTemplate:
        """Return what Argo CD's own reader of repositories is made of; nothing where there is none."""
        parts = self._cluster.list("deployments", self._home, PARTS)
        reader = [each for each in parts if each["metadata"]["labels"].get(COMPONENT) == "repo-server"]
        return SidecarTemplate.of(reader[0]) if reader else SidecarTemplate()

    def account(self) -> Object:
        """Return its ServiceAccount."""
        head = self._head()
        return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": head, "automountServiceAccountToken": False}

    def rights(self, namespace: str, *rules: Object) -> Objects:
        """Return what lets it do these things in a namespace."""
        head = self._head(namespace)
        return [
            {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": head, "rules": list(rules)},
            {
                "apiVersion": f"{RBAC}/v1",
                "kind": "RoleBinding",
                "metadata": head,
                "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": self._name},
                "subjects": [{"kind": "ServiceAccount", "name": self._name, "namespace": self._home}],
            },
        ]

    def deployment(
        self,
        template: SidecarTemplate,
        container: Object,
        volumes: Objects,
        *,
        user: int | None,
        group: int | None = None,
        token: bool = True,
        noted: dict[str, str] | None = None,
    ) -> Object:
        """Return its Deployment, with /tmp in memory; with a `group`, volumes are that group's.

        `token` is whether the pod gets one for the API server.
        """
        pull_secrets = [{"name": each} for each in template.pull_secrets]
        spec = {
            "serviceAccountName": self._name,
            "automountServiceAccountToken": token,
            "terminationGracePeriodSeconds": 5,
            **({"imagePullSecrets": pull_secrets} if pull_secrets else {}),
        }
        ids = {**({"runAsUser": user} if user else {}), **({"fsGroup": group} if group else {})}
        tmp = {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}}
        return one_pod(self._head(), container, [tmp, *volumes], ids, spec, noted=noted)

    def explain(self) -> str:
        """Say what keeps it from starting, what it said last, and how to do without."""
        pods = self._cluster.list("pods", self._home, self._selector)
        said = [self._cluster.logs(pod["metadata"]["name"], self._home, type(self).key) for pod in pods]
        found = [*problems(self._cluster, self._home, self._selector), *filter(None, said)]
        return "\n  ".join([*found, f"To do without it: {self.without} in gitops.yaml"])

    def remains(self) -> str:
        """Name what outlived its release, its pod included."""
        pods = self._cluster.list("pods", self._home, self._selector)
        left = ", ".join(f"Pod {pod['metadata']['name']} in {self._home} is still there" for pod in pods)
        return "; ".join(filter(None, [super().remains(), left]))

    @property
    def _selector(self) -> str:
        return f"app.kubernetes.io/name={self._name}"
