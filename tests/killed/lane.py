"""The code host's lane of `up`, at whichever host: run, killed, and run again."""

import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.github.git import git

from .process import LostError, Process, Watched, Whom, python
from .snapshot import Tree, differing

PATIENCE = 90.0
"""Seconds after which a run hangs, and is not only slow: three of them fit into a test's time."""
TOKEN = "dckr_pat_of_the_test"
SETTINGS = """\
version: 1
project: {name: Web, slug: web, description: A service}
github: {host: github.com, owner: acme, visibility: private}
registry: {host: docker.io, account: acme, visibility: public}
cluster: {namespace: web-dev}
"""


@dataclass
class Bench(ABC):
    """A stand-in for a code host, and a project that wants to be there."""

    host: Any
    watched: Watched
    folder: Path
    env: dict[str, str]

    @property
    def project(self) -> Path:
        return self.folder / "web"

    @property
    @abstractmethod
    def bare(self) -> Path:
        """Return the repository, as the stand-in keeps it."""

    @abstractmethod
    def snapshot(self) -> Tree:
        """Describe all that a run leaves."""

    def up(self, name: str) -> Process:
        return Process(python("tests.killed.host_lane", str(self.project)), self.env, self.folder / f"{name}.log")

    @classmethod
    @contextmanager
    def at(cls, host: Any, folder: Path, own: Mapping[str, str], files: Mapping[str, str]) -> Iterator["Bench"]:
        """Write the project's `files`, and open it for runs that have the variables `own` besides the usual ones."""
        env = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "REGISTRY_TOKEN": TOKEN,
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{f"GIT_{who}_{what}": "dev@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
            **{f"GIT_{who}_DATE": "2026-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")},
            **own,
            **host.env,
        }
        project = folder / "web"
        for name, text in files.items():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(text)
        for command in ("init -q -b main", "add .", "commit -q -m Start"):
            subprocess.run(["git", *command.split()], cwd=project, check=True, env=env)
        watched = Watched(host)
        yield cls(host, watched, folder, env)
        watched.close()
        host.failures[:] = [line for line in host.failures if LostError.__name__ not in line]


@dataclass(frozen=True)
class Undisturbed:
    """What a run leaves that nobody disturbs, the changes that it asked for, and how long it takes."""

    left: Tree
    changes: list[str]
    seconds: float

    @classmethod
    def of(cls, bench: Bench) -> "Undisturbed":
        began = time.monotonic()
        process = bench.up("undisturbed")
        assert process.end(PATIENCE) == 0, process.printed
        return cls(bench.snapshot(), bench.watched.seen, time.monotonic() - began)


def fixtures(a_bench: Callable[[Path], AbstractContextManager[Bench]]) -> tuple[Any, Any]:
    """Make the fixtures for one code host: a bench, and a run that nobody disturbs, once."""

    @pytest.fixture
    def bench(tmp_path: Path) -> Iterator[Bench]:
        with a_bench(tmp_path) as opened:
            yield opened

    @pytest.fixture(scope="session")
    def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
        with a_bench(tmp_path_factory.mktemp("undisturbed")) as opened:
            return Undisturbed.of(opened)

    return bench, undisturbed


def each_change(changes: int) -> Iterator[tuple[int, str, Whom]]:
    """Before each change is heard and before its answer arrives, with and without children."""
    for number in range(1, changes + 1):
        for heard in ("unheard", "unanswered"):
            yield number, heard, "alone" if (number + (heard == "unheard")) % 2 else "group"


def kill_at(bench: Bench, undisturbed: Undisturbed, number: int, heard: str, whom: Whom) -> None:
    """Kill a run at one of its changes, and see the next one end as if nothing had been."""
    first = bench.up("killed")

    def strike(now: int, when: str) -> None:
        if (now, when) == (number, heard):
            first.kill(whom)
            if heard == "unheard" and whom == "group":
                raise LostError

    bench.watched.strike = strike
    first.end(PATIENCE)
    assert len(bench.watched.seen) >= number, f"it ended before its {number}th change: {first.printed}"
    goes_on(bench, undisturbed)


def goes_on(bench: Bench, undisturbed: Undisturbed) -> None:
    """Start again at once, whatever still works, and compare the ends."""
    bench.watched.strike = lambda *_: None
    second = bench.up("second")
    assert second.end(PATIENCE) == 0, second.printed
    assert differing(bench.snapshot(), undisturbed.left) == []
    git(bench.bare, "update-ref", "refs/heads/env/dev", "refs/heads/main")  # what a runner would deploy
    before = len(bench.watched.seen)
    third = bench.up("third")
    assert third.end(PATIENCE) == 0, third.printed
    assert bench.watched.seen[before:] == []
