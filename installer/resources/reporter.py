"""The reporter: a small pod in Argo CD's namespace that reports each deployment to GitHub, and its GitHub App.

It runs this package's own modules, so that `status` and it judge alike: in an image that has Python and openssl, and
never in the service's own, which every merge can change. Argo CD's own image has no Python.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..ci.registry import Login, digest_of
from ..cluster.helm import Helm
from ..cluster.kubectl import Cluster, Object, Objects
from ..cluster.objects import pack, unpack
from ..config.settings import FILE, Settings
from ..engine.resource import Change, Field, blocked
from ..forges.github.api import api_url
from ..forges.github.app import GIVEN, GitHubApp, lacking
from ..forges.github.app_client import ID, KEY
from ..support.errors import ApiError, InstallerError
from ..support.secret import Secret
from .helm_release import Held, HelmRelease
from .sidecar import RBAC, Sidecar, SidecarTemplate, container, touches

# --- the GitHub App that reports ------------------------------------------------------------------


@dataclass(frozen=True)
class Registered(Held):
    """The Secret with the App that is in it."""

    app: GitHubApp | None = None
    unable: str = ""
    """What keeps the App from reporting: it is not installed, or may too little."""
    page: str = ""
    """Where one is registered, filled in; empty where an App is at hand."""


class ReporterApp(HelmRelease[Registered]):
    """Registered by a person, then given by the environment: its number and private key, in one Secret alone."""

    key = "reporter-app"
    needs = ("repository", "argocd")
    seen = Registered
    title = "GitHub App that reports"
    unwanted = "github.reporter is none"

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        helm: Helm,
        app: GitHubApp | None = None,
        page: Callable[[], str] = lambda: "",
    ) -> None:
        super().__init__(settings, cluster, helm, secret_name(settings))
        self._app = app
        self._page = page
        self.wanted = settings.reporter == "app"

    def observe(self) -> Registered:
        """Read the Secret, and ask GitHub about the App in it."""
        held = super().observe()
        secret = held.one("Secret")
        app = _app_in(secret) if secret else None
        if app is None:
            return replace(held, page=self._page() if self.wanted and not self._app else "")
        if self.foreign(held):
            return held
        self.kept = f"App {app.number} itself stays at GitHub, where its owner can delete it"
        return replace(held, app=app, unable=self._unable(app) if self.wanted else "")

    def lacks(self, held: Registered) -> Change | None:
        """Ask for an App, with the page that registers one."""
        if held.app or self._app:
            return None
        steps = (
            f"Register it: {held.page}\n"
            f"Make a private key on its page, install it for {self._settings.repository}, "
            f"then export {' '.join(f'{name}=…' for name in GIVEN)}"
        )
        return blocked("it takes a person to register one", steps)

    def differences(self, held: Registered) -> Iterator[Field]:
        """Compare number and key with those that are given; without any, the App that is there is kept."""
        given, there = self._app, held.app
        if held.objects and given and (there is None or there.number != given.number):
            yield Field("App", there and there.number, given.number)
        if held.objects and given and (there is None or there.key != given.key):
            yield Field("private key", there and "another", "set")

    def diff(self, held: Registered) -> Change | None:
        """Say, where nothing else is to do, what keeps it from reporting."""
        change = super().diff(held)
        return Change("change", note=held.unable) if held.unable and not change else change

    def manifests(self, held: Registered) -> Objects:
        """Return the Secret."""
        app = self._app or held.app
        fields, secrets = ({ID: app.number}, {KEY: app.key}) if app else ({}, {})
        return [pack(self._head(), "Opaque", fields, secrets)]

    def apply(self, held: Registered, change: Change) -> None:
        """Keep a new one in the cluster before all else: its key is given out once. Then check its installation."""
        if self._app and self.wanted:
            self._app.at(self._settings).about()  # a number and a key that do not belong together end it here
        if change.action == "create" or change.fields or not self.wanted:
            super().apply(held, change)
        if self.wanted and (app := self._app or held.app):
            self._check_installed(app)

    def _check_installed(self, app: GitHubApp) -> None:
        """Raise where the App is not installed for this repository, or may not do what it has to."""
        try:
            page = f"{app.at(self._settings).about()['html_url']}/installations/new"
        except ApiError as error:
            fix = f"Make a private key on the page of App {app.number}, and set {' and '.join(GIVEN)}."
            raise InstallerError(error.message, fix) from None
        if unable := self._unable(app):
            raise InstallerError(f"{unable}.", f"See to it at {page}, then run this again.")

    def _unable(self, app: GitHubApp) -> str:
        """Say what keeps an App from reporting on this repository; nothing where nothing does."""
        try:
            found = app.at(self._settings).installation()
        except ApiError as error:
            if error.status != 401:
                raise
            return f"GitHub takes the key of App {app.number} no more"
        if found is None:
            return f"App {app.number} is not installed for {self._settings.repository}"
        missing = lacking(found)
        return f"App {app.number} lacks {missing} for {self._settings.repository}" if missing else ""


def secret_name(settings: Settings) -> str:
    """Return the name of the Secret, and of its release."""
    return f"{settings.of_each()[0].application}-reporter-app"


def _app_in(secret: Object) -> GitHubApp | None:
    """Return the App that a Secret holds; nothing where it holds no whole one."""
    fields = unpack(secret)
    return GitHubApp(fields[ID], Secret(fields[KEY])) if ID in fields and KEY in fields else None


# --- its pod: modules of this package, given by a ConfigMap to an image that has Python and openssl ---

MODULES = (
    *("support/errors", "support/secret", "support/wait", "support/http_client"),
    *("support/plain_text", "cluster/workloads", "forges/github/app_client"),
    *("status/service", "status/github_deployments", "status/reporter_main"),
)
"""What it is made of: nothing but these and the standard library."""
_USER = 65534
_AUTHORITY = "authority.pem"
_MARK = "/tmp/looked"  # noqa: S108  # in the container: all else is read-only
_CODE = Path(__file__).parents[1]


def _looks(slug: str) -> Objects:
    """Return what it may do in the service's namespace: look at pods and ask them, and find the service's address."""
    return [
        {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["services"], "resourceNames": [slug], "verbs": ["get"]},
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "resourceNames": [slug], "verbs": ["get"]},
    ]


# --- the reporter ---------------------------------------------------------------------------------


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
        self, settings: Settings, cluster: Cluster, helm: Helm, resolve: Callable[[str], str] = by_digest
    ) -> None:
        super().__init__(settings, cluster, helm, f"{settings.application}-reporter")
        self._resolve = resolve
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
        """Return its objects, with the image that was found out; the App's Secret is beside it."""
        settings, secret = self._settings, secret_name(self._settings)
        packages = {parent.as_posix() for each in MODULES for parent in Path("reporter", each).parents} - {"."}
        code = {f"{package}/__init__.py": "" for package in sorted(packages)}
        code |= {f"reporter/{each}.py": (_CODE / f"{each}.py").read_text(encoding="utf-8") for each in MODULES}
        files = {**code, **({_AUTHORITY: settings.ca} if settings.ca else {})}
        data = {path.replace("/", "."): text for path, text in files.items()}  # a key of a ConfigMap holds no slash
        items = [{"key": path.replace("/", "."), "path": path} for path in files]
        application = {
            "apiGroups": ["argoproj.io"], "resources": ["applications"], "resourceNames": [settings.application],
            "verbs": ["get"],
        }  # fmt: skip
        volumes: Objects = [
            {"name": "code", "configMap": {"name": self._name, "items": items, "defaultMode": 0o444}},
            {"name": "app", "secret": {"secretName": secret, "defaultMode": 0o444}},
        ]
        noted = {"gitops-flask/code": hashlib.sha256("".join(data.values()).encode()).hexdigest()[:16]}
        reporter = container(
            type(self).key,
            held.image or f"{settings.reporter_image}, by its digest",
            self._environment(held.template),
            probe=touches(_MARK, every=120),
            attempts=3600,
            memory="96Mi",
            command=["python", "-m", "reporter.status.reporter_main"],
        )
        return [
            self.account(),
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": self._head(), "data": data},
            *self.rights(self._home, application),
            *self.rights(settings.namespace, *_looks(settings.slug)),
            self.deployment(held.template, reporter, volumes, user=_USER, noted=noted),
        ]

    def _environment(self, template: SidecarTemplate) -> dict[str, str]:
        settings = self._settings
        return {
            **dict(template.proxies),
            "PYTHONPATH": "/code",
            "PYTHONDONTWRITEBYTECODE": "1",
            "API": api_url(settings.host),
            "GITHUB": settings.host,
            "REPOSITORY": settings.repository,
            "ENVIRONMENT": settings.environment,
            "BRANCH": settings.branch,
            "APPLICATION": settings.application,
            "ARGOCD_NAMESPACE": settings.argocd_namespace,
            "NAMESPACE": settings.namespace,
            "SLUG": settings.slug,
            "APP": "/app",
            "MARK": _MARK,
            **({"AUTHORITY": f"/code/{_AUTHORITY}"} if settings.ca else {}),
        }

    def note(self, held: Running, fields: Iterable[Field]) -> str:
        """Name the image that it is made of."""
        return "" if held.objects else f"image {self._settings.reporter_image}"

    def apply(self, held: Running, change: Change) -> None:
        """Find out what the image's tag stands for, and write all of it; or remove what nobody wants."""
        if self.wanted:
            held = replace(held, image=held.image or self._resolve(self._settings.reporter_image))
        super().apply(held, change)


def _image(deployment: Object | None) -> str:
    """Return what the present pod is made of."""
    containers = deployment["spec"]["template"]["spec"]["containers"] if deployment else []
    return str(containers[0].get("image", "")) if containers else ""
