"""What this repository made under former settings, or under a former address: it goes once the present one is live."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..ci.variables import OWNER_VARIABLE
from ..cluster.argocd import ArgoCD
from ..cluster.helm import Helm, Release, objects
from ..cluster.kubectl import Cluster, Object, Objects
from ..cluster.objects import REPOSITORY, digest, identities, metadata, whose
from ..config.environments import DEV
from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, Resource
from ..forges.base import DeployKey, DeployKeys, Forge, Hook, Webhooks
from ..support.errors import CommandFailed, InstallerError
from ..support.wait import clear
from .application import Application
from .argocd import DEFAULT_PROJECT, RELEASE
from .namespace import kept_by
from .push_key import key_title as push_key_title
from .reporter import secret_name
from .repository_credential import key_title

_LATER = "goes once the new one is live"


@dataclass(frozen=True)
class Seen:
    """Releases, namespaces of ours and namespaces that the service is leaving, but for those that the settings name."""

    releases: tuple[Release, ...] = ()
    namespaces: tuple[Object, ...] = ()
    moves_from: tuple[str, ...] = ()
    held: str = ""
    """What keeps those namespaces, where they are all that is left."""
    argocds: tuple[str, ...] = ()
    """Namespaces of an Argo CD that was made for us, and that others may use by now."""


class Former(Resource[Seen]):
    """Found by the repository's mark wherever it is: no settings are remembered. `up` removes it at its very end."""

    lane = "cluster"
    key = "former"
    nothing = Seen()
    wanted = False

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, applications: Sequence[Application]) -> None:
        self._settings = settings
        self._cluster = cluster
        self._helm = helm
        self._applications = applications
        self._passing = f"{settings.application}-former"
        self.title = "what was made under former settings"

    def observe(self) -> Seen:
        """Look for the mark in the whole cluster."""
        settings = self._settings
        every = self._helm.made()
        releases = tuple(each for each in every if self._is_former(each))
        argocds = tuple(m.namespace for m in every if m.name == RELEASE and m.namespace != settings.argocd_namespace)
        present = [each.namespace for each in settings.of_each()]
        left = tuple(each for each in self._marked() if each["metadata"]["name"] not in present)
        moves = tuple(namespace for application in self._applications for namespace in application.leaves())
        if releases or moves or not left:
            return Seen(releases, left, moves, argocds=argocds)
        kept = [self._keeps(each["metadata"]["name"]) for each in left]
        return Seen(namespaces=left, held="; ".join(kept) if all(kept) else "", argocds=argocds)

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

    def _is_former(self, made: Release) -> bool:
        """Return whether a release was written for another place and is none that today's settings need."""
        settings = self._settings
        if made.name in (RELEASE, DEFAULT_PROJECT):
            return False
        present = made.place in [
            (settings.slug, settings.argocd_namespace, each.namespace, each.environment) for each in settings.of_each()
        ]
        return made.name == self._passing or (not present and (made.namespace, made.name) not in names(settings))

    def diff(self, seen: Seen) -> Change | None:
        """List all of it; what stays is reported and no fault."""
        gone = {each.place[-1] for each in seen.releases} - {e.environment for e in self._settings.of_each()}
        fields = [Field(f"environment {name}", "there", "goes, with its service and its pods") for name in sorted(gone)]
        fields += [Field(f"release {r.name} in {r.namespace}", _described(r), _LATER) for r in seen.releases]
        fields += [Field(f"service in namespace {each}", "runs", _LATER) for each in seen.moves_from]
        fields += [Field(f"namespace {each['metadata']['name']}", whose(each), _LATER) for each in seen.namespaces]
        stays = "; ".join(filter(None, [seen.held, *map(_argocd_stays, seen.argocds)]))
        if fields and not seen.held:
            return Change("change", tuple(fields))
        return Change("skipped", note=stays) if stays else None

    def apply(self, seen: Seen, change: Change) -> None:
        """Remove it: first what deploys, then what that needed, then the namespaces."""
        for application in self._applications:
            if moved := application.leaves():
                application.see_moved(moved)
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
                self._helm.uninstall(each.name, each.namespace)
        kept = [*filter(None, (self._remove_namespace(each["metadata"]["name"]) for each in seen.namespaces))]
        if not kept:  # the namespace in it would go with it
            self._helm.uninstall(self._passing, self._settings.argocd_namespace)
        kept += map(_argocd_stays, seen.argocds)
        if kept:
            return f"stays: {'; '.join(kept)}"
        return "removed" if seen.releases or seen.namespaces else "was not there"

    def _at(self, made: Release) -> Settings:
        """Return the settings as they were when something was made."""
        slug, argocd, namespace, environment = made.place
        formerly = tuple(identities(self._settings).values())
        former = replace(self._settings, slug=slug, argocd_namespace=argocd, namespace=namespace, formerly=formerly)
        return replace(former, environment=environment, source=DEV if environment != DEV else "")

    def _remove_application(self, made: Release) -> None:
        """Remove a former Application with its workloads, unless these are what the present one deploys."""
        settings = self._at(made)
        former = Application(settings, self._cluster, self._helm, ArgoCD(self._cluster, settings.argocd_namespace))
        present = [each.namespace for each in self._settings.of_each()]
        if settings.slug == self._settings.slug and settings.namespace in present:
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
        kept = kept_by(self._cluster, name)
        return f"namespace {name} stays, {kept}" if kept else ""

    def _remains(self, name: str) -> str:
        return f"namespace {name} is still there" if self._cluster.get("namespace", name) else ""


