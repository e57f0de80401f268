"""A git server in the cluster, for a project that is tried on one machine, and what it had if it lost that.

A pod of Argo CD's own image, beside Argo CD: its daemon lets anyone in the cluster read, and nobody write. Pushes go
through `kubectl exec` (forges/local/).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from ..cluster.helm import Helm
from ..cluster.kubectl import Cluster, Object, Objects
from ..cluster.objects import annotations_of
from ..config.settings import Settings
from ..engine.resource import WITH_REPOSITORY, Change, Field, Resource
from ..forges.base import Forge
from ..forges.credentials import Credentials
from ..forges.git import Clone, Login
from ..forges.local.repository import FOLDER, LocalGit, NoKeys
from ..support import process
from ..support.errors import InstallerError
from ..support.file_lock import about_to_write
from .helm_release import Held
from .hosted_repository import ForgeKind
from .sidecar import Sidecar, SidecarTemplate, container

PORT = 9418
"""Git's own, of `git daemon`."""
SCRIPT = Path(__file__).parent / "git_server.sh"
CLAIM = "persistentvolumeclaims"
SIZE = "1Gi"
_USER = 999
"""Argo CD's own, where its Deployment names none: whose files a volume's are to be."""


def default_storage(cluster: Cluster) -> bool:
    """Return whether the cluster makes a volume for whoever claims one."""
    mark = "storageclass.kubernetes.io/is-default-class"
    classes = cluster.list("storageclasses.storage.k8s.io")
    return any(annotations_of(each).get(mark) == "true" for each in classes)


def claim(head: Object, size: str) -> Object:
    """Return the claim of a volume of the cluster's default class."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": head, "spec": spec}


@dataclass(frozen=True)
class Serving(Held):
    """The git server, and what it is made of."""

    template: SidecarTemplate = SidecarTemplate()  # noqa: RUF009  # frozen
    keeps: bool = False
    """Whether what it holds is on a volume that outlives its pod."""


class GitServer(Sidecar[Serving]):
    """One pod, its Service, and where the cluster has volumes, one of those. It holds the repository."""

    key = "repository"
    needs = ("argocd",)
    seen = Serving
    kinds = ("serviceaccounts", "services", "deployments.apps", CLAIM)
    patience = 180.0
    without = "another cluster (local.context)"

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, *, remove_it: bool = False) -> None:
        super().__init__(settings, cluster, helm, settings.git_server)
        self._remove_it = remove_it
        self.title = f"git server {self._name} in namespace {self._home}"

    def observe(self) -> Serving:
        """Look at it, and at what it is made of: one that began without a volume goes on without."""
        held = super().observe()
        keeps = bool(held.one("PersistentVolumeClaim")) if held.objects else default_storage(self._cluster)
        return replace(held, template=self.template(), keeps=keeps)

    def note(self, held: Serving, fields: Iterable[Field]) -> str:
        """Say so where what it holds ends with its pod."""
        lost = "the cluster has no default StorageClass: after a restart `up` pushes to it again what this clone has"
        return "" if held.keeps or held.objects else lost

    def manifests(self, held: Serving) -> Objects:
        """Return its objects."""
        head = self._head()
        volume = {"persistentVolumeClaim": {"claimName": self._name}} if held.keeps else {"emptyDir": {}}
        volumes: Objects = [{"name": FOLDER.strip("/"), **volume}]
        user = held.template.user
        deployment = self.deployment(
            held.template, self._container(held), volumes, user=user, group=user or _USER, token=False
        )
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": head,
            "spec": {
                "selector": deployment["spec"]["selector"]["matchLabels"],
                "ports": [{"name": "git", "port": PORT, "targetPort": PORT, "protocol": "TCP"}],
            },
        }
        return [self.account(), service, deployment, *([claim(head, SIZE)] if held.keeps else [])]

    def _container(self, held: Serving) -> Object:
        environment = {
            "REPOSITORY": f"{FOLDER}/{self._settings.repository}.git",
            "HOME": "/tmp",  # noqa: S108  # in the container: all else is read-only
            # a volume's folder may be another user's
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        return container(
            type(self).key,
            held.template.image,
            environment,
            probe={"tcpSocket": {"port": PORT}},
            memory="256Mi",
            command=["bash", "-c", SCRIPT.read_text(encoding="utf-8")],
        )

    def stays(self) -> str:
        """Say that it stays with the repository in it, unless that is to go."""
        return "" if self._remove_it else "stays: it holds the repository (`down --repository` removes it)"


# --- the record of what was deployed, where the server lost it ------------------------------------


class RestoredRecord(Resource[str | None]):
    """The branch `env/dev` as this clone saw it last, holds included, pushed to a server that has none."""

    lane = "cluster"
    key = "deployment"
    nothing = None
    needs = ("initial-push",)
    wanted = False

    def __init__(
        self, settings: Settings, forge: Forge, login: Login, clone: Clone, *, repository_goes: bool = False
    ) -> None:
        self._url = settings.clone_url
        self._branch = settings.branch
        self._forge = forge
        self._login = login
        self._clone = clone
        self._fate = WITH_REPOSITORY if repository_goes else "stays"
        self.title = f"branch {self._branch}, the record of what was deployed"

    def observe(self) -> str | None:
        """Return the head of the branch."""
        return self._forge.head(self._branch)

    def diff(self, seen: str | None) -> Change | None:
        """Restore it where it is gone and this clone has it."""
        if seen or not self._clone.follows(self._branch):
            return None
        return Change("create", note="the server has none; restored as this clone saw it last, a hold in it as well")

    def apply(self, seen: str | None, change: Change) -> None:
        """Push what the clone has, if the server has none by then."""
        about_to_write()
        push = ("push", self._url, f"refs/remotes/origin/{self._branch}:refs/heads/{self._branch}")
        git = (*self._login.options, *push)
        process.run("git", *git, cwd=self._clone.folder, env=self._login.variables, timeout=180)
        if not self.observe():
            raise InstallerError(f"{self._url} took {self._branch} and does not show it.", "Run this again.")

    def removal(self, seen: str | None) -> str:
        """Say whether the branch stays: only the whole repository takes it along."""
        return self._fate if seen else ""


# --- all that the code host consists of ------------------------------------------------------------


def _connect(settings: Settings, _: Credentials) -> LocalGit:
    return LocalGit(Cluster(settings.context or None), settings)


def _none(*_: Any, **__: Any) -> NoReturn:
    what = "A project on one machine has no code host with rules, webhooks and requests to merge."
    raise InstallerError(what, "gitops-flask new makes one that has.")


FORGE = ForgeKind(
    _connect,
    lambda _: NoKeys(),
    repository=GitServer,
    rules=_none,
    webhooks=_none,
    requests=_none,
    login=lambda forge, _: forge.login,
)
