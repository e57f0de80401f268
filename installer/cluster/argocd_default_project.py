"""Argo CD's AppProject `default`, which allows everything everywhere: in an Argo CD of ours it allows nothing."""

from ..config.settings import Settings
from .helm import Helm, objects
from .kubectl import Cluster, Object
from .labels import metadata

RELEASE = "argocd-default-project"
_KIND = "appprojects.argoproj.io"
_NAME = "default"
_OPEN = ("sourceRepos", "destinations", "clusterResourceWhitelist", "sourceNamespaces")
OPEN, CLOSED = "allows everything", "allows nothing"


class DefaultProject:
    """The project of that name beside one Argo CD."""

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm) -> None:
        self._settings = settings
        self._home = settings.argocd_namespace
        self._cluster = cluster
        self._helm = helm

    def is_open(self) -> bool:
        """Return whether it allows something, or will: Argo CD creates a missing one, open, when it starts."""
        found = self._cluster.get(_KIND, _NAME, self._home)
        return found is None or any(found.get("spec", {}).get(each) for each in _OPEN)

    def users(self) -> list[str]:
        """Name the Applications that would stop working without it."""
        found = self._cluster.list("applications.argoproj.io")
        return [each["metadata"]["name"] for each in found if each["spec"].get("project") in ("", _NAME)]

    def close(self) -> None:
        """Let it allow nothing, unless somebody uses it."""
        if self.is_open() and not self.users():
            self._helm.install(RELEASE, self._home, objects(self._manifest()), take_ownership=True)

    def remove(self) -> None:
        """Take our version of it away."""
        self._helm.uninstall(RELEASE, self._home)

    def _manifest(self) -> Object:
        spec = {
            "description": "gitops-flask: allows nothing; each application has a project of its own",
            **{each: [] for each in _OPEN},
            "namespaceResourceBlacklist": [{"group": "*", "kind": "*"}],
        }
        head = metadata(self._settings, _NAME, self._home)
        return {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": head, "spec": spec}
