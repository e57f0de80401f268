"""The GitHub App that reports: its number and private key, in one Secret in Argo CD's namespace, and nowhere else."""

from collections.abc import Callable
from dataclasses import dataclass

from ..cluster.helm import Helm, objects
from ..cluster.kubectl import Cluster, Object
from ..cluster.objects import is_ours, metadata, not_ours, pack, readdressed, stays, unpack
from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource, blocked
from ..forges.github.app import GIVEN, GitHubApp, lacking
from ..forges.github.app_client import ID, KEY
from ..support.errors import ApiError, InstallerError
from ..support.secret import Secret


@dataclass(frozen=True)
class Seen:
    """The Secret, taken apart, and the state of its release (None where there is none)."""

    secret: Object | None
    app: GitHubApp | None = None
    release: str | None = None
    lacks: str = ""
    """What keeps the App from reporting: it is not installed, or may too little."""
    page: str = ""
    """Where one is registered, filled in; empty where an App is at hand."""


class ReporterApp(Resource[Seen]):
    """Registered by a person, then given by the environment; one that is there is kept."""

    lane: Lane = "cluster"
    key = "reporter-app"
    needs = ("repository", "argocd")

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        helm: Helm,
        app: GitHubApp | None = None,
        page: Callable[[], str] = lambda: "",
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._helm = helm
        self._app = app
        self._page = page
        self.wanted = settings.reporter == "app"
        self._home = settings.argocd_namespace
        self._name = secret_name(settings)
        self.title = "GitHub App that reports"

    def observe(self) -> Seen:
        """Read the Secret."""
        secret = self._cluster.get("secret", self._name, self._home)
        if secret is None:
            return Seen(None, page=self._page() if self.wanted and not self._app else "")
        release = self._helm.release(self._name, self._home)
        app = read(secret)
        asked = app if self.wanted and app and is_ours(secret, self._settings) else None
        return Seen(secret, app, release.status if release else None, self._lacks(asked) if asked else "")

    def blank(self) -> Seen:
        """Return what is seen where nothing was made yet."""
        return Seen(None)

    def diff(self, seen: Seen) -> Change | None:
        """Compare number and key with those that are given; without any, the App that is there is kept."""
        if seen.secret is not None and not is_ours(seen.secret, self._settings):
            return not_ours(seen.secret, self._settings) if self.wanted else None
        if not self.wanted:
            return None if seen.secret is None else Change("change", (Field("Secret", "set", None),), "not wanted")
        if seen.app is None and self._app is None:
            return blocked("it takes a person to register one", self._steps(seen.page))
        if seen.app is None:
            return Change("create")
        fields = [] if seen.release == "deployed" else [Field("release", seen.release, "deployed")]
        fields += readdressed(seen.secret, self._settings) if seen.secret else ()
        if self._app and self._app.number != seen.app.number:
            fields.append(Field("App", seen.app.number, self._app.number))
        if self._app and self._app.key != seen.app.key:
            fields.append(Field("private key", "another", "set"))
        lacks = "" if fields else seen.lacks
        return Change("change", tuple(fields), lacks) if fields or lacks else None

    def _steps(self, page: str) -> str:
        """Return what a person does at GitHub, and what they then give."""
        given = " ".join(f"{name}=…" for name in GIVEN)
        return (
            f"Register it: {page or 'docs/how-to/github.md'}\n"
            f"Make a private key on its page, install it for {self._settings.repository}, then export {given}"
        )

    def _lacks(self, app: GitHubApp) -> str:
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

    def obstacle(self) -> Change | None:
        """Say so where the release that would hold it is another's."""
        return self._helm.obstacle(self._name, self._home)

    def apply(self, seen: Seen, change: Change) -> None:
        """Keep a new one in the cluster before all else: its key is given out once. Then check its installation."""
        if not self.wanted:
            self._helm.uninstall(self._name, self._home)
            return
        if self._app:
            self._app.at(self._settings).about()  # a number and a key that do not belong together end it here
        if app := self._app or seen.app:
            if seen.app is None or change.fields:
                head = metadata(self._settings, self._name, self._home)
                secret = pack(head, "Opaque", {ID: app.number}, {KEY: app.key})
                self._helm.install(self._name, self._home, objects(secret))
            self._check_installed(app)

    def _check_installed(self, app: GitHubApp) -> None:
        """Raise where the App is not installed for this repository, or may not do what it has to."""
        try:
            page = f"{app.at(self._settings).about()['html_url']}/installations/new"
        except ApiError as error:
            fix = f"Make a private key on the page of App {app.number}, and set {' and '.join(GIVEN)}."
            raise InstallerError(error.message, fix) from None
        if lacks := self._lacks(app):
            raise InstallerError(f"{lacks}.", f"See to it at {page}, then run this again.")

    def removal(self, seen: Seen) -> str:
        """Say whose it is, and that only a person can delete the App itself."""
        if seen.secret is None:
            return ""
        if not is_ours(seen.secret, self._settings):
            return stays(seen.secret, self._settings)
        return f"{GOES} with its key; App {seen.app.number} itself stays at GitHub" if seen.app else GOES

    def remove(self) -> str:
        """Remove the Secret; GitHub lets nobody but a person delete the App."""
        secret = self._cluster.get("secret", self._name, self._home)
        if secret is not None and not is_ours(secret, self._settings):
            return stays(secret, self._settings)
        there = self._helm.uninstall(self._name, self._home)
        if self._cluster.get("secret", self._name, self._home) is not None:
            raise InstallerError(
                f"The Secret {self._name} in {self._home} outlived its release.", "Remove it manually."
            )
        app = read(secret) if secret else None
        if app is None:
            return "removed" if there else "was not there"
        return f"stays at GitHub as number {app.number}, its key is gone; who owns it can delete it on its page"


def secret_name(settings: Settings) -> str:
    """Return the name of the Secret, and of its release."""
    return f"{settings.of_each()[0].application}-reporter-app"


def read(secret: Object) -> GitHubApp | None:
    """Return the App that a Secret holds; nothing where it holds no whole one."""
    fields = unpack(secret)
    return GitHubApp(fields[ID], Secret(fields[KEY])) if ID in fields and KEY in fields else None
