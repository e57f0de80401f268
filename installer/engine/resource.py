"""What every remote thing has in common: it is observed, compared, applied and removed; and what a check finds."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

Lane = Literal["github", "gitlab", "cluster"]
"""Where a thing is: at the code host, by its kind, or in the cluster."""
Action = Literal["create", "change", "unseen", "blocked", "skipped"]
"""`unseen` would create, had it been possible to look; `blocked` and `skipped` say why in their note."""
Seen = TypeVar("Seen")
GOES = "goes"
WITH_REPOSITORY = "goes with the repository"
"""What becomes of a thing that `down` removes; words may follow."""


@dataclass(frozen=True)
class Field:
    """One difference: a secret's values are words like `set`, never the secret."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Change:
    """What applying a resource would do, or why that cannot be known or done."""

    action: Action
    fields: tuple[Field, ...] = ()
    note: str = ""
    fix: str = ""
    """What removes the obstacle; only a blocked change has one."""

    @property
    def effective(self) -> bool:
        """Return whether applying this would write anything."""
        return self.action in ("create", "change")

    @property
    def blocked(self) -> bool:
        """Return whether something must be done first: until then neither this nor what needs it is applied."""
        return self.action == "blocked"


def blocked(why: str, fix: str, fields: tuple[Field, ...] = ()) -> Change:
    """Return a change that cannot be made yet, with the reason and with what the user can do about it."""
    return Change("blocked", fields, why, fix)


class Resource(ABC, Generic[Seen]):
    """One remote thing that the installer looks after. Truth is remote: nothing is remembered between runs."""

    lane: Lane
    key: str
    """A stable short name, for `needs` and for machines: `repository`."""
    title: str
    """What a person reads: `GitHub repository acme/web`."""
    needs: tuple[str, ...] = ()
    """Keys of resources that must stand before this one is applied, wherever they are: nothing else orders them."""
    nothing: Seen
    """What `observe` returns where nothing was made yet: a plan that cannot look begins with it."""
    environment: str = ""
    """The environment that it belongs to alone, where that is one by promotion; empty for all else."""
    wanted: bool = True
    """False where the settings ask for none: it is shown only where something of it is left and goes."""

    @abstractmethod
    def observe(self) -> Seen:
        """Read what is there; change nothing."""

    @abstractmethod
    def diff(self, seen: Seen) -> Change | None:
        """Compare what is there with what should be; None where nothing is to do."""

    def obstacle(self) -> Change | None:
        """Return what stands in the way of a change though nothing of it is seen: asked only before one."""
        return None

    @abstractmethod
    def apply(self, seen: Seen, change: Change) -> None:
        """Make it so; safe to repeat after a kill at any point. Called only with an effective change."""

    def removal(self, seen: Seen) -> str:
        """Say what `remove` will do about what is seen: `goes` or `stays` and why; empty where nothing is there."""
        return "" if seen == self.nothing else GOES

    def remove(self) -> str:
        """Remove what `apply` made and assert it gone; return one line that says what went or why it stays.

        What is not overridden stays.
        """
        return self.removal(self.observe()) or "was not there"


@dataclass(frozen=True)
class Finding:
    """One sentence; where something is wrong, also how to fix it."""

    lane: Lane
    what: str
    fix: str = ""
    """Empty where all is well."""
    stops: bool = True
    """False for what is worth knowing and stands in nobody's way."""

    @property
    def problem(self) -> bool:
        """Return whether this must be repaired first."""
        return bool(self.fix) and self.stops

    def __str__(self) -> str:
        return f"{self.what}\n  → {self.fix}" if self.fix else self.what


def differences(desired: Any, seen: Any, name: str = "", *, exact: bool = False) -> tuple[Field, ...]:
    """List the fields of `desired` that `seen` has otherwise or lacks.

    What only `seen` has is not ours; with `exact` it is a difference, whose new value is None.
    """
    if isinstance(desired, dict) and isinstance(seen, dict):
        keys = [*desired, *(key for key in seen if exact and key not in desired)]
        names = {key: f"{name}.{key}" if name else key for key in keys}
        found = (differences(desired.get(key), seen.get(key), names[key], exact=exact) for key in keys)
        return tuple(field for fields in found for field in fields)
    return () if desired == seen else (Field(name, seen, desired),)


def covers(seen: Any, desired: Any) -> bool:
    """Return whether `seen` says at least what `desired` says; lists must have the same items in any order."""
    if isinstance(desired, dict):
        return isinstance(seen, dict) and all(covers(seen.get(key), value) for key, value in desired.items())
    if isinstance(desired, list):
        return (
            isinstance(seen, list)
            and len(seen) == len(desired)
            and all(any(covers(s, d) for s in seen) for d in desired)
        )
    return bool(seen == desired)
