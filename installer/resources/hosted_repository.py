"""What a kind of code host consists of; and the repository itself: created once, then changed, never created anew."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from ..config.settings import FILE, MAIN, Settings
from ..engine.resource import Change, Field, Resource, blocked, differences
from ..forges.base import DeployKeys, Forge, Requests, Webhooks
from ..forges.credentials import Credentials
from ..forges.git import Login
from ..support.errors import InstallerError
from ..support.file_lock import Files, locked

Found = dict[str, Any]
Words = Mapping[str, tuple[str, Mapping[Any, str]]]
"""By the API's name of a field: what people call it, and its values."""


@dataclass(frozen=True)
class ForgeKind:
    """A kind of code host; what is made by one of these functions is given to the others."""

    connect: Callable[[Settings, Credentials], Forge]
    keys: Callable[[Any], DeployKeys]
    repository: Callable[..., Resource[Any]]
    """Makes the resource from settings, host and credentials; `remove_it` says whether `down` deletes it."""
    rules: Callable[[Settings, Any, tuple[str, ...], str], Resource[Any]]
    """The last arguments name the checks that a merge waits for, and whose they must be."""
    webhooks: Callable[[Any, Settings], Webhooks]
    requests: Callable[[Any], Requests]
    allows_initial_push: Callable[[Any], AbstractContextManager[None]] = nullcontext
    """Makes the block in which the first push may add to a branch that is there."""
    login: Callable[[Any, Credentials], Login] = lambda _, credentials: credentials.login
    """Returns what git logs in with to push, from code host and credentials."""


class HostedRepository(Resource[Found | None]):
    """What is seen is the code host's own description of it, with the branches that matter; or None."""

    key = "repository"
    nothing = None
    called: str
    """What people call such a repository."""
    full_name: str
    """The API's name of the field with owner and name."""
    changes_by: str
    """The method of the request that changes fields."""
    page: str
    """The page of its settings, below its address."""
    requests: str
    """What people call a request to merge."""
    words: Words

    def __init__(self, settings: Settings, client: Any, credentials: Credentials, *, remove_it: bool = False) -> None:
        self.lane = settings.lane
        self._settings = settings
        self._client = client
        self._credentials = credentials
        self._remove_it = remove_it
        self.title = f"{self.called} {settings.repository}"

    @abstractmethod
    def desired(self, seen: Found | None) -> Found:
        """Return the fields that are ours, as they should be."""

    @abstractmethod
    def create(self, inherit: Files) -> Found:
        """Create it; where the answer was lost, look whether it is there."""

    @abstractmethod
    def renamed_back(self, now: str) -> str:
        """Return the way out where it has another name or owner now."""

    @abstractmethod
    def main_again(self, old: str) -> str:
        """Return the way out where its default branch is another and there is no main."""

    def observe(self) -> Found | None:
        """Read its description, and which of the branches that matter are there."""
        found: Found | None = self._client.find()
        if found is None:
            return None
        default = found.get("default_branch") or MAIN  # of an empty one GitLab names none
        branches = [name for name in (MAIN, default) if default != MAIN and self._client.head(name)]
        return {**found, "description": found["description"] or "", "branches": branches}

    def _wanted(self, seen: Found) -> Found:
        # of an empty repository the first push says which branch is the default
        return {**self.desired(seen), **({"default_branch": MAIN} if MAIN in seen["branches"] else {})}

    def diff(self, seen: Found | None) -> Change | None:
        """Compare the fields that are ours."""
        if seen is None:
            return Change("create", self._worded(differences(self.desired(None), {})))
        now, url = str(seen[self.full_name]), self._settings.url
        if now.casefold() != self._settings.repository.casefold():  # the code host leads old names to the new
            return blocked(f"it is {now} now", self.renamed_back(now))
        if seen.get("marked_for_deletion_on"):
            return blocked("it waits to be deleted", f"Restore it at {url}/{self.page}")
        if seen["archived"]:
            return blocked("it is archived", f"Unarchive it at {url}/{self.page}")
        if seen["branches"] and MAIN not in seen["branches"]:
            old = seen["default_branch"]
            return blocked(f"it has no branch {MAIN}, its default branch is {old}", self.main_again(old))
        fields = differences(self._wanted(seen), seen)
        return Change("change", self._worded(fields), self._note(seen)) if fields else None

    def _worded(self, fields: Iterable[Field]) -> tuple[Field, ...]:
        """Name fields and their values as people know them."""
        named = [(each, *self.words.get(each.name, (each.name, {}))) for each in fields]
        return tuple(Field(name, of.get(each.old, each.old), of.get(each.new, each.new)) for each, name, of in named)

    def _note(self, seen: Found) -> str:
        """Say what the difference means where the fields alone do not."""
        notes = []
        public = seen.get("visibility") == "public" or seen.get("private") is False
        if self._settings.private and public:
            notes.append(
                "anyone may have read it since it was made public; "
                f"to leave it so: {self._settings.scm}.visibility in {FILE}"
            )
        if seen["branches"]:
            notes.append(f"{self.requests} and clones start with {seen['default_branch']}, which nothing deploys")
        return "; ".join(notes)

    def apply(self, seen: Found | None, change: Change) -> None:
        """Create it where it is missing, then set what differs."""
        if seen is None:
            with locked(f"repository {self._settings.url}", 120) as files:
                seen = self.observe() or self.create(files)  # a run that was killed may have left one that creates it
        if body := {field.name: field.new for field in differences(self._wanted(seen), seen)}:
            self._client.call(self.changes_by, self._client.path(), body)

    def removal(self, seen: Found | None) -> str:
        """Say whether it stays, which it does where nobody asked for its end."""
        if seen is None:
            return ""
        stays = f"stays: {self._settings.url} with its branches (--repository deletes it)"
        return "goes, with all its history" if self._remove_it else stays

    def remove(self) -> str:
        """Delete it where that was asked for by name; it stays otherwise."""
        if not self._remove_it:
            return self.removal(self._client.find()) or "was not there"
        return self.deleted(self._client.find()) if self._client.delete(self._client.path()) else "was not there"

    def deleted(self, left: Found | None) -> str:
        """Say what became of it, by what is left."""
        if left:
            page = f"{self._settings.url}/{self.page}"
            raise InstallerError(f"{self._settings.url} is still there.", f"Delete it at {page}.")
        return "deleted"
