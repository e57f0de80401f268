"""One `up` at a time on a project: a note at GitHub, renewed while it works, that is void two minutes after a kill."""

import getpass
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from secrets import token_hex
from typing import Any

from .errors import DeadlinePassed, InstallerError
from .github import GitHub
from .refused import Refused
from .turn import machine, turn

NAME = "GITOPS_FLASK_UP"
"""The Actions variable that is the note: making one fails where it is there already, which settles who is first."""
LASTS = 120.0
RENEW = 40.0


class Lease:
    """The right to change one project; `gh variable delete GITOPS_FLASK_UP` ends anybody's."""

    def __init__(self, github: GitHub, repository: str) -> None:
        self._github = github
        self._repository = repository
        self._path = github.path("actions/variables", NAME)
        self._mine = {"by": f"{getpass.getuser()}@{socket.gethostname()}", "machine": machine(), "nonce": token_hex(8)}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it as long as the block lasts; raise where another run, here or elsewhere, holds it."""
        with ExitStack() as stack:
            self._here(stack)
            self._take()
            done = threading.Event()
            renewal = threading.Thread(target=self._renew, args=(done,), daemon=True)
            renewal.start()
            try:
                yield
            finally:
                done.set()
                renewal.join()
                self._give_back()

    def tidy(self) -> None:
        """Take away the note of a run that was killed."""
        with ExitStack() as stack, suppress(InstallerError):
            self._here(stack)
            there = self._read()
            if there and self._void(*there):
                self._github.delete(self._path)

    def _here(self, stack: ExitStack) -> None:
        """Keep others on this machine away: the kernel forgets whoever was killed."""
        try:
            stack.enter_context(turn(f"up of {self._repository} at {self._github.host}", 0))
        except DeadlinePassed as error:
            raise _another(self._repository, "on this machine", error.fix) from None

    def _take(self) -> None:
        there = self._read()
        if there and not self._void(*there):
            self._refuse(there[0])
        if there:
            self._github.delete(self._path)
        try:
            self._github.call("POST", self._github.path("actions/variables"), self._body())
        except Refused as error:
            if error.status == 409 and (there := self._read()):  # between our look and our note
                self._refuse(there[0])
            raise
        there = self._read()  # two may have found the same void note, and the slower one removed our new one
        if there and there[0] != self._mine:
            self._refuse(there[0])

    def _refuse(self, holder: dict[str, Any]) -> None:
        sooner = f"gh variable delete {NAME} --repo {self._repository}"
        fix = f"Wait for it. Where it was killed, its note is void within {LASTS:.0f} s; sooner: {sooner}"
        raise _another(self._repository, f"by {holder.get('by', 'someone')}", fix)

    def _read(self) -> tuple[dict[str, Any], float] | None:
        """Return who holds it and the seconds since the last renewal, both times by GitHub's own clock."""
        try:
            headers, found = self._github.send("GET", self._path, None, {})
        except Refused as error:
            if error.status == 404:
                return None
            raise
        try:
            holder = json.loads(found["value"])
        except ValueError:
            holder = {}
        now = parsedate_to_datetime(headers["date"])
        renewed = datetime.fromisoformat(found["updated_at"])
        return holder if isinstance(holder, dict) else {}, (now - renewed).total_seconds()

    def _void(self, holder: dict[str, Any], age: float) -> bool:
        """Tell whether its holder is gone: not heard of for long, or of this machine, where we have the turn now."""
        here = self._mine["machine"]
        return age > LASTS or bool(here and holder.get("machine") == here)

    def _body(self) -> dict[str, str]:
        return {"name": NAME, "value": json.dumps(self._mine)}

    def _renew(self, done: threading.Event) -> None:
        while not done.wait(RENEW):
            with suppress(InstallerError):  # the work itself tells what is wrong with GitHub
                self._github.call("PATCH", self._path, self._body())

    def _give_back(self) -> None:
        with suppress(InstallerError):  # it becomes void by itself
            there = self._read()
            if there and there[0] == self._mine:
                self._github.delete(self._path)


def _another(repository: str, who: str, fix: str) -> InstallerError:
    return InstallerError(f"Another `up` is at work on {repository}, {who}. This one changed nothing there.", fix)
