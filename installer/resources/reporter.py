"""The reporter of deployments: a small pod reports the status of each to GitHub, where that is wanted."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..ci.registry import Login, digest_of
from ..cluster.argocd_inventory import COMPONENT, PARTS
from ..cluster.helm import Helm, objects
from ..cluster.helm_release import Release
from ..cluster.kubectl import Cluster, Object, Objects
from ..cluster.labels import is_ours, not_ours, stays
from ..cluster.pods import problems
from ..cluster.sidecar_pods import KINDS, RBAC, SidecarTemplate, remains, unready
from ..config.settings import FILE, Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource, covers
from ..support.errors import InstallerError
from ..support.secret import Secret
from ..support.wait import clear
from .reporter_app import secret_name
from .reporter_pod import manifests


@dataclass(frozen=True)
class Seen:
    """The reporter's objects by namespace and kind, their release, and the Argo CD that it runs beside."""

    objects: dict[tuple[str, str], Object]
    release: Release | None = None
    template: SidecarTemplate = SidecarTemplate()  # noqa: RUF009  # frozen
    image: str = ""
    """By digest: the one that runs, where it is the wanted one; empty where that is still to be found out."""


class Reporter(Resource[Seen]):
    """All but the App's key: the pod in Argo CD's namespace, and its few rights there and in the service's."""

    lane: Lane = "cluster"
    key = "reporter"
    needs = ("namespace", "reporter-app", "application")

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        helm: Helm,
        *,
        patience: float = 120,
        resolve: Callable[[str], str] | None = None,
    ) -> None:
        self._resolve = resolve or by_digest
        self._settings = settings
        self._cluster = cluster
        self._helm = helm
        self._patience = patience
        self.wanted = settings.reporter == "app"
        self._home = settings.argocd_namespace
        self._name = f"{settings.application}-reporter"
        self._selector = f"app.kubernetes.io/name={self._name}"
        self._places = {
            self._home: [f"{kind}/{self._name}" for kind in (*KINDS, "configmaps")],
            settings.namespace: [f"{kind}.{RBAC}/{self._name}" for kind in ("roles", "rolebindings")],
        }
        self.title = "reporter of deployments to GitHub"

    def observe(self) -> Seen:
        """Look at its objects; at Argo CD only where it is wanted."""
        found = self._found()
        if not self.wanted:
            return Seen(found)
        parts = self._cluster.list("deployments", self._home, PARTS)
        reader = [each for each in parts if each["metadata"]["labels"].get(COMPONENT) == "repo-server"]
        release = self._helm.release(self._name, self._home) if found else None
        runs = _image(found.get((self._home, "Deployment")))
        wanted = self._settings.reporter_image
        image = wanted if "@" in wanted else runs if runs.startswith(f"{wanted}@") else ""
        return Seen(found, release, SidecarTemplate.of(reader[0]) if reader else SidecarTemplate(), image)

    def blank(self) -> Seen:
        """Return what is seen where nothing was made yet."""
        return Seen({})

    def diff(self, seen: Seen) -> Change | None:
        """Compare each object; one that nobody wants any more goes."""
        if foreign := [found for found in seen.objects.values() if not is_ours(found, self._settings)]:
            return not_ours(foreign[0], self._settings) if self.wanted else None
        if not self.wanted:
            return Change("change", note="goes: github.reporter is none") if seen.objects else None
        if not seen.objects:
            return Change("create", note=f"image {self._settings.reporter_image}")
        fields = tuple(
            Field(manifest["kind"], "another, or none", "as it should be")
            for manifest in self._manifests(
                seen.template, seen.image or f"{self._settings.reporter_image}, by its digest"
            )
            if not covers(seen.objects.get((manifest["metadata"]["namespace"], manifest["kind"])), manifest)
        )
        if seen.release is None or seen.release.status != "deployed":
            fields += (Field("release", seen.release and seen.release.status, "deployed"),)
        waiting = not fields and unready(seen.objects[self._home, "Deployment"])
        return Change("change", fields, f"wait for it: {waiting}" if waiting else "") if fields or waiting else None

    def obstacle(self) -> Change | None:
        """Say so where the release that would hold it is another's."""
        return self._helm.obstacle(self._name, self._home)

    def apply(self, seen: Seen, change: Change) -> None:
        """Write all of it, and wait until GitHub has let it in; or remove what nobody wants."""
        if not self.wanted:
            self.remove()
            return
        for found in seen.objects.values():
            self._helm.displace(found, self._name, self._home)
        image = seen.image or self._resolve(self._settings.reporter_image)
        self._helm.install(self._name, self._home, objects(*self._manifests(seen.template, image)))
        clear(
            f"The start of the {self.title}",
            lambda: unready(self._cluster.get("deployments.apps", self._name, self._home)),
            self._patience,
            explain=lambda: "\n  ".join([*problems(self._cluster, self._home, self._selector), *self._words()]),
        )

    def _words(self) -> list[str]:
        """Return what the pod said last, and the way to do without."""
        pods = self._cluster.list("pods", self._home, self._selector)
        said = [self._cluster.logs(pod["metadata"]["name"], self._home, "reporter") for pod in pods]
        return [*filter(None, said), "To do without it: github.reporter: none in gitops.yaml"]

    def removal(self, seen: Seen) -> str:
        """Say whose it is."""
        if foreign := [found for found in seen.objects.values() if not is_ours(found, self._settings)]:
            return stays(foreign[0], self._settings)
        return GOES if seen.objects else ""

    def remove(self) -> str:
        """Remove it and assert it gone."""
        found = self._found()
        if foreign := [each for each in found.values() if not is_ours(each, self._settings)]:
            return stays(foreign[0], self._settings)
        there = self._helm.uninstall(self._name, self._home)
        clear(f"The end of the {self.title}", self._remains, self._patience)
        return "removed" if there or found else "was not there"

    def _manifests(self, template: SidecarTemplate, image: str) -> Objects:
        return manifests(
            replace(self._settings, reporter_image=image), self._name, secret_name(self._settings), template
        )

    def _found(self) -> dict[tuple[str, str], Object]:
        return {
            (namespace, kind): found
            for namespace, references in self._places.items()
            for kind, found in self._cluster.get_many(references, namespace).items()
        }

    def _remains(self) -> str:
        return remains(self._cluster, self._name, self._home, self._places)


def by_digest(image: str) -> str:
    """Return an image's name with the digest that its tag stands for now, so that it cannot become another one.

    Nobody's login is sent: whoever reads what the pod may read chose this image, and names a private one by its digest.
    """
    host, _, rest = image.partition("/")
    name, _, tag = rest.rpartition(":") if ":" in rest else (rest, "", "latest")
    try:
        return f"{image}@{digest_of(Login(host, '', Secret('')), name, tag)}"
    except InstallerError as error:
        fix = f"Name it by its digest in {FILE}: github.reporter_image: {image}@sha256:…"
        raise InstallerError(error.message, fix) from None


def _image(deployment: Object | None) -> str:
    """Return what the present pod is made of."""
    containers = deployment["spec"]["template"]["spec"]["containers"] if deployment else []
    return str(containers[0].get("image", "")) if containers else ""
