"""Two `up` at once on one project, as real processes: one goes on, the other says who is at it and writes nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer.credentials import find
from installer.errors import InstallerError
from installer.github import GitHub
from installer.lease import NAME, Lease
from tests.conftest import ROOT
from tests.github import GitHub as StandIn

from .bench import SETTINGS, Bench, a_project

pytestmark = pytest.mark.slow

AN_UP = """
import sys
from installer.converge import Apply
from installer.credentials import find
from installer.errors import InstallerError
from installer.github import GitHub
from installer.lease import Lease
from installer.resources.repository import Repository
from installer.resources.variables import Variables
from tests.installer.bench import SETTINGS, Quiet

credentials = find(SETTINGS)
github = GitHub(SETTINGS.host, credentials.token, SETTINGS.repository)


class Slow(Variables):
    def apply(self, seen, change):
        print("in the middle", flush=True)
        sys.stdin.read()
        super().apply(seen, change)


try:
    resources = [Repository(SETTINGS, github, credentials), Slow(SETTINGS, github, credentials)]
    Apply(resources, Quiet(), Lease(github).held).run()
    print("done")
except InstallerError as error:
    print(f"refused: {error}")
"""


@pytest.fixture
def bench(github: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    github.user("octo")
    github.organization("acme", plan="team", members={"octo": "admin"})
    bench = Bench(github, a_project(tmp_path / "web"), github.token("octo"))
    bench.use(monkeypatch, tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "laptop"))
    bench.set_up("empty")
    return bench


class Ups:
    """Runs of `up` in processes of their own, each on a machine of this name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.all: list[subprocess.Popen[str]] = []

    def start(self, machine: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", AN_UP]
        environment = os.environ | {"XDG_STATE_HOME": str(self._folder / machine)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.all.append(subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes))
        return self.all[-1]


@pytest.fixture
def ups(tmp_path: Path) -> Iterator[Ups]:
    ups = Ups(tmp_path)
    yield ups
    for process in ups.all:
        process.kill()
        process.communicate()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


@pytest.mark.parametrize("machine", ["laptop", "elsewhere"])
def test_the_second_says_who_is_at_it_and_the_first_goes_on(bench: Bench, ups: Ups, machine: str) -> None:
    first = ups.start("laptop")
    assert first_line(first) == "in the middle"
    before = len(bench.github.changes)
    refused = ups.start(machine).communicate("")[0]
    assert "refused: Another `up` is at work on acme/web" in refused
    assert ("on this machine" if machine == "laptop" else f"gh variable delete {NAME}") in refused
    assert "in the middle" not in refused
    assert len(bench.github.changes) == before
    assert first.communicate("")[0].strip() == "done"
    assert set(bench.repository.variables) == {"GITOPS_FLASK", "IMAGE_REPOSITORY", "REGISTRY_USERNAME"}


def test_of_two_that_start_at_once_one_is_refused(bench: Bench, ups: Ups) -> None:
    lines = sorted(first_line(up)[:13] for up in [ups.start("laptop"), ups.start("elsewhere")])
    assert lines == ["in the middle", "refused: Anot"]


def test_one_that_was_killed_does_not_stand_in_the_way_on_its_own_machine(bench: Bench, ups: Ups) -> None:
    first = ups.start("laptop")
    assert first_line(first) == "in the middle"
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert NAME in bench.repository.variables
    assert "done" in ups.start("laptop").communicate("")[0]
    assert NAME not in bench.repository.variables


def test_one_that_was_killed_elsewhere_stands_in_the_way_for_two_minutes(bench: Bench, ups: Ups) -> None:
    first = ups.start("lost")
    assert first_line(first) == "in the middle"
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert "void within 120 s" in ups.start("laptop").communicate("")[0]
    long_ago = time.gmtime(time.time() - 121)
    bench.repository.variables[NAME].updated_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", long_ago)
    assert "done" in ups.start("laptop").communicate("")[0]


def lease(bench: Bench) -> Lease:
    return Lease(GitHub(SETTINGS.host, find(SETTINGS).token, SETTINGS.repository))


def test_it_is_renewed_as_long_as_the_work_lasts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer.lease.RENEW", 0.05)
    with lease(bench).held():
        end = time.monotonic() + 10
        while not any("PATCH" in change.what for change in bench.github.changes) and time.monotonic() < end:
            time.sleep(0.02)
    assert any("PATCH" in change.what for change in bench.github.changes)
    assert NAME not in bench.repository.variables


def test_a_run_with_nothing_to_do_takes_a_dead_note_away_and_leaves_a_living_one(bench: Bench) -> None:
    with lease(bench).held():
        lease(bench).tidy()
        assert NAME in bench.repository.variables
        kept = bench.repository.variables[NAME]
    bench.repository.variables[NAME] = kept
    lease(bench).tidy()
    assert NAME not in bench.repository.variables


def test_a_note_that_was_lost_is_taken_back_without_an_error(bench: Bench) -> None:
    with lease(bench).held():
        del bench.repository.variables[NAME]
    with pytest.raises(InstallerError, match="no such step"), lease(bench).held():
        raise InstallerError("no such step")
    assert NAME not in bench.repository.variables
