"""What this repository made under former settings: it goes once what the present ones say is live."""

from dataclasses import dataclass, replace
from typing import Any

from ..cluster.argocd import ArgoCD
from ..cluster.argocd_default_project import RELEASE as DEFAULT_PROJECT
from ..cluster.helm import Helm, objects
from ..cluster.helm_release import Made
from ..cluster.kubectl import Cluster, Object, Objects
from ..cluster.labels import REPOSITORY, identities, metadata, whose
from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource
from ..support.errors import CommandFailed, InstallerError
from ..support.wait import clear
from .application import Application
from .argocd import RELEASE
from .namespace import others
from .reporter_app import secret_name

_LATER = "goes once the new one is live"


@dataclass(frozen=True)
class Seen:
    """Releases, namespaces of ours and namespaces that the service is leaving, but for those that the settings name."""

    releases: tuple[Made, ...] = ()
    namespaces: tuple[Object, ...] = ()
    moves_from: tuple[str, ...] = ()
    held: str = ""
    """What keeps those namespaces, where they are all that is left."""
    argocds: tuple[str, ...] = ()
    """Namespaces of an Argo CD that was made for us, and that others may use by now."""


class Former(Resource[Seen]):
    """Found by the repository's mark wherever it is: no settings are remembered. `up` removes it at its very end."""

    lane: Lane = "cluster"
    key = "former"
    wanted = False

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, application: Application) -> None:
        self._settings = settings
        self._cluster = cluster
        self._helm = helm
        self._application = application
        self._passing = f"{settings.application}-former"
        self.title = "what was made under former settings"

    def observe(self) -> Seen:
        """Look for the mark in the whole cluster."""
        settings = self._settings
        every = self._helm.made()
        releases = tuple(each for each in every if self._is_former(each))
        argocds = tuple(m.home for m in every if m.name == RELEASE and m.home != settings.argocd_namespace)
        left = tuple(each for each in self._marked() if each["metadata"]["name"] != settings.namespace)
        moves = self._application.observe().moves_from(settings.namespace)
        if releases or moves or not left:
            return Seen(releases, left, moves, argocds=argocds)
        kept = [self._keeps(each["metadata"]["name"]) for each in left]
        return Seen(namespaces=left, held="; ".join(filter(None, kept)) if all(kept) else "", argocds=argocds)

    def _marked(self) -> Objects:
        """Return the namespaces of ours; none where we may not list them."""
        try:
            return self._cluster.list(
                "namespaces", selector=f"{REPOSITORY} in ({','.join(identities(self._settings))})"
            )
        except CommandFailed as error:
            if "(Forbidden)" in error.message:
                return []
            raise

    def _is_former(self, made: Made) -> bool:
        """Return whether a release was written for another place and is none that today's settings need."""
        settings = self._settings
        if made.name in (RELEASE, DEFAULT_PROJECT):
            return False
        place = (settings.slug, settings.argocd_namespace, settings.namespace)
        present = (made.slug, made.argocd, made.namespace) == place
        return made.name == self._passing or (not present and (made.home, made.name) not in names(settings))

    def blank(self) -> Seen:
        """Return what is seen where nothing was made yet."""
        return Seen()

    def diff(self, seen: Seen) -> Change | None:
        """List all of it; what stays is reported and no fault."""
        fields = [Field(f"release {each.name} in {each.home}", _described(each), _LATER) for each in seen.releases]
        fields += [Field(f"service in namespace {each}", "runs", _LATER) for each in seen.moves_from]
        fields += [Field(f"namespace {each['metadata']['name']}", whose(each), _LATER) for each in seen.namespaces]
        stays = "; ".join(filter(None, [seen.held, *map(_argocd_stays, seen.argocds)]))
        if fields and not seen.held:
            return Change("change", tuple(fields))
        return Change("skipped", note=stays) if stays else None

    def apply(self, seen: Seen, change: Change) -> None:
        """Remove it: first what deploys, then what that needed, then the namespaces."""
        if seen.moves_from:
            self._application.see_moved(seen.moves_from)
        self.remove()

    def removal(self, seen: Seen) -> str:
        """Say what is left of it, and what stays."""
        kept = [*filter(None, [seen.held]), *map(_argocd_stays, seen.argocds)]
        if not seen.releases and (seen.held or not seen.namespaces):
            return f"stays: {'; '.join(kept)}" if kept else ""
        return "; ".join([GOES, *kept])

    def remove(self) -> str:
        """Remove it and assert it gone; return what stays, and why."""
        seen = self.observe()
        for each in seen.releases:
            if each.name == self._at(each).application:
                self._remove_application(each)
        for each in seen.releases:
            if each.name != self._passing:
                self._helm.uninstall(each.name, each.home)
        kept = [*filter(None, (self._remove_namespace(each["metadata"]["name"]) for each in seen.namespaces))]
        if not kept:  # the namespace in it would go with it
            self._helm.uninstall(self._passing, self._settings.argocd_namespace)
        kept += map(_argocd_stays, seen.argocds)
        if kept:
            return f"stays: {'; '.join(kept)}"
        return "removed" if seen.releases or seen.namespaces else "was not there"

    def _at(self, made: Made) -> Settings:
        """Return the settings as they were when something was made."""
        places: Any = {"slug": made.slug, "argocd_namespace": made.argocd, "namespace": made.namespace}
        return replace(self._settings, **places, formerly=tuple(identities(self._settings).values()))

    def _remove_application(self, made: Made) -> None:
        """Remove a former Application with its workloads, unless these are what the present one deploys."""
        settings = self._at(made)
        former = Application(settings, self._cluster, self._helm, ArgoCD(self._cluster, made.argocd))
        if (made.slug, made.namespace) == (self._settings.slug, self._settings.namespace):
            former.let_go()
        else:
            former.remove()

    def _remove_namespace(self, name: str) -> str:
        """Remove a namespace of ours by a release made for that; where something keeps it, say what."""
        if kept := self._keeps(name):
            return kept
        home = self._settings.argocd_namespace
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(self._settings, name)}
        self._helm.install(self._passing, home, objects(manifest), take_ownership=True)
        self._helm.uninstall(self._passing, home)
        clear(f"The end of namespace {name}", lambda: self._remains(name), 120)
        return ""

    def _keeps(self, name: str) -> str:
        """Say what of others keeps a namespace; empty where nothing does."""
        try:
            unmanaged = others(self._cluster.everything_in(name))
        except InstallerError as error:
            return f"namespace {name} stays, because what it holds is unknown: {error.message}"
        return f"namespace {name} stays, it still holds {', '.join(unmanaged[:5])}" if unmanaged else ""

    def _remains(self, name: str) -> str:
        return f"namespace {name} is still there" if self._cluster.get("namespace", name) else ""


def names(settings: Settings) -> set[tuple[str, str]]:
    """Return the namespaces and names of the releases that these settings make."""
    home, application = settings.argocd_namespace, settings.application
    here = (
        *(f"{settings.slug}-repo", f"{settings.slug}-webhook", application, f"{application}-namespace"),
        *(f"{application}-watcher", f"{application}-watcher-policy", f"{application}-reporter"),
        *(settings.pull_secret, secret_name(settings)),
    )
    return {*((home, name) for name in here), (settings.namespace, f"{application}-database")}


def _described(made: Made) -> str:
    return f"for {made.slug} in {made.namespace}"


def _argocd_stays(namespace: str) -> str:
    goes = f"helm uninstall {RELEASE} {DEFAULT_PROJECT} --namespace {namespace} --ignore-not-found"
    return f"Argo CD in namespace {namespace} stays, other projects may use it (where none does: {goes})"
