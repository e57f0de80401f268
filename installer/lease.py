"""One `up` at a time on a project: a note at the code host, renewed while it works, void two minutes after a kill."""

import getpass
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from secrets import token_hex
from typing import Any

from .errors import DeadlinePassed, InstallerError
from .host import Host, Taken
from .turn import machine, turn

NAME = "GITOPS_FLASK_UP"
"""The note's name; at GitHub it is an Actions variable."""
LASTS = 120.0
RENEW = 40.0


class Lease:
    """The right to change one project; whoever deletes the note ends anybody's."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._note = host.note(NAME)
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
                self._note.take_away()

    def _here(self, stack: ExitStack) -> None:
        """Keep others on this machine away: the kernel forgets whoever was killed."""
        try:
            stack.enter_context(turn(f"up of {self._host.repository} at {self._host.host}", 0))
        except DeadlinePassed as error:
            raise _another(self._host.repository, "on this machine", error.fix) from None

    def _take(self) -> None:
        there = self._read()
        if there and not self._void(*there):
            self._refuse(there[0])
        if there:
            self._note.take_away()
        try:
            self._note.make(json.dumps(self._mine))
        except Taken:
            if there := self._read():  # between our look and our note
                self._refuse(there[0])
            raise
        there = self._read()  # two may have found the same void note, and the slower one removed our new one
        if there and there[0] != self._mine:
            self._refuse(there[0])

    def _refuse(self, holder: dict[str, Any]) -> None:
        fix = f"Wait for it. Where it was killed, its note is void within {LASTS:.0f} s; sooner: {self._note.by_hand}"
        raise _another(self._host.repository, f"by {holder.get('by', 'someone')}", fix)

    def _read(self) -> tuple[dict[str, Any], float] | None:
        """Return who holds it and the seconds since the last renewal."""
        found = self._note.read()
        if found is None:
            return None
        text, age = found
        try:
            holder = json.loads(text)
        except ValueError:
            holder = {}
        return holder if isinstance(holder, dict) else {}, age

    def _void(self, holder: dict[str, Any], age: float) -> bool:
        """Tell whether its holder is gone: not heard of for long, or of this machine, where we have the turn now."""
        here = self._mine["machine"]
        return age > LASTS or bool(here and holder.get("machine") == here)

    def _renew(self, done: threading.Event) -> None:
        while not done.wait(RENEW):
            with suppress(InstallerError):  # the work itself tells what is wrong with the host
                self._note.renew(json.dumps(self._mine))

    def _give_back(self) -> None:
        with suppress(InstallerError):  # it becomes void by itself
            there = self._read()
            if there and there[0] == self._mine:
                self._note.take_away()


def _another(repository: str, who: str, fix: str) -> InstallerError:
    return InstallerError(f"Another `up` is at work on {repository}, {who}. This one changed nothing there.", fix)
