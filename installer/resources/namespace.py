"""The application's namespace, in a release of its own: it outlives the application, and unmanaged resources in it."""

from dataclasses import dataclass

from ..cluster.helm import Helm, objects
from ..cluster.kubectl import Cluster, Object
from ..cluster.labels import KEEP, is_ours, metadata, not_ours, readdressed, stays, whose
from ..config.settings import Settings
from ..engine.resource import Change, Field, Lane, Resource, differences
from ..support.errors import InstallerError
from ..support.wait import clear

ENFORCE = {"pod-security.kubernetes.io/enforce": "restricted"}
"""The strictest of Kubernetes' levels; the chart complies with it."""
_OF_KUBERNETES = ("serviceaccount/default", "configmap/kube-root-ca.crt")
_UNMANAGED = "stays: it is unmanaged"
_FLEETING = ("event/", "event.events.k8s.io/", "endpoints/", "endpointslice.discovery.k8s.io/", "lease.")


@dataclass(frozen=True)
class Seen:
    """The namespace, if it is there, and the state of our release of it, if there is one."""

    namespace: Object | None
    release: str | None = None

    @property
    def leaving(self) -> bool:
        """Return whether it is being deleted."""
        return bool(self.namespace and self.namespace["metadata"].get("deletionTimestamp"))


class Namespace(Resource[Seen]):
    """Made where it is missing; one that is there already is used and never changed."""

    lane: Lane = "cluster"
    key = "namespace"
    needs = ("argocd",)

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, *, patience: float = 120) -> None:
        self._settings = settings
        self._cluster = cluster
        self._helm = helm
        self._patience = patience
        self._name = settings.namespace
        self._release = f"{settings.application}-namespace"
        self._home = settings.argocd_namespace
        self.title = f"namespace {self._name}"

    def observe(self) -> Seen:
        """Look for the namespace."""
        found = self._cluster.get("namespace", self._name)
        if found is None:
            return Seen(None)
        if not is_ours(found, self._settings):
            if not whose(found):
                self.title = f"namespace {self._name} (unmanaged: used, never changed or removed)"
            return Seen(found)
        release = self._helm.release(self._release, self._home)
        return Seen(found, release.status if release else None)

    def blank(self) -> Seen:
        """Return what is seen where nothing was made yet."""
        return Seen(None)

    def diff(self, seen: Seen) -> Change | None:
        """A missing one is made, one of ours is set right; of one that no project made its openness is reported."""
        if seen.namespace and whose(seen.namespace) and not is_ours(seen.namespace, self._settings):
            return not_ours(seen.namespace, self._settings)
        if seen.leaving:
            return Change("create", note="once the present one, which is being deleted, has gone")
        if seen.namespace is None:
            return Change("create")
        if not is_ours(seen.namespace, self._settings):
            reported = advice(seen.namespace)
            return Change("skipped", note=reported) if reported else None
        fields = differences(ENFORCE, seen.namespace["metadata"]["labels"], "labels.")
        if seen.release != "deployed":
            fields += (Field("release", seen.release, "deployed"),)
        fields += readdressed(seen.namespace, self._settings)
        return Change("change", fields) if fields else None

    def obstacle(self) -> Change | None:
        """Say so where the release that would hold it is another's."""
        return self._helm.obstacle(self._release, self._home)

    def apply(self, seen: Seen, change: Change) -> None:
        """Make it, after the old one is gone."""
        if seen.leaving:
            clear(f"The end of namespace {self._name}", self._remains, self._patience)
        elsewhere = self._helm.displace(seen.namespace, self._release, self._home)
        self._helm.install(self._release, self._home, objects(self._manifest(keep=True)), take_ownership=elsewhere)

    def removal(self, seen: Seen) -> str:
        """Say whose it is; what else is in it shows once the service has gone."""
        if seen.namespace is None:
            return ""
        if not is_ours(seen.namespace, self._settings):
            return stays(seen.namespace, self._settings) if whose(seen.namespace) else _UNMANAGED
        return "goes, unless it holds unmanaged resources"

    def remove(self) -> str:
        """Remove it where it is ours and nothing but Kubernetes' own things are left in it."""
        seen = self.observe()
        if seen.namespace is None:
            gone = self._helm.uninstall(self._release, self._home)
            return f"{'was gone, its release went' if gone else 'was not there'}"
        if not is_ours(seen.namespace, self._settings):
            self._helm.uninstall(self._release, self._home)
            return stays(seen.namespace, self._settings) if whose(seen.namespace) else _UNMANAGED
        if not seen.leaving:
            try:
                unmanaged = others(self._cluster.everything_in(self._name))
            except InstallerError as error:
                return f"stays, because what it holds is unknown: {error.message}"
            if unmanaged:
                return f"stays, it still holds {', '.join(unmanaged[:5])}" + (
                    f" and {len(unmanaged) - 5} more" if len(unmanaged) > 5 else ""
                )
            # `keep` guards it against a manual uninstall: take that off first
            self._helm.install(self._release, self._home, objects(self._manifest(keep=False)))
        self._helm.uninstall(self._release, self._home)
        clear(f"The end of namespace {self._name}", self._remains, self._patience)
        return "removed"

    def _manifest(self, *, keep: bool) -> Object:
        head = metadata(self._settings, self._name, labels=ENFORCE, annotations=KEEP if keep else {})
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": head}

    def _remains(self) -> str:
        found = self._cluster.get("namespace", self._name)
        conditions = (found or {}).get("status", {}).get("conditions", [])
        reported = [c["message"] for c in conditions if c.get("status") == "True" and c.get("message")]
        return "" if found is None else "; ".join(reported) or f"phase {found['status']['phase']}"


def others(names: list[str]) -> list[str]:
    """Leave out of a namespace's content what Kubernetes itself puts there."""
    return [n for n in names if n not in _OF_KUBERNETES and not n.startswith(_FLEETING)]


def advice(namespace: Object) -> str:
    """Say how someone else's namespace can be protected; empty where its owner chose a level."""
    (label, level), labels = next(iter(ENFORCE.items())), namespace["metadata"].get("labels") or {}
    if labels.get(label, "privileged") != "privileged":
        return ""
    return (
        f"it admits privileged pods, so whoever deploys can take over a node; its owner can change that: "
        f"kubectl label namespace {namespace['metadata']['name']} {label}={level}"
    )
