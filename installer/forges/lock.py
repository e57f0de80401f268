"""The lock of a project: each run keeps a note of its own at the code host, and looks for those of others.

The code hosts have no compare-and-swap for what they keep beside a repository: who writes last wins. So no name is
ever written by two runs: each writes a note of its own, then looks, and goes on only where no other active note is
there. Of two that do so at once at least one sees the other. A note that was not renewed for two minutes, as after a
kill, is stale; a run that may have slept that long starts over with a new one before its next write.
"""

import getpass
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from secrets import token_hex
from typing import Any, Literal

from ..cluster.objects import digest
from ..support.errors import UNREADABLE, DeadlinePassed, InstallerError
from ..support.file_lock import locked, machine, only_while
from ..support.wait import until
from .base import Forge

NAME = "GITOPS_FLASK_UP"
"""What the notes' names begin with; at GitHub they are Actions variables."""
EXPIRES_AFTER = 120.0
"""Seconds after which others take a note that was not renewed for stale."""
CONFIRMED_FOR = 90.0
"""Seconds after the last renewal for which its own run relies on it: less, as clocks and networks are not exact."""
RENEW = 30.0
RETRY_AFTER = 5.0
"""Seconds after a renewal that failed."""
CONTENTION_TIMEOUT = 10.0
"""Seconds that of two which began at once the first by name gives the other to withdraw."""


class Held(InstallerError):
    """Say which other run holds the project."""


class LockLost(InstallerError):
    """Say why this run does not hold the project any more."""


Notes = dict[str, dict[str, Any]]
"""Who wrote each note, by its name."""


