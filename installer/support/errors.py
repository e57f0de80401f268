"""The errors that a user can fix; anything else is a bug and keeps its traceback."""


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
