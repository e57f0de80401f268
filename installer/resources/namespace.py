"""The application's namespace, in a release of its own: it outlives the application, and unmanaged resources in it."""

from collections.abc import Iterator, Mapping, Sequence

from ..cluster.helm import Helm, objects
from ..cluster.kubectl import Cluster, Object, Objects
from ..cluster.objects import KEEP, labels_of, metadata, stays, whose
from ..config.settings import Settings
from ..engine.resource import Change, Field, differences
from ..support.errors import InstallerError
from ..support.wait import clear
from .helm_release import Held, HelmRelease

ENFORCE = {"pod-security.kubernetes.io/enforce": "restricted"}
"""The strictest of Kubernetes' levels; the chart complies with it."""
_OF_KUBERNETES = ("serviceaccount/default", "configmap/kube-root-ca.crt")
_UNMANAGED = "stays: it is unmanaged"
_FLEETING = ("event/", "event.events.k8s.io/", "endpoints/", "endpointslice.discovery.k8s.io/", "lease.")


class Namespace(HelmRelease[Held]):
    """Made where it is missing; one that is there already is used and never changed."""

    key = "namespace"
    patience = 120.0
    needs = ("argocd",)
    used_as_it_is = "used, never changed or removed"

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm) -> None:
        super().__init__(settings, cluster, helm, f"{settings.application}-namespace")
        self._namespace = settings.namespace
        self.title = f"namespace {self._namespace}"

    def places(self) -> Mapping[str, Sequence[str]]:
        """Return the namespace."""
        return {"": [f"namespace/{self._namespace}"]}

    def diff(self, held: Held) -> Change | None:
        """Make it anew where it is being deleted."""
        if held.leaving and not ((foreign := self.foreign(held)) and whose(foreign)):
            return Change("create", note="once the present one, which is being deleted, has gone")
        return super().diff(held)

    def unmanaged(self, found: Object) -> Change | None:
        """Report the openness of one that no installer made."""
        reported = advice(found)
        return Change("skipped", note=reported) if reported else None

    def differences(self, held: Held) -> Iterator[Field]:
        """Compare its level; what else is said about it is not ours."""
        if found := held.one("Namespace"):
            yield from differences(ENFORCE, found["metadata"]["labels"], "labels")

    def manifests(self, held: Held) -> Objects:
        """Return the namespace, guarded against a manual uninstall."""
        return [self._manifest(KEEP)]

    def _manifest(self, annotations: Mapping[str, str]) -> Object:
        head = metadata(self._settings, self._namespace, labels=ENFORCE, annotations=annotations)
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": head}

    def apply(self, held: Held, change: Change) -> None:
        """Make it, after the old one is gone."""
        if held.leaving:
            clear(f"The end of namespace {self._namespace}", self._ending, self.patience)
        super().apply(held, change)

    def removal(self, held: Held) -> str:
        """Say whose it is; what else is in it shows once the service has gone."""
        return self._stays(held) or ("goes, unless it holds unmanaged resources" if held.objects else "")

    def _stays(self, held: Held) -> str:
        foreign = self.foreign(held)
        return "" if foreign is None else stays(foreign, self._settings) if whose(foreign) else _UNMANAGED

    def remove(self) -> str:
        """Remove it where it is ours and nothing but Kubernetes' own things are left in it."""
        held = self.observe()
        if not held.objects:
            gone = self._helm.uninstall(self._name, self._home)
            return "was gone, its release went" if gone else "was not there"
        if kept := self._stays(held):
            self._helm.uninstall(self._name, self._home)
            return kept
        if not held.leaving:
            if kept := kept_by(self._cluster, self._namespace):
                return f"stays, {kept}"
            # `keep` guards it against a manual uninstall: take that off first
            self._helm.install(self._name, self._home, objects(self._manifest({})))
        self._helm.uninstall(self._name, self._home)
        clear(f"The end of namespace {self._namespace}", self._ending, self.patience)
        return "removed"

    def _ending(self) -> str:
        found = self._cluster.get("namespace", self._namespace)
        conditions = (found or {}).get("status", {}).get("conditions", [])
        reported = [c["message"] for c in conditions if c.get("status") == "True" and c.get("message")]
        return "" if found is None else "; ".join(reported) or f"phase {found['status']['phase']}"


def kept_by(cluster: Cluster, namespace: str) -> str:
    """Say what keeps a namespace: what it holds beside Kubernetes' own things; empty where there is nothing."""
    try:
        names = cluster.everything_in(namespace)
    except InstallerError as error:
        return f"because what it holds is unknown: {error.message}"
    left = [each for each in names if each not in _OF_KUBERNETES and not each.startswith(_FLEETING)]
    more = f" and {len(left) - 5} more" if len(left) > 5 else ""
    return f"it still holds {', '.join(left[:5])}{more}" if left else ""


def advice(namespace: Object) -> str:
    """Say how someone else's namespace can be protected; empty where its owner chose a level."""
    ((label, level),) = ENFORCE.items()
    if labels_of(namespace).get(label, "privileged") != "privileged":
        return ""
    return (
        f"it admits privileged pods, so whoever deploys can take over a node; its owner can change that: "
        f"kubectl label namespace {namespace['metadata']['name']} {label}={level}"
    )
