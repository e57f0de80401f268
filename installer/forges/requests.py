"""Pull requests and merge requests: what a code host is asked for, whichever it is."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class ChangeRequest:
    """One request to merge a branch into main."""

    number: int
    url: str
    text: str
    is_open: bool
    merged: bool


class Requests(Protocol):
    """The requests of one repository."""

    called: str
    """What people call one: `pull request`."""

    def of(self, branch: str) -> list[ChangeRequest]:
        """Return those that merge a branch, open or not, the newest first."""

    def open(self, branch: str, title: str, text: str, *, draft: bool) -> ChangeRequest:
        """Open one."""

    def change(self, number: int, title: str, text: str, *, draft: bool) -> None:
        """Give an open one another title and text."""

    def close(self, number: int, text: str) -> None:
        """Close one, with a last text."""
