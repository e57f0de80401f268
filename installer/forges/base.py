"""What is asked of the place that keeps the code, whichever it is: the repository, its deploy keys, its webhooks."""

import base64
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar
from urllib.parse import parse_qs, urlencode

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..cluster.objects import identities
from ..config.settings import MAIN, Settings
from ..support.errors import reading
from ..support.secret import Secret

Read = TypeVar("Read")
_FORM_FILES = frozenset({"README.md", "LICENSE", ".gitignore"})
"""What the form for a new repository can put into it, at GitHub or GitLab: such a repository is as good as empty."""


@dataclass(frozen=True)
class Commit:
    """One commit of a branch; `date` is when it was made, in the host's own form."""

    sha: str
    message: str
    date: str


class Note(Protocol):
    """A line of text that is kept beside the repository, under a name."""

    removed_by: str
    """The command that takes it away."""

    def read(self) -> str | None:
        """Return the text, or None."""

    def make(self, text: str) -> None:
        """Write it where there is none."""

    def renew(self, text: str) -> bool:
        """Write it again; False where it is gone."""

    def delete(self) -> None:
        """Remove it; one that is gone already is fine."""


class Forge(Protocol):
    """One repository at a code host, as every verb reads it."""

    host: str
    repository: str

    def who(self) -> str:
        """Return whose the token is."""

    def find(self) -> dict[str, Any] | None:
        """Return the host's own description of the repository, or None."""

    def head(self, branch: str) -> str | None:
        """Return the commit at a branch's head, or None."""

    def file(self, path: str, ref: str) -> str | None:
        """Return a file's text at a commit or branch, or None."""

    def top(self, ref: str) -> dict[str, str]:
        """Return the names at the top of a commit or branch, each with what it is: `file`, or a word for another."""

    def branches(self) -> dict[str, str]:
        """Return the branches, each with the commit at its head."""

    def tags(self) -> list[str]:
        """Return the names of the tags."""

    def commits(self, branch: str) -> Iterator[Commit]:
        """Walk along a branch, newest first."""

    def count(self, newer: str, older: str) -> int:
        """Return how many commits one has that an older one has not."""

    def check(self, revision: str, name: str, app: str = "") -> str:
        """Return the state of a commit's newest check, or status, of this name: `success`, or a word for another.

        It is empty where there is none. `app` is the GitHub App whose check it must be.
        """

    def note(self, name: str) -> Note:
        """Return the note of a name, there already or not."""

    def notes(self, prefix: str) -> dict[str, tuple[str, float]]:
        """Return the notes whose names begin so: each one's text, and its age in seconds by the host's own clock."""

    def variables(self) -> dict[str, str]:
        """Return the variables; none where there is no repository."""

    def redirects_here(self, address: str) -> bool:
        """Return whether the host leads another address to this repository: it was renamed or transferred."""


class Stored(Protocol):
    """The variables that a CI's jobs read."""

    def variables(self) -> dict[str, str]:
        """Return the variables; none where there is no repository."""

    def set_variable(self, name: str, value: str, known: Mapping[str, str]) -> None:
        """Create or change a variable; `known` are those that are there."""

    def delete_variable(self, name: str) -> bool:
        """Delete a variable; False where there was none."""


class Store(Stored, Protocol):
    """What a host's own CI reads: variables, and secrets that nobody reads again."""

    variables_are: str
    """What people call them: `Actions variables`."""
    secret_is: str

    def secrets(self) -> frozenset[str]:
        """Return the names of the secrets."""

    def set_secret(self, name: str, value: Secret) -> None:
        """Create or replace a secret."""

    def delete_secret(self, name: str) -> bool:
        """Delete a secret; False where there was none."""


def template_files(forge: Forge, branch: str = MAIN) -> tuple[str, ...]:
    """Return the files of a branch where it has only those of such a form, and nothing else is in the repository."""
    there = forge.top(branch)
    if not there or not there.items() <= {(name, "file") for name in _FORM_FILES}:
        return ()
    return () if len({*forge.branches().values()}) > 1 or forge.tags() else tuple(sorted(there))


class OfRepository(ABC):
    """What a code host keeps of one kind beside a repository; `forge` is its client, which knows the repository."""

    title: str
    """What people call the code host."""
    kept_at: str
    """Where its paths begin, below the repository's."""

    def __init__(self, forge: Any) -> None:
        self._forge = forge

    def _path(self, number: int | None = None) -> str:
        """Return the path of all of them, or of one."""
        return str(self._forge.path(self.kept_at, *([str(number)] if number else [])))

    def _all(self, read: Callable[[dict[str, Any]], Read], **asked: Any) -> list[Read]:
        """Read the list of all that are asked for; none where there is no repository."""
        with reading(f"{self.title}'s answer"):
            return [read(each) for each in self._forge.pages(self._path(), **asked)]


# --- deploy keys: pairs that never touch a disk ---------------------------------------------------

_ENCODING = serialization.Encoding
_PUBLIC = serialization.PublicFormat.OpenSSH


@dataclass(frozen=True)
class DeployKey:
    """One registered key of a repository."""

    id: int
    title: str
    key: str
    read_only: bool


class DeployKeys(OfRepository):
    """The deploy keys of one repository."""

    def list(self) -> list[DeployKey]:
        """Return all of them; none where there is no repository."""
        return self._all(self._read)

    @abstractmethod
    def _read(self, found: dict[str, Any]) -> DeployKey: ...

    @abstractmethod
    def add(self, title: str, public: str) -> None:
        """Register a key that may only read."""

    def remove(self, key: DeployKey) -> None:
        """Remove a key; one that is gone already is fine."""
        self._forge.delete(self._path(key.id))


