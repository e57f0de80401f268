"""A helm release with objects of ours: they are compared, written at once, waited for, removed and asserted gone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..cluster.helm import Helm, Release, objects
from ..cluster.kubectl import Cluster, Object, Objects
from ..cluster.objects import described, is_ours, metadata, not_ours, readdressed, stays, whose
from ..cluster.workloads import waiting_for
from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, Resource, covers
from ..support.wait import clear

OF_AN_ENVIRONMENT = ("namespace", "database-address", "pull-secret", "credential", "application", "reporter")
"""The keys of what each environment has: of one by promotion they end in its name."""
Place = tuple[str, str]
"""A namespace, empty for the whole cluster, and a kind as manifests spell it."""


@dataclass(frozen=True)
class Held:
    """What is there of a release's objects, which may be secret, and the release itself where something is."""

    objects: Mapping[Place, Object] = field(default_factory=dict, repr=False)
    release: Release | None = None

    @property
    def left(self) -> bool:
        """Return whether there is anything to remove."""
        return bool(self.objects)

    @property
    def by_kind(self) -> dict[str, Object]:
        """Return the objects by their kinds alone."""
        return {kind: each for (_, kind), each in self.objects.items()}

    @property
    def leaving(self) -> list[str]:
        """Return the kinds of those that are being deleted."""
        return [kind for kind, each in self.by_kind.items() if "deletionTimestamp" in each["metadata"]]

    def one(self, kind: str) -> Object | None:
        """Return the object of a kind, wherever it is."""
        return self.by_kind.get(kind)


Seen = TypeVar("Seen", bound=Held)


