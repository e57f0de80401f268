"""Who may write: one at a time on this machine, as the kernel knows, and only while a run holds its project's lock.

What a killed run left behind, a helm say, keeps the lock until it ends.
"""

import hashlib
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from .errors import DeadlinePassed, InstallerError
from .wait import until

if sys.platform != "win32":
    import fcntl

log = logging.getLogger(__name__)
Files = tuple[int, ...]
_asked: list[Callable[[], None]] = []
"""What each write of this process asks before it begins."""


def state_folder() -> Path:
    """Return where this machine's locks and its identity are kept; losing it costs patience, nothing else.

    Who has no home, or none to write to, shares one among the temporary files with all that this user runs.
    """
    for folder in _candidates():
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.access(folder, os.W_OK | os.X_OK) and _is_ours(folder):
                return folder
    tried = ", ".join(map(str, _candidates()))
    fix = "Set XDG_STATE_HOME to a folder that you may write to, then run this again."
    raise InstallerError(f"There is no folder to keep locks and logs in (tried: {tried}).", fix)


def _candidates() -> Iterator[Path]:
    if given := os.environ.get("XDG_STATE_HOME"):
        yield Path(given) / "gitops-flask"
    else:
        with suppress(RuntimeError):  # no HOME, and a user who is on no list
            yield Path.home() / ".local" / "state" / "gitops-flask"
    number = os.getuid() if sys.platform != "win32" else ""
    yield Path(tempfile.gettempdir()) / f"gitops-flask-state-{number}"


def _is_ours(folder: Path) -> bool:
    """Return whether nobody else made it: in the folder of temporary files anybody may."""
    return sys.platform == "win32" or (not folder.is_symlink() and folder.stat().st_uid == os.getuid())


def machine() -> str:
    """Return a short name of this machine and its locks; empty where there are no locks to rely on."""
    if sys.platform == "win32":
        return ""
    path = state_folder() / "machine"
    if not path.exists():
        fresh = path.with_name(f"machine.{token_hex(8)}")
        fresh.write_text(token_hex(16), encoding="ascii")
        try:
            path.hardlink_to(fresh)  # the first of several has its way
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    # with the host's name: a home directory may be shared by machines that do not see each other's locks
    return hashlib.sha256(f"{path.read_text(encoding='ascii')} {socket.gethostname()}".encode()).hexdigest()[:16]


@contextmanager
def locked(what: str, seconds: float) -> Iterator[Files]:
    """Wait until nobody on this machine works on `what`, then lend the files that programs must inherit.

    A program that inherited them holds the lock until it ends, whatever happens to the installer that started it.
    """
    if sys.platform == "win32":
        yield ()
        return
    path = state_folder() / f"{hashlib.sha256(what.encode()).hexdigest()[:24]}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not (free := _take(descriptor)):
            log.info("another program on this machine is changing %s: waiting for its end", what)
            free = until(lambda: _take(descriptor), seconds, every=0.1)
        if not free:
            seen = f"a program on this machine is still at it (it holds {path})"
            fix = f"Wait for it, or find and end it: fuser {path}"
            raise DeadlinePassed(f"The end of another change of {what}", seconds, seen, fix)
        yield (descriptor,)
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def only_while(allowed: Callable[[], None]) -> Iterator[None]:
    """Let `allowed` stop, by an error, every write of this process that begins as long as the block lasts."""
    _asked.append(allowed)
    try:
        yield
    finally:
        _asked.remove(allowed)


def about_to_write() -> None:
    """Raise where this run may not write any more."""
    for allowed in _asked:
        allowed()
