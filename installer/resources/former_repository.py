"""What is left at a repository whose place this one took: its access and its wiring go once the new one is live."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..ci.variables import OWNER_VARIABLE
from ..cluster.labels import digest
from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, Resource
from ..forges.base import Forge
from ..forges.deploy_keys import DeployKey, DeployKeys
from ..forges.webhooks import Hook, Webhooks
from ..support.errors import InstallerError
from .push_key import key_title as push_key_title
from .repository_credential import key_title

_GONE = "it is gone, or your token cannot see it (take it out of project.formerly once you are sure)"
_LATER = "goes once the new one is live"


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
        self.lane = settings.scm
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

    def blank(self) -> dict[str, Left]:
        """Return what is seen where nothing was made yet."""
        return {}

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