@dataclass(frozen=True)
class Pair:
    """An ed25519 key: the public half as GitHub takes it, the private one in OpenSSH's format."""

    public: str
    private: Secret

    @classmethod
    def make(cls) -> "Pair":
        """Make a new pair, in memory."""
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(_ENCODING.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
        return cls(key.public_key().public_bytes(_ENCODING.OpenSSH, _PUBLIC).decode(), Secret(private.decode()))


def fingerprint(public: str) -> str:
    """Return what `ssh-keygen -l` and GitHub's page show of a public key, whatever its comment: `SHA256:…`."""
    try:
        digest = hashlib.sha256(base64.b64decode(public.split()[1], validate=True)).digest()
    except (IndexError, ValueError):
        return ""
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def fingerprint_of_private(private: Secret) -> str:
    """Return the fingerprint of the public half of a private key; empty where it is no key."""
    try:
        key = serialization.load_ssh_private_key(private.reveal().encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return ""
    return fingerprint(key.public_key().public_bytes(_ENCODING.OpenSSH, _PUBLIC).decode())


# --- webhooks: ours among them, and what came of the last call ------------------------------------

OWNER_VARIABLE = "gitops-flask"
"""In the address that is called, for whoever reads it: whose hook it is. Argo CD does not look at it."""
_NOTED = "fingerprint"
_REPOSITORY = "repository"
"""The digest of the repository's address: one that was made under a former name is known by it."""


@dataclass(frozen=True)
class Hook:
    """A webhook of ours; nobody shows its secret, so the fingerprint of that stands in its address."""

    id: int
    address: str
    """Without what we add to it."""
    fingerprint: str
    """Empty where it has no secret."""
    rest: Mapping[str, Any]
    """What else `wanted` speaks of."""


@dataclass(frozen=True)
class Delivery:
    """One push that was reported: the status that it was answered with (0: none), and what the code host says of it."""

    code: int
    said: str

    def __str__(self) -> str:
        return f"{self.code or ''} “{self.said}”".strip()

    @property
    def accepted(self) -> bool:
        """Return whether it arrived and was taken."""
        return 200 <= self.code < 300

    @property
    def refused(self) -> bool:
        """Return whether Argo CD itself refused it: so it answers a call with another secret, or none."""
        return self.code == 400


class Webhooks(OfRepository):
    """The webhooks that one application has at its repository. None is changed: another is made in its place.

    So what came of a hook's calls came of the hook as it is, and GitLab calls again what it gave up.
    """

    kept_at = "hooks"
    wanted: ClassVar[Mapping[str, Any]]
    """What every hook of ours is like, but for its address and its secret."""

    def __init__(self, forge: Any, settings: Settings) -> None:
        super().__init__(forge)
        self._application = settings.application
        self._identities = tuple(identities(settings))

    def list(self) -> list[Hook]:
        """Return ours; none where there is no repository."""
        return [hook for hook in self._all(self._ours) if hook]

    @abstractmethod
    def _ours(self, found: dict[str, Any]) -> Hook | None: ...

    @abstractmethod
    def create(self, address: str, secret: Secret | None) -> None:
        """Make a hook with its secret and the fingerprint of that."""

    def delete(self, hook: Hook) -> bool:
        """Delete a hook; False where it was gone."""
        return bool(self._forge.delete(self._path(hook.id)))

    @abstractmethod
    def page(self, hook: Hook) -> str:
        """Return the address of the page where people see it, and what was answered to its calls."""

    @abstractmethod
    def newest(self, hook: Hook) -> Delivery | None:
        """Return the last call, if it reported a push; None too where the code host does not know it any more."""

    def labelled(self, address: str, secret: Secret | None) -> str:
        """Return an address with our labels."""
        noted = {_NOTED: secret.fingerprint()} if secret else {}
        labels = {OWNER_VARIABLE: self._application, _REPOSITORY: self._identities[0], **noted}
        return f"{address}?{urlencode(labels)}"

    def unlabelled(self, url: str) -> tuple[str, str] | None:
        """Return an address without our labels, and the fingerprint; None where it is not ours."""
        address, _, query = url.partition("?")
        labels = parse_qs(query)
        labelled = labels.get(OWNER_VARIABLE, [""])[0], labels.get(_REPOSITORY, [""])[0]
        if not labelled[0] or labelled[1] not in self._identities:
            return None
        current = labelled == (self._application, self._identities[0])
        return address if current else url, labels.get(_NOTED, [""])[0]


# --- pull requests and merge requests -------------------------------------------------------------


@dataclass(frozen=True)
class ChangeRequest:
    """One request to merge a branch into main."""

    number: int
    url: str
    text: str
    is_open: bool
    merged: bool


class Requests(OfRepository):
    """The requests of one repository."""

    called: str
    """What people call one: `pull request`."""

    def of(self, branch: str) -> list[ChangeRequest]:
        """Return those that merge a branch, open or not, the newest first."""
        return sorted(self._all(self._read, state="all", **self._of(branch)), key=lambda each: -each.number)

    @abstractmethod
    def _of(self, branch: str) -> dict[str, str]: ...

    @abstractmethod
    def _read(self, found: dict[str, Any]) -> ChangeRequest: ...

    @abstractmethod
    def open(self, branch: str, title: str, text: str, *, draft: bool) -> ChangeRequest:
        """Open one."""

    @abstractmethod
    def change(self, number: int, title: str, text: str, *, draft: bool) -> None:
        """Give an open one another title and text."""

    @abstractmethod
    def close(self, number: int, text: str) -> None:
        """Close one, with a last text."""
