"""A kubectl that listens while it runs: all that it prints is read, or it would stop once the pipe is full."""

import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from typing import IO

from ..support.process import close, end, start
from ..support.secret import redact
from ..support.wait import SLICE, until

_LINGER = 2.0
"""Seconds for its last lines."""


class Listening:
    """It prints one line once it listens; a port-forward prints one for each connection from then on."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._first = ""
        self._known = threading.Event()
        self._errors: deque[str] = deque(maxlen=5)
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = start("kubectl", arguments, **quiet)
        self._readers = [
            threading.Thread(target=read, args=(pipe,), daemon=True)
            for read, pipe in ((self._read, self.process.stdout), (self._read_errors, self.process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def first(self, seconds: float) -> str:
        """Return the first line that it prints; nothing where it ends, or prints none within this time."""
        until(lambda: self._known.wait(SLICE), seconds, every=0)
        return self._first

    def said(self) -> str:
        """Return the last lines that it printed as errors; all of them once it has ended."""
        if self.process.poll() is not None:
            self._readers[1].join(_LINGER)
        return redact("".join(self._errors)).strip()

    def end(self) -> None:
        """End it, with what its kubeconfig may have started; again, it changes nothing."""
        if self.process.stdout.closed:
            return
        end(self.process)
        for reader in self._readers:
            reader.join(_LINGER)
        close(self.process)

    def _read(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self._first = self._first or line.decode(errors="replace")
            self._known.set()
        self._known.set()

    def _read_errors(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self._errors.append(line.decode(errors="replace"))
