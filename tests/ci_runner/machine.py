"""One job on a machine of its own: a home, a checkout from the stand-in, and commands run for real."""

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Unmodelled(Exception):
    """The file says what the runner knows nothing of: the vendor would do something that a test does not see."""


class Failed(Exception):
    """The vendor would refuse this, before any job runs; the message is like its own."""


@dataclass
class Job:
    """One job: `log` is all that it said, `state` empty until it is over."""

    name: str
    state: str = ""
    log: str = ""

    @property
    def passed(self) -> bool:
        return self.state == "success"


@dataclass(frozen=True)
class Place:
    """Where jobs run: the repository at the code host, and what a machine there has."""

    folder: Path
    git: Path
    """The bare repository."""
    slug: str
    host: str = "github.com"
    private: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    """What every machine has: the way to the code host, docker's."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What people set for this project at the CI."""


def known(tree: Mapping[str, Any], where: str, *keys: str) -> None:
    """Refuse keys that are not modelled."""
    if strangers := sorted(map(str, set(tree) - set(keys))):
        raise Unmodelled(f"{where}: {', '.join(strangers)}")


def export(line: str) -> None:
    """Refuse what is not one assignment, since a shell will read it."""
    words = shlex.split(line)
    if len(words) != 1 or not words[0].partition("=")[0].isidentifier():
        raise Unmodelled(f"env: {line!r} is not one NAME=value")


def run(job: Job, command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> int:
    """Run one command with an environment that has nothing of this process; add what it says to the log."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", "PAGER": "cat", "CI": "true", **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    job.log += done.stdout
    return done.returncode


def clone(place: Place, folder: Path, home: Path, revision: str, address: str, *options: str, ref: str = "") -> None:
    """Check a commit out of main's history, or of a ref beside it, as a clone of `address` would be."""
    env = {**os.environ, "HOME": str(home), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    for command in (
        ("clone", "--quiet", *options, f"file://{place.git}", str(folder)),
        *([("-C", str(folder), "fetch", "--quiet", "origin", f"+{ref}:")] if ref else []),
        ("-C", str(folder), "checkout", "--quiet", "--detach", revision),
        ("-C", str(folder), "remote", "set-url", "origin", address),
    ):
        subprocess.run(["git", *command], env=env, check=True, capture_output=True)


def in_order(jobs: Mapping[str, Sequence[str]], do: Callable[[str], bool], cancelled: Callable[[str], None]) -> bool:
    """Do each job once all that it needs have passed, those that can at the same time; return whether all passed."""
    passed: dict[str, bool] = {}
    with ThreadPoolExecutor() as pool:
        while ready := [n for n, needs in jobs.items() if n not in passed and all(passed.get(x) for x in needs)]:
            passed.update(zip(ready, pool.map(do, ready), strict=True))
    for name in jobs.keys() - passed.keys():
        cancelled(name)
    return len(passed) == len(jobs) and all(passed.values())
