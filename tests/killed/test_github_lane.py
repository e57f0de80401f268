"""GitHub's half of `up`, killed at each of its changes and at any time: the next run ends as if nothing had been."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.github import GitHub
from tests.github.fixtures import blame

from . import lane
from .lane import SETTINGS, TOKEN, Undisturbed, each_change, fixtures, goes_on, kill_at
from .process import Whom
from .snapshot import Tree, of_github

pytestmark = pytest.mark.slow

WAITS_FOR_A_RUNNER = """\
on: {push: {branches: [main]}, workflow_dispatch: {inputs: {init: {type: boolean}}}}
jobs: {deploy: {runs-on: nowhere, steps: [{run: "true"}]}}
"""
CHANGES = 19  # what an undisturbed run asks GitHub to change: the first test asserts it
STRICT = SETTINGS.replace("visibility: private", "visibility: private, deploy_from: main")  # it makes the most
SEED = int(os.environ.get("KILL_SEED", "5"))
MOMENTS = 6


@dataclass
class Bench(lane.Bench):
    """A GitHub with nothing in it but an organisation."""

    @property
    def bare(self) -> Path:
        return self.host.repository("acme/web").git  # type: ignore[no-any-return]

    def snapshot(self) -> Tree:
        repository = self.host.repository("acme/web")
        config = (self.project / ".git/config").read_text()
        runs = [(run.event, run.sha) for run in repository.runs]
        return {**of_github(self.host, "acme/web", TOKEN), "runs": runs, "the clone's settings": config}


@contextmanager
def a_bench(folder: Path) -> Iterator[lane.Bench]:
    with GitHub.serve("github.com") as github:
        github.user("octo")
        github.organization("acme", plan="team", members={"octo": "admin"})
        own = {"GH_TOKEN": github.token("octo"), "GH_CONFIG_DIR": str(folder / "gh")}
        files = {".github/workflows/deploy.yml": WAITS_FOR_A_RUNNER, "gitops.yaml": STRICT}
        with Bench.at(github, folder, own, files) as bench:
            yield bench
        blame(github)


bench, undisturbed = fixtures(a_bench)


def test_the_kills_below_are_at_every_change(undisturbed: Undisturbed) -> None:
    assert len(undisturbed.changes) == CHANGES, undisturbed.changes


# the repository's creation by an orphaned gh, and the key without its secret
OFTEN = ((1, "unanswered"), (12, "unheard"))


@pytest.mark.parametrize(
    ("number", "heard", "whom"),
    [pytest.param(*case, marks=[] if case[:2] in OFTEN else pytest.mark.all) for case in each_change(CHANGES)],
)
def test_killed_at_a_change_the_next_run_ends_as_if_nothing_had_been(
    bench: lane.Bench, undisturbed: Undisturbed, number: int, heard: str, whom: Whom
) -> None:
    kill_at(bench, undisturbed, number, heard, whom)


@pytest.mark.parametrize(
    ("moment", "whom"),
    [
        pytest.param(moment, ("alone", "group")[moment % 2], marks=[] if moment == 1 else pytest.mark.all)
        for moment in range(MOMENTS)
    ],
)
def test_killed_at_any_time_the_next_run_ends_as_if_nothing_had_been(
    bench: lane.Bench, undisturbed: Undisturbed, moment: int, whom: Whom
) -> None:
    instant = random.Random(f"{SEED}-{moment}").uniform(0.1, 1) * undisturbed.seconds
    print(f"KILL_SEED={SEED}: killed {whom} after {instant:.3f} s")
    first = bench.up("killed")
    time.sleep(instant)  # the instant is what is tried
    first.kill(whom)
    goes_on(bench, undisturbed)
