"""A registry in the cluster, for projects that are tried on one machine: one for all of them.

It listens at a port of its node, so that `localhost:5001/…` is the image's name for the node, which speaks plain HTTP
to its own machine; in a kind cluster that port is this machine's as well, where Docker does the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..ci.registry import IN_CLUSTER as NAME
from ..ci.registry import IN_CLUSTER_PORT as PORT
from ..cluster.helm import Helm
from ..cluster.kubectl import Cluster, Object, Objects
from ..cluster.objects import is_ours, labels_of
from ..cluster.pods import problems
from ..config.settings import FILE, Settings
from ..engine.resource import Change, blocked
from .helm_release import Held, HelmRelease
from .local_repository import CLAIM, claim, default_storage
from .sidecar import container, one_pod

SHARED = {"gitops-flask/shared": "registry"}
"""The label by which it is known: it is no project's own."""
SIZE = "10Gi"
_USER = 65532
_UNPRIVILEGED = 1024
_OF_THE_NODE = {
    **dict.fromkeys(range(10248, 10260), "Kubernetes"),
    2379: "etcd",
    2380: "etcd",
    6443: "the API server",
    10250: "the kubelet",
}
"""Ports by which a node works: whoever takes one of them away breaks it."""


@dataclass(frozen=True)
class Storing(Held):
    """The registry, and whether its images are on a volume that outlives its pod."""

    keeps: bool = False


class LocalRegistry(HelmRelease[Storing]):
    """Made by the first project that needs it, used by all, and removed with the last repository."""

    key = "registry"
    needs = ("argocd",)
    seen = Storing
    starts = True
    patience = 180

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, *, remove_it: bool = False) -> None:
        super().__init__(settings, cluster, helm, NAME)
        self._remove_it = remove_it
        self._port = int(settings.registry.partition(":")[2] or 80)
        self.title = f"registry {settings.registry} in namespace {NAME}"

    def places(self) -> Mapping[str, Sequence[str]]:
        """Return all of it."""
        return {"": [f"namespace/{NAME}"], NAME: [f"deployments.apps/{NAME}", f"{CLAIM}/{NAME}"]}

    def observe(self) -> Storing:
        """Look at it, and whether there are volumes; one that began without goes on without."""
        held = super().observe()
        deployed = held.one("Deployment")
        keeps = bool(held.one("PersistentVolumeClaim")) if deployed else default_storage(self._cluster)
        return replace(held, keeps=keeps)

    def foreign(self, held: Storing) -> Object | None:
        """Return an object of its name that no project on this machine made: the label says so, whoever was first."""
        marked = SHARED.items()
        return next((each for each in held.objects.values() if not marked <= labels_of(each).items()), None)

    def lacks(self, held: Storing) -> Change | None:
        """Refuse several nodes, which would each look for it on themselves; another port than it has; a taken one."""
        nodes = self._cluster.list("nodes")
        if len(nodes) > 1:
            why = f"the cluster has {len(nodes)} nodes, and {self._settings.registry} is another registry on each"
            return blocked(why, f"Name a registry that all of them reach: registry.host in {FILE}.")
        there = shared_port(held.one("Deployment"))
        if there == self._port:
            return None
        if there and (self._other_user() or not self.unready(held)):
            why = f"the projects in this cluster share the registry localhost:{there}"
            return blocked(why, f'Take that: registry.host "localhost:{there}" in {FILE}.')
        if owner := owner_of(self._port, self._cluster):
            return blocked(f"port {self._port} of the node is {owner}", f"Take another: registry.host in {FILE}.")
        return None

    def note(self, held: Storing, fields: Sequence[object]) -> str:
        """Say so where its images end with its pod."""
        lost = "the cluster has no default StorageClass: after a restart `up` builds the image again"
        return "" if held.keeps or held.objects else lost

    def explain(self) -> str:
        """Say what keeps it from starting: another pod may have its port."""
        found = problems(self._cluster, NAME, f"app.kubernetes.io/name={NAME}")
        return "\n  ".join([*found, f"Its port of the node is {self._port}: for another, registry.host in {FILE}"])

    def manifests(self, held: Storing) -> Objects:
        """Return its objects."""
        head = {"name": NAME, "namespace": NAME, "labels": SHARED}
        # a port of the node is more than Pod Security's `baseline` lets pods have
        level = {"pod-security.kubernetes.io/enforce": "privileged"}
        namespace = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": NAME, "labels": {**SHARED, **level}},
        }
        return [namespace, self._deployment(head, held), *([claim(head, SIZE)] if held.keeps else [])]

    def _deployment(self, head: Object, held: Storing) -> Object:
        volume = {"persistentVolumeClaim": {"claimName": NAME}} if held.keeps else {"emptyDir": {}}
        environment = {
            "REGISTRY_HTTP_ADDR": f":{PORT}",
            "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": "/images",
            "OTEL_TRACES_EXPORTER": "none",
        }
        registry = container(
            "registry",
            self._settings.registry_image,
            environment,
            probe={"httpGet": {"path": "/v2/", "port": PORT}},
            memory="512Mi",
            ports=[{"name": "http", "containerPort": PORT, "hostPort": self._port, "protocol": "TCP"}],
        )
        ids = {"runAsUser": _USER, "runAsGroup": _USER, "fsGroup": _USER}
        return one_pod(head, registry, [{"name": "images", **volume}], ids, {"automountServiceAccountToken": False})

    def stays(self) -> str:
        """Say that it stays with its images, unless the repository goes and no other project is there."""
        if not self._remove_it:
            return "stays, with its images (`down --repository` removes it)"
        other = self._other_user()
        return f"stays, Application {other} may use it" if other else ""

    def _other_user(self) -> str:
        """Name an Application of another project that may use it; empty where there is none."""
        others = [each for each in self._cluster.list("applications.argoproj.io") if _reads_locally(each)]
        return next((each["metadata"]["name"] for each in others if not is_ours(each, self._settings)), "")


def shared_port(deployment: Object | None) -> int | None:
    """Return the port of the node that the registry in a cluster has; None where there is no such registry."""
    if deployment is None or not SHARED.items() <= labels_of(deployment).items():
        return None
    return next(iter(_host_ports(deployment["spec"]["template"]["spec"])), None)


def owner_of(port: int, cluster: Cluster | None = None) -> str:
    """Say whose a port of the node is, as far as a cluster knows, where there is one; empty where it is nobody's."""
    if port < _UNPRIVILEGED:
        return "the system's, as all below 1024"
    if owner := _OF_THE_NODE.get(port):
        return f"in use by {owner}"
    for pod in cluster.list("pods") if cluster else []:
        head = pod["metadata"]
        if pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            continue
        if head["namespace"] != NAME and port in _host_ports(pod["spec"]):
            return f"in use by pod {head['name']} in namespace {head['namespace']}"
    return ""


def _host_ports(pod: Object) -> list[int]:
    """Return the ports of its node that a pod has, by its specification."""
    ports = (port for container in pod["containers"] for port in container.get("ports") or ())
    return [port["hostPort"] for port in ports if port.get("hostPort")]


def _reads_locally(application: Object) -> bool:
    """Return whether an Application is of a project with a git server in the cluster."""
    return str(application["spec"].get("source", {}).get("repoURL", "")).startswith("git://")
