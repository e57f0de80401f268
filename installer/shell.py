"""The one way to run a program: plumbum, with a deadline, secrets by standard input or environment only."""

import logging
import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plumbum import CommandNotFound, local

from .errors import CommandFailed, DeadlinePassed, InstallerError
from .secret import redact

log = logging.getLogger(__name__)

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
    _follow_environment()
    return program not in local


def _follow_environment() -> None:
    """Let plumbum see today's environment: it keeps the one that it was imported in."""
    if local.env.getdict() != dict(os.environ):
        local.env.clear()
        local.env.update(os.environ)


def attempt(
    program: str,
    *arguments: str,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 60,
    inherit: Sequence[int] = (),
) -> Result:
    """Run a program and return its answer, whatever its exit status; `timeout` is in seconds.

    `inherit` names open files that the program keeps open until it ends: see `turn`.
    """
    _follow_environment()
    try:
        command = local[program]
    except CommandNotFound:
        raise InstallerError(f"{program} is not installed.", f"See {INSTALL.get(program, program)}") from None
    shown = redact(shlex.join([program, *arguments]))
    log.debug("$ %s", shown)
    # Not plumbum's `<<`: it would write standard input, secrets included, to a temporary file.
    process: Any = command.popen(
        list(arguments),
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
    program: str,
    *arguments: str,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 60,
) -> str:
    """Run a program and return its standard output; raise CommandFailed with what it said."""
    result = attempt(program, *arguments, stdin=stdin, env=env, cwd=cwd, timeout=timeout)
    if result.status:
        shown = redact(shlex.join([program, *arguments]))
        raise CommandFailed(shown, result.status, redact(result.err or result.out))
    return result.out