def names(settings: Settings) -> set[tuple[str, str]]:
    """Return the namespaces and names of the releases that these settings make."""
    home, application = settings.argocd_namespace, settings.application
    here = [f"{settings.slug}-repo", f"{settings.slug}-webhook", secret_name(settings)]
    here += [f"{application}-watcher", f"{application}-policy"]
    here += [settings.git_server] if settings.local else []
    databases = set()
    for each in settings.of_each():
        its = each.application
        here += [its, f"{its}-namespace", f"{its}-reporter", each.pull_secret]
        here += [f"{its}-repo"] if each.source else []
        databases.add((each.namespace, f"{its}-database"))
    return {*((home, name) for name in here), *databases}


def _described(made: Release) -> str:
    slug, _, namespace, _ = made.place
    return f"for {slug} in {namespace}"


def _argocd_stays(namespace: str) -> str:
    goes = f"helm uninstall {RELEASE} {DEFAULT_PROJECT} --namespace {namespace} --ignore-not-found"
    return f"Argo CD in namespace {namespace} stays, other projects may use it (where none does: {goes})"


# --- what is left at a repository whose place this one took ---------------------------------------

_GONE = "it is gone, or your token cannot see it (take it out of project.formerly once you are sure)"


@dataclass(frozen=True)
class Place:
    """A former repository: how it is reached, and what the installer looks after there."""

    settings: Settings
    forge: Forge
    keys: DeployKeys
    webhooks: Webhooks
    resources: Sequence[Resource[Any]]
    """Rules, variables, secrets and environments; the variables with the mark are the last to go."""
    unreachable: str = ""
    """Why that host is not asked, and what to do; empty where it is."""


@dataclass(frozen=True)
class Left:
    """What of ours one former repository has."""

    keys: tuple[DeployKey, ...] = ()
    hooks: tuple[Hook, ...] = ()
    marked: bool = False
    unseen: str = ""
    """Why it is unknown."""

    def __bool__(self) -> bool:
        """Return whether there is anything."""
        return bool(self.keys or self.hooks or self.marked)


class FormerRepository(Resource[dict[str, Left]]):
    """The repositories that `project.formerly` names; one that the code host leads here is this very repository.

    The repository itself stays, with its history, its branches and its record.
    """

    key = "former-repository"
    wanted = False

    def __init__(self, settings: Settings, forge: Forge, places: Sequence[Place]) -> None:
        self.nothing: dict[str, Left] = {}
        self.lane = settings.lane
        self.title = "what was made at the former repository"
        self._forge = forge
        self._places = {place.settings.url: place for place in places}

    def observe(self) -> dict[str, Left]:
        """Look at each of them."""
        found = {url: self._look(place) for url, place in self._places.items()}
        return {url: left for url, left in found.items() if left or left.unseen}

    def _look(self, place: Place) -> Left:
        settings = place.settings
        try:
            if settings.host == self._forge.host and self._forge.redirects_here(settings.url):
                return Left()
            if place.unreachable:
                return Left(unseen=place.unreachable)
            if place.forge.find() is None:
                return Left(unseen=_GONE)
            titles = (key_title(settings.url), push_key_title(settings.url, settings.branch))
            return Left(
                tuple(key for key in place.keys.list() if key.title in titles),
                tuple(place.webhooks.list()),
                digest(settings.url) in map(digest, place.forge.variables().get(OWNER_VARIABLE, "").split()),
            )
        except InstallerError as error:
            return Left(unseen=error.message)

    def diff(self, seen: dict[str, Left]) -> Change | None:
        """List all of it; what cannot be seen is reported and no fault."""
        fields = [field for url, left in seen.items() for field in _fields(url, left)]
        notes = [f"{url}: {left.unseen}" for url, left in seen.items() if left.unseen]
        if fields:
            return Change("change", tuple(fields), "; ".join(notes))
        return Change("skipped", note="; ".join(notes)) if notes else None

    def apply(self, seen: dict[str, Left], change: Change) -> None:
        """Remove it: first what gives access, the mark last, so that a run that was killed finds the rest again."""
        for url, left in seen.items():
            self._remove(self._places[url], left)

    def _remove(self, place: Place, left: Left) -> None:
        for key in left.keys:
            place.keys.remove(key)
        for hook in left.hooks:
            place.webhooks.delete(hook)
        if left.marked:
            for resource in reversed(place.resources):
                resource.remove()

    def removal(self, seen: dict[str, Left]) -> str:
        """Say that what is seen goes, and that what cannot be seen stays."""
        return "; ".join(filter(None, [GOES if any(seen.values()) else "", _stays(seen)]))

    def remove(self) -> str:
        """Remove it; say what could not be seen."""
        seen = self.observe()
        self.apply(seen, Change("change"))
        remains = self.observe()
        if left := [url for url, each in remains.items() if each]:
            raise InstallerError(f"{left[0]} still has what was made there.", "Run `down` again.")
        if remains:
            return _stays(remains)
        return f"deleted at {', '.join(seen)}" if seen else "was not there"


def _stays(seen: dict[str, Left]) -> str:
    unseen = [f"at {url}, {left.unseen}" for url, left in seen.items() if left.unseen]
    return f"stays: {'; '.join(unseen)}" if unseen else ""


def _fields(url: str, left: Left) -> list[Field]:
    fields = [Field(f"deploy key at {url}", key.title, _LATER) for key in left.keys]
    fields += [Field(f"webhook at {url}", hook.address, _LATER) for hook in left.hooks]
    if left.marked:
        fields.append(Field(f"variables, secret and rules at {url}", "set", _LATER))
    return fields