class HelmRelease(Resource[Seen]):
    """A resource says what there should be; all else is the same for every release of ours.

    Whoever needs more overrides what is public here.
    """

    seen: type[Seen] = Held  # type: ignore[assignment]
    """`Held`, or what holds more: made of the objects and the release, and looked up further in `observe`."""
    lane = "cluster"
    kinds: Sequence[str] = ("secret",)
    """What it consists of, each by its own name, where `places` says nothing else."""
    starts = False
    """Whether it has a Deployment, which is not ready as soon as it is written."""
    patience = 0.0
    """Seconds until it is ready, or gone after its release."""
    unwanted = ""
    """Why it goes where the settings ask for none."""
    kept = ""
    """What stays where it goes."""
    used_as_it_is = ""
    """What the title says of an object that no installer made, where such a one is used."""

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, name: str, home: str = "") -> None:
        self._settings = settings
        self._cluster = cluster
        self._helm = helm
        self._name = name
        self._home = home or settings.argocd_namespace
        self.nothing = self.seen()
        if settings.source:
            self.environment = settings.environment
            self.key = settings.keyed(self.key)
            self.needs = tuple(settings.keyed(key) if key in OF_AN_ENVIRONMENT else key for key in self.needs)

    def places(self) -> Mapping[str, Sequence[str]]:
        """Return what it consists of, as `kind/name` by namespace."""
        return {self._home: [f"{kind}/{self._name}" for kind in self.kinds]}

    def manifests(self, held: Seen) -> Objects:
        """Return the objects as they should be."""
        raise NotImplementedError

    def differences(self, held: Seen) -> Iterable[Field]:
        """Name what differs, or is set for the first time."""
        if held.objects:
            for each in self.manifests(held):
                found = held.objects.get((each["metadata"].get("namespace", ""), each["kind"]))
                if not covers(found, each):
                    yield Field(each["kind"], "differs" if found else "missing", "updated" if found else "created")

    def unmanaged(self, found: Object) -> Change | None:
        """Say what is done where an object of its name is there that no installer made: it is never touched."""
        return not_ours(found, self._settings)

    def surplus(self, held: Seen) -> str:
        """Say why it goes; empty where it is wanted."""
        return "" if self.wanted else self.unwanted

    def lacks(self, held: Seen) -> Change | None:
        """Say what somebody has to give before it can be made, or kept; None where nothing is missing."""
        return None

    def note(self, held: Seen, fields: Sequence[Field]) -> str:
        """Say what these differences mean, where they do not say it themselves."""
        return ""

    def unready(self, held: Seen) -> str:
        """Say what is not ready yet; empty where all is."""
        return waiting_for(held.one("Deployment")) if self.starts else ""

    def explain(self) -> str:
        """Say why it does not become ready."""
        return ""

    def stays(self) -> str:
        """Say why it stays although it is ours; empty where it goes."""
        return ""

    def before_uninstall(self, held: Seen) -> None:
        """Remove what must go before its release."""

    def after_uninstall(self) -> bool:
        """Remove what belongs to it and is in no release; return whether there was something."""
        return False

    def remains(self) -> str:
        """Name what outlived its release; empty where nothing did."""
        left = ", ".join(map(described, self._found().values()))
        return f"{left} outlived its release" if left else ""

    def rescue(self) -> str:
        """Say what to do about that."""
        return "Remove it manually."

    # --- the same for every release ---------------------------------------------------------------

    def observe(self) -> Seen:
        """Read the objects, and their release where there are any."""
        held = self.held(self._found())
        if self.used_as_it_is and (foreign := self.foreign(held)) and not whose(foreign):
            note = f" (unmanaged: {self.used_as_it_is})"
            self.title = f"{self.title.removesuffix(note)}{note}"
        return held

    def held(self, found: Mapping[Place, Object]) -> Seen:
        """Return these objects with their release."""
        return self.seen(found, self._helm.release(self._name, self._home) if found else None)

    def diff(self, held: Seen) -> Change | None:
        """Compare; what is another's is never touched, what nobody wants goes."""
        foreign, why = self.foreign(held), self.surplus(held)
        if foreign and not why:
            return not_ours(foreign, self._settings) if whose(foreign) else self.unmanaged(foreign)
        if why:
            return Change("change", note=f"goes: {why}") if held.objects and not foreign else None
        if lacking := self.lacks(held):
            return lacking
        fields = [*self.differences(held)]
        if not held.objects:
            return Change("create", tuple(fields), self.note(held, fields))
        status = held.release.status if held.release else None
        fields += [Field("release", status, "deployed")] if status != "deployed" else []
        ours = [each for each in held.objects.values() if is_ours(each, self._settings)]
        # once, however many objects have the mark of a former address
        fields += dict.fromkeys(each for found in ours for each in readdressed(found, self._settings))
        if fields:
            return Change("change", tuple(fields), self.note(held, fields))
        waiting = self.unready(held)
        return Change("change", note=f"wait for it: {waiting}") if waiting else None

    def obstacle(self) -> Change | None:
        """Say so where the release that would hold it is another's."""
        return self._helm.obstacle(self._name, self._home)

    def apply(self, held: Seen, change: Change) -> None:
        """Write all of it at once and wait until it is ready; or remove what nobody wants."""
        if self.surplus(held):
            self.remove()
            return
        moved = [self._helm.displace(each, self._name, self._home) for each in held.objects.values()]
        made = objects(*self.manifests(held))
        self._helm.install(self._name, self._home, made, take_ownership=any(moved))
        if self.starts:
            what = f"The start of the {self.title}"
            clear(what, lambda: self.unready(self.seen(self._found())), self.patience, explain=self.explain)

    def removal(self, held: Seen) -> str:
        """Say whose it is, and what stays."""
        return self._staying(held) or (self._and_kept(GOES) if held.left else "")

    def remove(self) -> str:
        """Remove the release and assert that nothing of it is left."""
        held = self.observe()
        if staying := self._staying(held):
            return staying
        self.before_uninstall(held)
        there = self._helm.uninstall(self._name, self._home)
        clear(f"The end of {self.title}", self.remains, self.patience, explain=self.rescue)
        more = self.after_uninstall()
        return self._and_kept("removed") if there or more or held.objects else "was not there"

    def foreign(self, held: Seen) -> Object | None:
        """Return an object that was not made for this repository."""
        return next((each for each in held.objects.values() if not is_ours(each, self._settings)), None)

    def _head(self, namespace: str = "", **more: Any) -> dict[str, Any]:
        """Return the metadata of an object of its name, beside its release where nothing else is said."""
        return metadata(self._settings, self._name, namespace or self._home, **more)

    def _staying(self, held: Seen) -> str:
        if foreign := self.foreign(held):
            return stays(foreign, self._settings)
        return self.stays() if held.left else ""

    def _found(self) -> dict[Place, Object]:
        return {
            (namespace, kind): each
            for namespace, references in self.places().items()
            for kind, each in self._cluster.get_many(references, namespace).items()
        }

    def _and_kept(self, outcome: str) -> str:
        return f"{outcome}; {self.kept}" if self.kept else outcome
