"""What is asked of the place that keeps the code, whichever it is; GitHub's answers are in repository.py."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..config.settings import MAIN
from ..support.secret import Secret

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


class Store(Protocol):
    """What a host's own CI reads: variables, and secrets that nobody reads again."""

    variables_are: str
    """What people call them: `Actions variables`."""
    secret_is: str

    def variables(self) -> dict[str, str]:
        """Return the variables; none where there is no repository."""

    def set_variable(self, name: str, value: str, known: Mapping[str, str]) -> None:
        """Create or change a variable; `known` are those that are there."""

    def delete_variable(self, name: str) -> bool:
        """Delete a variable; False where there was none."""

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
