"""A real process of the installer, and its sudden end."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from tests.conftest import ROOT
from tests.github import GitHub
from tests.github.wire import Request, Response
from tests.gitlab import GitLab

Whom = Literal["alone", "group"]
"""`alone`: its children live on, as after an `Out of memory`; `group`: they die with it, as with a lost machine."""


class Process:
    """An installer in a process group of its own; what it prints goes to a file."""

    def __init__(self, command: list[str], env: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("w") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def printed(self) -> str:
        return self._log.read_text()

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def kill(self, whom: Whom) -> None:
        """End it with SIGKILL, which no program can answer."""
        if self.ended:
            return
        if whom == "group":
            self._process.send_signal(signal.SIGSTOP)  # it starts no more
            for group in groups(self._process.pid):
                with suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)
        else:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def end(self, seconds: float) -> int:
        """Wait for its end, and return its exit code."""
        try:
            return self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it is still at work after {seconds:.0f} s; it printed:\n{self.printed}") from None
        finally:
            self.kill("group")


def groups(process: int) -> set[int]:
    """Return the process groups of a process and of all that it started: each program has one of its own."""
    told = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended just now
            _, parent, group, *_ = file.read_text().rpartition(")")[2].split()
            told[int(file.parent.name)] = int(parent), int(group)
    found = {process}
    while more := {each for each, (parent, _) in told.items() if parent in found} - found:
        found |= more
    return {process} | {told[each][1] for each in found if each in told}


def python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


class Watched:
    """The stand-in's ear: calls `strike` around each request that changes what is stored."""

    def __init__(self, github: GitHub | GitLab) -> None:
        self._dispatch: Any = github.dispatch
        self._answer: Callable[[Request], Response] = github.dispatch._by_host
        self._count = 0
        self.seen: list[str] = []
        self.strike: Callable[[int, str], None] = lambda *_: None
        self._dispatch._by_host = self._heard

    def close(self) -> None:
        self._dispatch._by_host = self._answer

    def _heard(self, request: Request) -> Response:
        if not changes(request):
            return self._answer(request)
        self._count += 1
        number = self._count
        self.seen.append(f"{request.method} {request.path}")
        self.strike(number, "unheard")
        response = self._answer(request)
        self.strike(number, "unanswered")
        return response


def changes(request: Request) -> bool:
    """Tell whether a request asks for a change: git's and GraphQL's reads are POSTs too."""
    if request.path.endswith("/graphql"):
        return b"mutation" in request.body
    return request.method not in ("GET", "HEAD") and not request.path.endswith("/git-upload-pack")


class LostError(Exception):
    """A request that never came to be processed, because who sent it is dead."""
