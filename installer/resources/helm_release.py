"""A helm release with objects of ours: they are compared, written at once, waited for, removed and asserted gone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..cluster.helm import Helm, objects
from ..cluster.helm_release import Release
from ..cluster.kubectl import Cluster, Object, Objects
from ..cluster.labels import is_ours, not_ours, readdressed, stays
from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource, covers
from ..support.errors import InstallerError
from ..support.wait import clear, until

Place = tuple[str, str]
"""A namespace, empty for the whole cluster, and a kind as manifests spell it."""


@dataclass(frozen=True)
class Held:
    """What is there of a release's objects, which may be secret, and the release itself where something is."""

    objects: Mapping[Place, Object] = field(default_factory=dict, repr=False)
    release: Release | None = None

    def one(self, kind: str) -> Object | None:
        """Return the object of a kind, wherever it is."""
        return next((each for (_, found), each in self.objects.items() if found == kind), None)


class HelmRelease(Resource[Held]):
    """A resource says what there should be; all else is the same for every release of ours.

    Whoever needs more overrides what is public here.
    """

    lane: Lane = "cluster"
    starts = False
    """Whether it is not ready as soon as it is written."""
    patience = 0.0
    """Seconds until it is ready, or gone after its release."""
    unwanted = ""
    """Why it goes where the settings ask for none."""
    kept = ""
    """What stays where it goes."""

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, name: str, home: str = "") -> None:
        self._settings = settings
        self._cluster = cluster
        self._helm = helm
        self._name = name
        self._home = home or settings.argocd_namespace

    def places(self) -> Mapping[str, Sequence[str]]:
        """Return what it consists of, as `kind/name` by namespace."""
        raise NotImplementedError

    def manifests(self, held: Held) -> Objects:
        """Return the objects as they should be."""
        raise NotImplementedError

    def differences(self, held: Held) -> Iterable[Field]:
        """Name what differs, or is set for the first time."""
        if held.objects:
            for each in self.manifests(held):
                if not covers(held.objects.get((each["metadata"].get("namespace", ""), each["kind"])), each):
                    yield Field(each["kind"], "another, or none", "as it should be")

    def unmanaged(self, found: Object) -> Change | None:
        """Say what is done where somebody else made an object of its name: it is never touched."""
        return not_ours(found, self._settings)

    def lacks(self, held: Held) -> Change | None:
        """Say what somebody has to give before it can be made, or kept; None where nothing is missing."""
        return None

    def note(self, held: Held, fields: Sequence[Field]) -> str:
        """Say what these differences mean, where they do not say it themselves."""
        return ""

    def unready(self, held: Held) -> str:
        """Say what of something that `starts` is not ready yet; empty where all is."""
        return ""

    def explain(self) -> str:
        """Say why it does not become ready."""
        return ""

    def observe(self) -> Held:
        """Read the objects, and their release where there are any."""
        found = self._found()
        return Held(found, self._helm.release(self._name, self._home) if found else None)

    def blank(self) -> Held:
        """Return what is seen where nothing was made yet."""
        return Held()

    def diff(self, held: Held) -> Change | None:
        """Compare; what is another's is never touched, what nobody wants goes."""
        if foreign := self.foreign(held):
            return self.unmanaged(foreign) if self.wanted else None
        if not self.wanted:
            return Change("change", note=f"goes: {self.unwanted}") if held.objects else None
        if lacking := self.lacks(held):
            return lacking
        fields = [*self.differences(held)]
        if not held.objects:
            return Change("create", tuple(fields), self.note(held, fields))
        status = held.release.status if held.release else None
        fields += [Field("release", status, "deployed")] if status != "deployed" else []
        # once, however many objects have the mark of a former address
        fields += dict.fromkeys(each for found in held.objects.values() for each in readdressed(found, self._settings))
        if fields:
            return Change("change", tuple(fields), self.note(held, fields))
        waiting = self.unready(held)
        return Change("change", note=f"wait for it: {waiting}") if waiting else None

    def obstacle(self) -> Change | None:
        """Say so where the release that would hold it is another's."""
        return self._helm.obstacle(self._name, self._home)

    def apply(self, held: Held, change: Change) -> None:
        """Write all of it at once and wait until it is ready; or remove what nobody wants."""
        if not self.wanted:
            self.remove()
            return
        moved = [self._helm.displace(each, self._name, self._home) for each in held.objects.values()]
        made = objects(*self.manifests(held))
        self._helm.install(self._name, self._home, made, take_ownership=any(moved))
        if self.starts:
            what = f"The start of the {self.title}"
            clear(what, lambda: self.unready(Held(self._found())), self.patience, explain=self.explain)

    def removal(self, held: Held) -> str:
        """Say whose it is, and what stays."""
        if foreign := self.foreign(held):
            return stays(foreign, self._settings)
        return self._and_kept(GOES) if held.objects else ""

    def remove(self) -> str:
        """Remove the release and assert that nothing of it is left."""
        held = self.observe()
        if foreign := self.foreign(held):
            return stays(foreign, self._settings)
        there = self._helm.uninstall(self._name, self._home)
        if not until(lambda: not self.remains(), self.patience) and (left := self.remains()):
            raise InstallerError(f"{', '.join(left)} outlived its release.", "Remove it manually.")
        return self._and_kept("removed") if there or held.objects else "was not there"

    def remains(self) -> list[str]:
        """Name what is still there."""
        found = [(each["metadata"]["name"], *place) for place, each in self._found().items()]
        return [f"{kind} {name}" + (f" in {namespace}" if namespace else "") for name, namespace, kind in found]

    def foreign(self, held: Held) -> Object | None:
        """Return an object that was not made for this repository."""
        return next((each for each in held.objects.values() if not is_ours(each, self._settings)), None)

    def _found(self) -> dict[Place, Object]:
        return {
            (namespace, kind): each
            for namespace, references in self.places().items()
            for kind, each in self._cluster.get_many(references, namespace).items()
        }

    def _and_kept(self, outcome: str) -> str:
        return f"{outcome}; {self.kept}" if self.kept else outcome