class RepositoryLock:
    """The right to change one project; whoever deletes the note ends anybody's."""

    def __init__(self, forge: Forge, verb: Literal["up", "down"] = "up") -> None:
        self._forge = forge
        self._about = {"by": f"{_user()}@{socket.gethostname()}", "machine": machine(), "verb": verb}
        self._name = ""
        self._renewals = 0
        self._confirmed = 0.0
        self._lost: LockLost | None = None
        self._busy = threading.RLock()
        self._asking = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it as long as the block lasts; raise where another run, here or elsewhere, holds it.

        Where there is no repository there is no place for a note: then only others on this machine are kept away.
        """
        with ExitStack() as stack:
            found = self._forge.find()
            self._here(stack, found)
            if found is None:
                yield
                return
            try:
                self._acquire()
            except Held as error:
                raise InstallerError(f"{error.message} This one changed nothing there.", error.fix) from None
            done = threading.Event()
            renewal = threading.Thread(target=self._renew, args=(done,), daemon=True)
            renewal.start()
            try:
                with only_while(self.check):
                    yield
            finally:
                done.set()
                renewal.join()
                self._release()

    def check(self) -> None:
        """Raise where another run may have taken over; asks the code host only after a long silence."""
        if self._lost is None and self._is_sure():
            return
        with self._busy:
            if self._asking:  # the note itself is being written
                return
            if self._lost is None and not self._is_sure():
                self._start_over()
            if self._lost:
                raise self._lost

    def _is_sure(self) -> bool:
        return _passed() - self._confirmed <= CONFIRMED_FOR

    def remove_stale(self) -> None:
        """Take away the notes of runs that were killed."""
        with ExitStack() as stack, suppress(InstallerError):
            self._here(stack, self._forge.find())
            for name in self._others()[1]:
                self._forge.note(name).delete()

    def _here(self, stack: ExitStack, found: Mapping[str, Any] | None) -> None:
        """Keep others on this machine away: the kernel forgets whoever was killed.

        They may spell the repository otherwise, or know it by the name that it had before it was renamed.
        """
        own = (found or {}).get("full_name") or (found or {}).get("path_with_namespace") or self._forge.repository
        try:
            for which in sorted({digest(f"{self._forge.host}/{name}") for name in (self._forge.repository, str(own))}):
                stack.enter_context(locked(f"up of {which}", 0))
        except DeadlinePassed as error:
            what = f"{self._at_work('up` or `down', 'on this machine')} This one changed nothing there."
            raise InstallerError(what, error.fix) from None

    def _acquire(self) -> None:
        """Write a note of a new name, look for others', and take away those that are stale."""
        self._refuse(self._others()[0])
        self._name = f"{NAME}_{token_hex(8).upper()}"
        active: Notes = {}
        stale: Notes = {}

        def settled() -> bool:
            nonlocal active, stale
            active, stale = self._others()
            return not active or min(active) < self._name

        try:
            began = _passed()
            self._forge.note(self._name).make(self._text())
            until(settled, CONTENTION_TIMEOUT)
            self._refuse(active)
            for name in stale:
                self._forge.note(name).delete()
        except BaseException:
            self._release()
            raise
        self._confirmed = began

    def _text(self) -> str:
        self._renewals += 1  # another text each time: a host need not note the time of a change that changes nothing
        return json.dumps({**self._about, "renewals": self._renewals})

    def _refuse(self, active: Notes) -> None:
        for name, holder in active.items():
            removed_by = self._forge.note(name).removed_by
            raise Held(
                self._at_work(str(holder.get("verb", "up")), f"by {holder.get('by', 'someone')}"),
                f"Wait for it. If it was killed, its lock expires within {EXPIRES_AFTER:.0f} s. "
                f"To remove it: {removed_by}",
            )

    def _at_work(self, verb: str, who: str) -> str:
        return f"Another `{verb}` is at work on {self._forge.repository}, {who}."

    def _others(self) -> tuple[Notes, Notes]:
        """Return the notes of other runs: active ones, and stale ones."""
        active: Notes = {}
        stale: Notes = {}
        for name, (text, age) in self._forge.notes(NAME).items():
            holder = _read(text)
            if name != self._name:
                (stale if self._is_stale(holder, age) else active)[name] = holder
        return active, stale

    def _is_stale(self, holder: dict[str, Any], age: float) -> bool:
        """Return whether its holder is gone: not heard of for long, or of this machine, whose file lock we hold."""
        here = self._about["machine"]
        return age > EXPIRES_AFTER or bool(here and holder.get("machine") == here)

    def _renew(self, done: threading.Event) -> None:
        wait = RENEW
        while not done.wait(wait):
            wait = RENEW
            with self._busy:
                if self._lost:
                    return
                try:
                    if self._is_sure():
                        self._renew_once()
                    else:
                        self._start_over()
                except InstallerError:  # the work itself reports what is wrong with the host
                    wait = RETRY_AFTER

    def _renew_once(self) -> None:
        began = _passed()
        with self._asks():
            there = self._forge.note(self._name).renew(self._text())
        if there:
            self._confirmed = began
        else:
            self._lose("somebody deleted its note")

    def _start_over(self) -> None:
        """Take the project anew after a long silence, in which others may have taken it."""
        with self._asks():
            self._release()
            try:
                self._acquire()
            except Held as error:
                self._lose(f"it was not heard of for a while, and {error.message[0].lower()}{error.message[1:-1]}")

    @contextmanager
    def _asks(self) -> Iterator[None]:
        """Let the writes of notes pass our own question whether this run may still write."""
        self._asking = True
        try:
            yield
        finally:
            self._asking = False

    def _lose(self, why: str) -> None:
        what = f"This run does not hold {self._forge.repository} any more: {why}. It stopped before its next write."
        self._lost = LockLost(what, "Run this again when no other run is at work; it resumes.")

    def _release(self) -> None:
        with suppress(InstallerError):  # it expires by itself
            self._forge.note(self._name).delete()


def _user() -> str:
    """Return who runs this; a container's user may be on no list."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"user {os.getuid()}" if sys.platform != "win32" else "somebody"


def _read(text: str) -> dict[str, Any]:
    with suppress(*UNREADABLE):
        return dict(json.loads(text))
    return {}


def _passed() -> float:
    """Return seconds of a clock that goes on while this machine sleeps, as Python's monotonic one need not."""
    if hasattr(time, "CLOCK_BOOTTIME"):  # Linux; its CLOCK_MONOTONIC stands still in a suspended machine
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if hasattr(time, "clock_gettime"):  # macOS: CLOCK_MONOTONIC goes on, Python's monotonic() stands still
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()  # Windows
