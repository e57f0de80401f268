"""The one way to run a program: plumbum, with a deadline, secrets by standard input or environment only."""

import logging
import os
import select
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plumbum import CommandNotFound, local

from .errors import CommandFailed, DeadlinePassed, InstallerError
from .secret import inherited, redact
from .wait import SLICE, resume, stopped

log = logging.getLogger(__name__)
_GRACE = 5.0
"""Seconds that a program has to end after Ctrl-C."""
_LINGER = 2.0
"""Seconds that the rest of a program's output is waited for after its end, where something else holds the pipes."""
_plumbum = threading.Lock()
"""Plumbum has one environment for all threads: one that changes it would let another start a program without PATH."""

NO_VENV = {"VIRTUAL_ENV": "", "UV_PROJECT_ENVIRONMENT": ""}
"""For a program that runs uv in another project: `uv run` names the environment of its own project so."""

INSTALL = {
    "git": "https://git-scm.com/downloads",
    "bash": "https://www.gnu.org/software/bash",
    "gh": "https://cli.github.com",
    "helm": "https://helm.sh/docs/intro/install",
    "argocd": "https://argo-cd.readthedocs.io/en/stable/cli_installation",
    "kubectl": "https://kubernetes.io/docs/tasks/tools",
    "docker": "https://docs.docker.com/get-docker",
    "kind": "https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
}


@dataclass(frozen=True)
class Result:
    """What a program answered."""

    status: int
    out: str
    err: str


def missing(program: str) -> bool:
    """Return whether a program cannot be found on PATH."""
    with _plumbum:
        _follow_environment()
        return program not in local


def start(name: str, arguments: Sequence[str], **options: Any) -> Any:
    """Start a program and return its process; what it inherits of the environment holds none of our secrets.

    It leads a session of its own: it can be ended with all that it starts, and has no terminal to ask on, where several
    programs at once would, and nobody would know which one.
    """
    resume()
    with _plumbum:
        _follow_environment()
        try:
            command: Any = local[name]
        except CommandNotFound:
            raise InstallerError(f"{name} is not installed.", f"See {INSTALL.get(name, name)}") from None
        return command.popen(list(arguments), new_session=True, **options)


def _follow_environment() -> None:
    """Let plumbum see today's environment, without secrets: it keeps the one that it was imported in."""
    today = inherited()
    if local.env.getdict() != today:
        local.env.clear()
        local.env.update(today)


def attempt(
    name: str,
    *arguments: str,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 60,
    inherit: Sequence[int] = (),
) -> Result:
    """Run a program and return its answer, whatever its exit status; `timeout` is in seconds.

    `env` is added to what every program inherits: a secret is in there where this program needs it, and no other one.
    `inherit` names open files that the program keeps open until it ends: see `file_lock.locked`.
    """
    shown = redact(shlex.join([name, *arguments]))
    log.debug("$ %s", shown)
    hears = not stopped.is_set()  # what is started after Ctrl-C tidies up, and is left to it
    # Not plumbum's `<<`: it would write standard input, secrets included, to a temporary file.
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    where = str(cwd or Path.cwd())
    process = start(name, arguments, cwd=where, env=dict(env or {}), pass_fds=tuple(inherit), **pipes)
    try:
        out, err, late = _talk(process, stdin.encode(), timeout, hears_of_ctrl_c=hears)
    except BaseException:  # Ctrl-C: it is passed on, and no child is left behind
        end(process, signal.SIGINT)
        close(process)
        raise
    if late:
        seen = redact((err or out).decode(errors="replace").strip()[-500:])
        raise DeadlinePassed(f"`{shown}`", timeout, seen or "no output")
    return Result(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def follow(
    name: str, *arguments: str, say: Callable[[str], None], env: Mapping[str, str], cwd: Path
) -> tuple[int, list[str]]:
    """Run a program for as long as it takes, and say each line that it prints; return its exit status and its lines."""
    log.debug("$ %s", redact(shlex.join([name, *arguments])))
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = start(name, arguments, cwd=str(cwd), env=dict(env), **pipes)
    lines, rest = [], b""
    try:
        while True:
            ready, _, _ = select.select([process.stdout], [], [], SLICE)
            part = os.read(process.stdout.fileno(), 65536) if ready else b""
            *whole, rest = (rest + part).split(b"\n")
            if over := not part and (ready or process.poll() is not None):  # what it started may hold the pipe
                whole += [rest] * bool(rest)
            for line in whole:
                lines.append(redact(line.decode(errors="replace").rstrip("\r")))
                say(lines[-1])
            if over:
                return process.wait(), lines
    except BaseException:  # Ctrl-C: it is passed on, and no child is left behind
        end(process, signal.SIGINT)
        raise
    finally:
        close(process)


def end(process: Any, first: int = 0) -> None:
    """End a program with all that it started; `first` is a signal after which it is given some seconds."""
    try:
        if first and process.poll() is None:
            _signal(process, first)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
    finally:  # also where somebody presses Ctrl-C again
        _signal(process, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        process.wait()


def close(process: Any) -> None:
    """Close a program's pipes, whoever may still hold the other ends."""
    for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
        with suppress(OSError):  # what was not taken of standard input
            pipe.close()


def _signal(process: Any, number: int) -> None:
    """Send a signal to a program and all that it started; those that made a session of their own are not ours."""
    with suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.terminate()
        else:
            os.killpg(process.pid, number)  # it leads a session: see `start`


def _talk(process: Any, given: bytes, timeout: float, *, hears_of_ctrl_c: bool) -> tuple[bytes, bytes, bool]:
    """Return what a program printed until its end, and whether that came too late: then it was ended here.

    What it started may live on and hold its pipes open (a connection that ssh keeps, say): nobody waits for that.
    """
    if given:
        _feed(process, given)
    deadline, over = time.monotonic() + timeout, 0.0
    reported = False
    while True:
        try:
            return *process.communicate(timeout=SLICE), False
        except subprocess.TimeoutExpired as error:
            out, err = error.output or b"", error.stderr or b""
        now = time.monotonic()
        if process.poll() is not None:
            over = over or now
            if now >= over + _LINGER:
                close(process)
                return out, err, False
        elif now >= deadline:
            end(process)
            close(process)
            return out, err, not reported
        elif stopped.is_set() and hears_of_ctrl_c and not reported:  # Ctrl-C came to another thread
            reported, deadline = True, min(deadline, now + _GRACE)
            _signal(process, signal.SIGINT)


def _feed(process: Any, given: bytes) -> None:
    """Write a program's standard input as fast as it reads: `communicate`, called again, forgets what is left of it."""
    own = os.fdopen(os.dup(process.stdin.fileno()), "wb")  # `communicate` closes the other one at once

    def write() -> None:
        with suppress(OSError), own:  # it need not read all of it
            own.write(given)

    threading.Thread(target=write, daemon=True).start()  # whoever keeps the other end open is not waited for


def run(name: str, *arguments: str, **options: Any) -> str:
    """Run a program as `attempt` does and return its standard output; raise CommandFailed with what it said."""
    result = attempt(name, *arguments, **options)
    if result.status:
        shown = redact(shlex.join([name, *arguments]))
        raise CommandFailed(shown, result.status, redact(result.err or result.out))
    return result.out
