"""What a CI that is not the code host's own must know of the project: who pushes images, and two tokens."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource, blocked
from ..forges.base import Forge
from ..forges.credentials import DEPLOY_TOKEN, Credentials
from ..support.secret import Secret
from .base import END
from .registry_token import NAME as REGISTRY_TOKEN

NOTE = "GITOPS_FLASK_CI"
"""The note at the code host with a salted fingerprint of each value: a CI does not show them again."""
_MAY = {
    REGISTRY_TOKEN: "an access token of the registry that may push",
    DEPLOY_TOKEN: "a fine-grained token for this repository; Contents and Deployments: read and write",
}


class Plain(Secret):
    """A value that is no secret: it is not blotted out of messages."""

    def __init__(self, value: str) -> None:
        self._value = value


@dataclass(frozen=True)
class Shown:
    """What a CI shows of a value: its end, or all of it."""

    text: str
    whole: bool = False

    def fits(self, value: Secret) -> bool:
        """Return whether this may be that value."""
        return value.reveal() == self.text if self.whole else value.reveal().endswith(self.text)


class Store(ABC):
    """The project's variables at a CI, which its API sets where there is a token."""

    title: str
    token_variable: str
    """The environment variable with the token for the CI's API."""
    settings_page: str
    """Where people set them."""
    no_token: bool
    """Whether there is no such token: then nothing can be seen or set."""

    @abstractmethod
    def build(self) -> None:
        """Let the CI build the project."""

    @abstractmethod
    def variables(self) -> Mapping[str, Shown] | None:
        """Return the names, and what is shown of each value; None where the CI does not build the project yet."""

    @abstractmethod
    def set_variable(self, name: str, value: Secret, *, shown: bool) -> None:
        """Create or replace a variable; `shown` says that it is no secret."""

    @abstractmethod
    def delete_variable(self, name: str) -> bool:
        """Delete one; False where it was not there."""


@dataclass(frozen=True)
class Seen:
    """The CI's variables, None where it does not build the project yet; and what was noted of their values."""

    variables: Mapping[str, Shown] | None
    noted: Mapping[str, str]


class CIVariables(Resource[Seen]):
    """Set through the CI's API where there is a token for it; otherwise listed by name for people to set."""

    lane: Lane = "github"
    key = "registry-token"
    needs = ("repository",)

    def __init__(self, settings: Settings, forge: Forge, credentials: Credentials, store: Store) -> None:
        self._note = forge.note(NOTE)
        self._store = store
        self._plain = {
            "REGISTRY_USERNAME": credentials.registry_username,
            **({"REGISTRY_CA": settings.registry_ca_file} if settings.registry_ca_file else {}),
        }
        self._values: dict[str, Secret] = {
            **{name: Plain(value) for name, value in self._plain.items()},
            REGISTRY_TOKEN: credentials.registry_token,
            DEPLOY_TOKEN: credentials.deploy_token,
        }
        self.title = f"{store.title} variables {', '.join(self._values)}"

    def observe(self) -> Seen:
        """Ask the CI and the note; nothing of a CI that there is no token for."""
        found = self._note.read()
        try:
            noted = json.loads(found) if found else {}
        except (ValueError, RecursionError):
            noted = {}
        return Seen(None if self._store.no_token else self._store.variables(), noted if isinstance(noted, dict) else {})

    def blank(self) -> Seen:
        """Return what is seen where nothing was made yet."""
        return Seen(None, {})

    def diff(self, seen: Seen) -> Change | None:
        """Compare names, what the CI shows of the values, and fingerprints."""
        if self._store.no_token:
            return Change("skipped", note=self._checklist())
        there = seen.variables or {}
        fields = [] if seen.variables is not None else [Field("project", None, "built")]
        missing = []
        for name, value in self._values.items():
            if not value:
                missing += [name] if name not in there else []
            elif not self._same(name, value, seen):
                new = self._plain.get(name, "rotated" if name in there else "set")
                fields.append(Field(name, None if name not in there else "another value", new))
        fields += [Field(name, "set", None) for name in seen.noted if name in there and name not in self._values]
        if missing:
            reported = "; ".join(f"{name} ({_MAY[name]})" for name in missing)
            return blocked("its secrets are not at hand", f"Set in the environment {reported}.", tuple(fields))
        return Change("change" if there else "create", tuple(fields)) if fields else None

    def _same(self, name: str, value: Secret, seen: Seen) -> bool:
        shown = (seen.variables or {}).get(name)
        return shown is not None and shown.fits(value) and value.matches(seen.noted.get(name, ""))

    def _checklist(self) -> str:
        secrets = [f"{name}: {may} (a secret)" for name, may in _MAY.items()]
        store = self._store
        first = f"there is no {store.token_variable}: let {store.title} build the repository, and set manually"
        plain = [f"{name}: {value}" for name, value in self._plain.items()]
        return "\n  ".join([first, *plain, *secrets, f"at {self._store.settings_page}"])

    def apply(self, seen: Seen, change: Change) -> None:
        """Let the CI build the project, set what differs, then note it: a kill in between sets it once more."""
        if seen.variables is None:
            self._store.build()
        noted = dict(seen.noted)
        for field in change.fields:
            if value := self._values.get(field.name):
                self._store.set_variable(field.name, value, shown=field.name in self._plain)
                noted[field.name] = value.fingerprint()
            elif field.new is None:
                self._store.delete_variable(field.name)
                del noted[field.name]
        self._note.delete()
        self._note.make(json.dumps(noted))

    def removal(self, seen: Seen) -> str:
        """Say which of ours are there, as far as that can be seen."""
        if self._store.no_token:
            return self._stays
        return GOES if any(name in (seen.variables or {}) for name in self._values) else ""

    @property
    def _stays(self) -> str:
        return f"stays: there is no {self._store.token_variable}; delete them at {self._store.settings_page}"

    def remove(self) -> str:
        """Delete the variables; that the CI builds the repository stays."""
        self._note.delete()
        if self._store.no_token:
            return self._stays
        gone = [name for name in self._values if self._store.delete_variable(name)]
        return f"deleted {', '.join(gone)}" if gone else "were not there"


class Named:
    """The variables of such a CI, by names and values as far as it shows them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def variables(self) -> dict[str, str]:
        """Return what is shown of them; none where the CI cannot be asked, or does not build the project yet."""
        found = {} if self._store.no_token else self._store.variables() or {}
        return {name: shown.text if shown.whole else f"{END}{shown.text}" for name, shown in found.items()}

    def set_variable(self, name: str, value: str, known: Mapping[str, str]) -> None:
        """Create or replace one."""
        self._store.set_variable(name, Plain(value), shown=True)

    def delete_variable(self, name: str) -> bool:
        """Delete one."""
        return not self._store.no_token and self._store.delete_variable(name)
