"""The reporter of deployments: a small pod reports the status of each to GitHub, where that is wanted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..ci.registry import Login, digest_of
from ..cluster.helm import Helm
from ..cluster.kubectl import Cluster, Object, Objects
from ..config.settings import FILE, Settings
from ..engine.resource import Change, Field
from ..support.errors import InstallerError
from ..support.secret import Secret
from .helm_release import Held
from .reporter_app import secret_name
from .reporter_pod import manifests
from .sidecar import RBAC, Sidecar, SidecarTemplate


@dataclass(frozen=True)
class Running(Held):
    """The reporter's objects, and the Argo CD that it runs beside."""

    template: SidecarTemplate = SidecarTemplate()  # noqa: RUF009  # frozen
    image: str = ""
    """By digest: the one that runs, where it is the wanted one; empty where that is still to be found out."""


class Reporter(Sidecar[Running]):
    """All but the App's key: the pod in Argo CD's namespace, and its few rights there and in the service's."""

    key = "reporter"
    needs = ("namespace", "reporter-app", "application")
    seen = Running
    unwanted = "github.reporter is none"
    without = "github.reporter: none"

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        helm: Helm,
        *,
        patience: float = 120,
        resolve: Callable[[str], str] | None = None,
    ) -> None:
        super().__init__(settings, cluster, helm, f"{settings.application}-reporter", patience)
        self._resolve = resolve or by_digest
        self.wanted = settings.reporter == "app"
        self.title = f"reporter of deployments to GitHub{f' ({self.environment})' * bool(self.environment)}"

    def places(self) -> Mapping[str, Sequence[str]]:
        """Return its objects beside Argo CD, and its rights in the service's namespace."""
        here = super().places()[self._home]
        rights = [f"{kind}.{RBAC}/{self._name}" for kind in ("roles", "rolebindings")]
        return {self._home: [*here, f"configmaps/{self._name}"], self._settings.namespace: rights}

    def observe(self) -> Running:
        """Look at its objects; at Argo CD only where it is wanted."""
        held = super().observe()
        if not self.wanted:
            return held
        runs, wanted = _image(held.one("Deployment")), self._settings.reporter_image
        image = wanted if "@" in wanted else runs if runs.startswith(f"{wanted}@") else ""
        return replace(held, template=self.template(), image=image)

    def manifests(self, held: Running) -> Objects:
        """Return its objects, with the image that was found out."""
        image = held.image or f"{self._settings.reporter_image}, by its digest"
        settings = replace(self._settings, reporter_image=image)
        return manifests(settings, self._name, secret_name(settings), held.template)

    def note(self, held: Running, fields: Iterable[Field]) -> str:
        """Name the image that it is made of."""
        return "" if held.objects else f"image {self._settings.reporter_image}"

    def apply(self, held: Running, change: Change) -> None:
        """Find out what the image's tag stands for, and write all of it; or remove what nobody wants."""
        if self.wanted:
            held = replace(held, image=held.image or self._resolve(self._settings.reporter_image))
        super().apply(held, change)


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
