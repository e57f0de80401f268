"""The one way to run a program: plumbum, with a deadline, secrets by standard input or environment only."""

import logging
import shlex
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plumbum import CommandNotFound, local

from .environment import inherited
from .errors import CommandFailed, DeadlinePassed, InstallerError
from .secret import redact

log = logging.getLogger(__name__)
_plumbum = threading.Lock()
"""Plumbum has one environment for all threads: one that changes it would let another start a program without PATH."""

INSTALL = {
    "git": "https://git-scm.com/downloads",
    "gh": "https://cli.github.com",
    "helm": "https://helm.sh/docs/intro/install",
    "argocd": "https://argo-cd.readthedocs.io/en/stable/cli_installation",
    "kubectl": "https://kubernetes.io/docs/tasks/tools",
}


@dataclass(frozen=True)
class Result:
    """What a program answered."""

    status: int
    out: str
    err: str


def missing(program: str) -> bool:
    """Tell whether a program cannot be found on PATH."""
    with _plumbum:
        _follow_environment()
        return program not in local


def start(name: str, arguments: Sequence[str], **options: Any) -> Any:
    """Start a program and return its process; what it inherits of the environment holds none of our secrets."""
    with _plumbum:
        _follow_environment()
        try:
            command: Any = local[name]
        except CommandNotFound:
            raise InstallerError(f"{name} is not installed.", f"See {INSTALL.get(name, name)}") from None
        return command.popen(list(arguments), **options)


def launch(address: str) -> None:
    """Open a page in the user's browser, which inherits no more than any program."""
    code = "import sys, click; click.launch(sys.argv[1])"
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    start(sys.executable, ["-c", code, address], **quiet).wait()


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
    `inherit` names open files that the program keeps open until it ends: see `turn`.
    """
    shown = redact(shlex.join([name, *arguments]))
    log.debug("$ %s", shown)
    # Not plumbum's `<<`: it would write standard input, secrets included, to a temporary file.
    process = start(
        name,
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=str(cwd or Path.cwd()),
        env=dict(env or {}),
        pass_fds=tuple(inherit),
    )
    try:
        out, err = process.communicate(stdin.encode(), timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        seen = redact((err or out).decode(errors="replace").strip()[-500:])
        raise DeadlinePassed(f"`{shown}`", timeout, seen or "no output") from None
    except BaseException:  # Ctrl-C: leave no child behind
        process.kill()
        process.wait()
        raise
    return Result(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def run(
    name: str,
    *arguments: str,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 60,
) -> str:
    """Run a program and return its standard output; raise CommandFailed with what it said."""
    result = attempt(name, *arguments, stdin=stdin, env=env, cwd=cwd, timeout=timeout)
    if result.status:
        shown = redact(shlex.join([name, *arguments]))
        raise CommandFailed(shown, result.status, redact(result.err or result.out))
    return result.out
