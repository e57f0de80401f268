"""GitHub's half of `up`, killed at each of its changes and at any time: the next run ends as if nothing had been."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.github import GitHub
from tests.github.fixtures import blame
from tests.github.git import git

from .process import LostError, Process, Watched, Whom, python
from .snapshot import Tree, differing, of_github

pytestmark = pytest.mark.slow

TOKEN = "dckr_pat_of_the_test"
SETTINGS = """\
version: 1
project: {name: Web, slug: web, description: A service}
github: {host: github.com, owner: acme, visibility: private}
registry: {host: docker.io, account: acme}
cluster: {namespace: web-dev}
"""
WAITS_FOR_A_RUNNER = """\
on: {push: {branches: [main]}, workflow_dispatch: {inputs: {init: {type: boolean}}}}
jobs: {deploy: {runs-on: nowhere, steps: [{run: "true"}]}}
"""
CHANGES = 12  # what an undisturbed run asks GitHub to change: the first test asserts it
SEED = int(os.environ.get("KILL_SEED", "5"))
MOMENTS = 6


@dataclass
class Bench:
    """A GitHub with nothing in it but an organisation, and a project that wants to be there."""

    github: GitHub
    watched: Watched
    folder: Path
    env: dict[str, str]

    @property
    def project(self) -> Path:
        return self.folder / "web"

    @property
    def bare(self) -> Path:
        return self.github.repository("acme/web").git

    def up(self, name: str) -> Process:
        return Process(python("tests.killed.host_lane", str(self.project)), self.env, self.folder / f"{name}.log")

    def snapshot(self) -> Tree:
        repository = self.github.repository("acme/web")
        config = (self.project / ".git/config").read_text()
        runs = [(run.event, run.sha) for run in repository.runs]
        return {**of_github(self.github, "acme/web", TOKEN), "runs": runs, "the clone's settings": config}


@contextmanager
def a_bench(folder: Path) -> Iterator[Bench]:
    with GitHub.serve("github.com") as github:
        github.user("octo")
        github.organization("acme", plan="team", members={"octo": "admin"})
        env = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "GH_TOKEN": github.token("octo"),
            "GH_CONFIG_DIR": str(folder / "gh"),
            "REGISTRY_TOKEN": TOKEN,
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{f"GIT_{who}_{what}": "dev@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
            **{f"GIT_{who}_DATE": "2026-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")},
            **github.env,
        }
        project = folder / "web"
        (project / ".github/workflows").mkdir(parents=True)
        (project / ".github/workflows/deliver.yml").write_text(WAITS_FOR_A_RUNNER)
        (project / "gitops.yaml").write_text(SETTINGS)
        for command in ("init -q -b main", "add .", "commit -q -m Start"):
            subprocess.run(["git", *command.split()], cwd=project, check=True, env=env)
        watched = Watched(github)
        yield Bench(github, watched, folder, env)
        watched.close()
        blame_all_but_the_lost(github)


def blame_all_but_the_lost(github: GitHub) -> None:
    github.failures[:] = [line for line in github.failures if LostError.__name__ not in line]
    blame(github)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as opened:
        yield opened


@dataclass(frozen=True)
class Undisturbed:
    """What a run leaves that nobody disturbs, the changes that it asked for, and how long it takes."""

    left: Tree
    changes: list[str]
    seconds: float


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    with a_bench(tmp_path_factory.mktemp("undisturbed")) as bench:
        began = time.monotonic()
        process = bench.up("undisturbed")
        assert process.end(60) == 0, process.printed
        return Undisturbed(bench.snapshot(), bench.watched.seen, time.monotonic() - began)


def test_the_kills_below_are_at_every_change(undisturbed: Undisturbed) -> None:
    assert len(undisturbed.changes) == CHANGES, undisturbed.changes


def cases() -> Iterator[object]:
    """Kill before each change is heard and before its answer arrives, with and without children: a few each time."""
    for number in range(1, CHANGES + 1):
        for heard in ("unheard", "unanswered"):
            whom: Whom = "alone" if (number + (heard == "unheard")) % 2 else "group"
            often = (number, heard) in OFTEN
            yield pytest.param(number, heard, whom, marks=[] if often else pytest.mark.all)


# the repository's creation by an orphaned gh, the secret without its fingerprint, the push by an orphaned git
OFTEN = ((1, "unanswered"), (8, "unheard"), (9, "unanswered"))


@pytest.mark.parametrize(("number", "heard", "whom"), [*cases()])
def test_killed_at_a_change_the_next_run_ends_as_if_nothing_had_been(
    bench: Bench, undisturbed: Undisturbed, number: int, heard: str, whom: Whom
) -> None:
    kill_at(bench, undisturbed, number, heard, whom)


def kill_at(bench: Any, undisturbed: Undisturbed, number: int, heard: str, whom: Whom) -> None:
    """Kill a run at one of its changes, and see the next one end as if nothing had been."""
    first = bench.up("killed")

    def strike(now: int, when: str) -> None:
        if (now, when) == (number, heard):
            first.kill(whom)
            if heard == "unheard" and whom == "group":
                raise LostError

    bench.watched.strike = strike
    first.end(60)
    assert len(bench.watched.seen) >= number, f"it ended before its {number}th change: {first.printed}"
    goes_on(bench, undisturbed)


@pytest.mark.parametrize(
    ("moment", "whom"),
    [
        pytest.param(moment, ("alone", "group")[moment % 2], marks=[] if moment == 1 else pytest.mark.all)
        for moment in range(MOMENTS)
    ],
)
def test_killed_at_any_time_the_next_run_ends_as_if_nothing_had_been(
    bench: Bench, undisturbed: Undisturbed, moment: int, whom: Whom
) -> None:
    instant = random.Random(f"{SEED}-{moment}").uniform(0.1, 1) * undisturbed.seconds
    print(f"KILL_SEED={SEED}: killed {whom} after {instant:.3f} s")
    first = bench.up("killed")
    time.sleep(instant)  # the instant is what is tried
    first.kill(whom)
    goes_on(bench, undisturbed)


def goes_on(bench: Any, undisturbed: Undisturbed) -> None:
    """Start again at once, whatever still works, and compare the ends."""
    bench.watched.strike = lambda *_: None
    second = bench.up("second")
    assert second.end(60) == 0, second.printed
    assert differing(bench.snapshot(), undisturbed.left) == []
    git(bench.bare, "update-ref", "refs/heads/env/dev", "refs/heads/main")  # what a runner would deliver
    before = len(bench.watched.seen)
    third = bench.up("third")
    assert third.end(60) == 0, third.printed
    assert bench.watched.seen[before:] == []
