"""The GitHub App that reports: its number and private key, in one Secret in Argo CD's namespace, and nowhere else."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ..cluster.helm import Helm, objects
from ..cluster.kubectl import Cluster, Object
from ..cluster.objects import is_ours, metadata, not_ours, pack, readdressed, stays, unpack
from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource, blocked
from ..forges.github.app import GIVEN, GitHubApp, lacking
from ..forges.github.app_login import ID, KEY
from ..support.errors import ApiError, InstallerError
from ..support.secret import Secret
from ..support.wait import stopped, until

log = logging.getLogger(__name__)
PATIENCE = 600.0
"""Seconds that a person has to install the App."""


@dataclass(frozen=True)
class Seen:
    """The Secret, taken apart, and the state of its release (None where there is none)."""

    secret: Object | None
    app: GitHubApp | None = None
    release: str | None = None
    lacks: str = ""
    """What keeps the App from reporting: it is not installed, or may too little."""


class ReporterApp(Resource[Seen]):
    """Given by the environment, or made by a person on a page that `up` opens; one that is there is kept."""

    lane: Lane = "cluster"
    key = "reporter-app"
    needs = ("repository", "argocd")

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        helm: Helm,
        app: GitHubApp | None = None,
        make: Callable[[], GitHubApp] | None = None,
        *,
        patience: float = PATIENCE,
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._helm = helm
        self._app = app
        self._make = make
        self._patience = patience
        self.wanted = settings.reporter == "app"
        self._home = settings.argocd_namespace
        self._name = secret_name(settings)
        self.title = "GitHub App that reports"

    def observe(self) -> Seen:
        """Read the Secret."""
        secret = self._cluster.get("secret", self._name, self._home)
        if secret is None:
            return self.blank()
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
        if seen.app is None and self._app is None and self._make is None:
            fix = f"Run `up` at a terminal, which opens GitHub's page for it, or set {' and '.join(GIVEN)}."
            return blocked("it takes a person to make one", fix)
        if seen.app is None:
            return Change("create", note="" if self._app else "on a page of GitHub's, which opens in the browser")
        fields = [] if seen.release == "deployed" else [Field("release", seen.release, "deployed")]
        fields += readdressed(seen.secret, self._settings) if seen.secret else ()
        if self._app and self._app.number != seen.app.number:
            fields.append(Field("App", seen.app.number, self._app.number))
        if self._app and self._app.key != seen.app.key:
            fields.append(Field("private key", "another", "set"))
        lacks = "" if fields else seen.lacks
        return Change("change", tuple(fields), lacks) if fields or lacks else None

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
        """Keep a new one in the cluster before all else: its key is given out once. Then see it installed."""
        if not self.wanted:
            self._helm.uninstall(self._name, self._home)
            return
        if self._app:
            self._app.at(self._settings).about()  # a number and a key that do not belong together end it here
        app = self._app or seen.app or (self._make() if self._make else None)
        if app is None:
            raise InstallerError("There is no App to keep.")
        if seen.app is None or change.fields:
            head = metadata(self._settings, self._name, self._home)
            secret = pack(head, "Opaque", {ID: app.number}, {KEY: app.key})
            self._helm.install(self._name, self._home, objects(secret))
        self._see_installed(app)

    def _see_installed(self, app: GitHubApp) -> None:
        """Wait, where a person is there, until the App is installed for this repository and may do what it has to."""
        try:
            page = f"{app.at(self._settings).about()['html_url']}/installations/new"
        except ApiError as error:
            fix = f"Make a private key on the page of App {app.number}, and set {' and '.join(GIVEN)}."
            raise InstallerError(error.message, fix) from None
        lacks = self._lacks(app)
        if lacks and self._make:
            log.info("%s; see to it at %s", lacks, page)
            until(lambda: stopped.is_set() or not self._lacks(app), self._patience, every=2)
            lacks = self._lacks(app)
        if lacks:
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
    return f"{settings.application}-reporter-app"


def read(secret: Object) -> GitHubApp | None:
    """Return the App that a Secret holds; nothing where it holds no whole one."""
    fields = unpack(secret)
    return GitHubApp(fields[ID], Secret(fields[KEY])) if ID in fields and KEY in fields else None
