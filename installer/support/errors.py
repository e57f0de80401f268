"""The errors that a user can fix, among them what others answered and nobody can read; anything else is a bug."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .plain_text import one_line


class InstallerError(Exception):
    """Say what is wrong and what to do about it."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.fix}" if self.fix else self.message


class ApiError(InstallerError):
    """Say that a server answered no; `wait` is how many seconds it wants to be left alone (None: it did not say)."""

    def __init__(
        self, title: str, request: str, status: int, reason: str, fix: str = "", wait: float | None = None
    ) -> None:
        super().__init__(f"{title} answered {status} to {request}: {reason}", fix)
        self.status = status
        self.reason = reason
        self.wait = wait


class Untrusted(InstallerError):
    """Say that the other side cannot be trusted, its certificate or where it leads: to ask again does not help."""


class CommandFailed(InstallerError):
    """Say which program failed, how, and what it printed (secrets blotted out)."""

    def __init__(self, command: str, status: int, output: str, fix: str = "") -> None:
        super().__init__(f"`{command}` failed ({status}): {output.strip() or 'no output'}", fix)
        self.status = status
        self.output = output


class DeadlinePassed(InstallerError):
    """Say what was waited for, how long, and the last condition that was seen."""

    def __init__(self, what: str, seconds: float, last_seen: str, fix: str = "") -> None:
        super().__init__(f"{what}: not within {seconds:.0f} s. Last seen: {last_seen}", fix)
        self.last_seen = last_seen


# --- what others answered, read -------------------------------------------------------------------

Object = dict[str, Any]
"""An object of Kubernetes: what its manifest, or the API server, says of it."""
Objects = list[Object]
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What Python raises where a text, or a tree, has another shape than it should."""


class Unreadable(InstallerError):
    """Say whose answer has a shape that nobody expected; the log has what Python said of it."""


def text(value: object) -> str:
    """Return a value that has to be text; raise TypeError where it is something else."""
    if isinstance(value, str):
        return value
    raise TypeError(f"{type(value).__name__} where text should be")


@contextmanager
def reading(whose: str) -> Iterator[None]:
    """Name `whose` words they are where a block, or a function with this as its decorator, cannot read them."""
    try:
        yield
    except UNREADABLE as error:
        reported = one_line(f"{whose} cannot be read: {type(error).__name__}: {error}")
        fix = "Is there a proxy or a login page in between, or a version that nobody has tried? Then run this again."
        raise Unreadable(reported, fix) from error
