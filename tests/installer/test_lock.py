"""Two runs at once on one project: one goes on, the other says who is at it and writes nothing."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from installer.cluster.argocd import ArgoCD
from installer.cluster.helm import Helm
from installer.cluster.kubectl import Cluster
from installer.forges import lock as lock_module
from installer.forges.credentials import find
from installer.forges.git import Clone
from installer.forges.github.repository import GitHub
from installer.forges.lock import NAME, LockLost, RepositoryLock, _passed
from installer.support.errors import InstallerError
from installer.support.wait import until
from tests.conftest import ROOT

from .bench import SETTINGS, Bench

AN_UP = """
import sys
from installer.forges import lock
from installer.engine.reconcile import Apply
from installer.forges.credentials import find
from installer.support.errors import InstallerError
from installer.forges.github.repository import GitHub
from installer.forges.lock import RepositoryLock
from installer.resources.github_repository import Repository
from installer.ci.variables import Variables
from tests.installer.bench import SETTINGS
from tests.installer.cluster import Quiet

lock.CONFIRMED_FOR = float(sys.argv[1])
credentials = find(SETTINGS)
github = GitHub(SETTINGS.host, credentials.token, SETTINGS.repository)


class Slow(Variables):
    def apply(self, seen, change):
        print("in the middle", flush=True)
        sys.stdin.read()
        super().apply(seen, change)


try:
    resources = [Repository(SETTINGS, github, credentials), Slow(SETTINGS, github, credentials)]
    Apply(resources, Quiet(), RepositoryLock(github).held).run()
    print("done")
except InstallerError as error:
    print(f"refused: {error}")
"""


@pytest.fixture
def bench(fresh: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "laptop"))
    fresh.set_up("empty")
    return fresh


class Ups:
    """Runs of `up` in processes of their own, each on a machine of this name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.all: list[subprocess.Popen[str]] = []

    def start(self, machine: str, *, sure: float = lock_module.CONFIRMED_FOR) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", AN_UP, str(sure)]
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


def killed(process: "subprocess.Popen[str]") -> None:
    """End it as the kernel does, in the middle of its work."""
    assert first_line(process) == "in the middle"
    process.send_signal(signal.SIGKILL)
    process.wait()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["laptop", "elsewhere"])
def test_the_second_says_who_is_at_it_and_the_first_goes_on(bench: Bench, ups: Ups, machine: str) -> None:
    first = ups.start("laptop")
    assert first_line(first) == "in the middle"
    before = len(bench.github.changes)
    refused = ups.start(machine).communicate("")[0]
    assert re.search(r"refused: Another `up`( or `down`)? is at work on acme/web", refused)
    assert ("on this machine" if machine == "laptop" else f"gh variable delete {NAME}_") in refused
    assert "in the middle" not in refused
    assert len(bench.github.changes) == before
    assert first.communicate("")[0].strip() == "done"
    assert set(bench.repository.variables) == {"GITOPS_FLASK", "REGISTRY_USERNAME"}


@pytest.mark.slow
def test_of_two_that_start_at_once_one_is_refused(bench: Bench, ups: Ups) -> None:
    lines = sorted(first_line(up)[:13] for up in [ups.start("laptop"), ups.start("elsewhere")])
    assert lines == ["in the middle", "refused: Anot"]


@pytest.mark.slow
def test_one_that_was_killed_does_not_stand_in_the_way_on_its_own_machine(bench: Bench, ups: Ups) -> None:
    killed(ups.start("laptop"))
    assert notes(bench)
    assert "done" in ups.start("laptop").communicate("")[0]
    assert not notes(bench)


@pytest.mark.slow
def test_one_that_was_killed_elsewhere_stands_in_the_way_for_two_minutes(bench: Bench, ups: Ups) -> None:
    killed(ups.start("lost"))
    assert "expires within 120 s" in ups.start("laptop").communicate("")[0]
    grows_old(bench)
    assert "done" in ups.start("laptop").communicate("")[0]
    assert not notes(bench)


def notes(bench: Bench) -> list[str]:
    return [name for name in bench.repository.variables if name.startswith(NAME)]


def grows_old(bench: Bench) -> None:
    """Let two minutes pass for every note."""
    for name in notes(bench):
        long_ago = time.gmtime(time.time() - 121)
        bench.repository.variables[name].updated_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", long_ago)


def github_of(bench: Bench) -> GitHub:
    return GitHub(SETTINGS.host, find(SETTINGS).token, SETTINGS.repository)


def lock_of(bench: Bench) -> RepositoryLock:
    return RepositoryLock(github_of(bench))


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("installer.forges.lock._passed", clock)
    return clock


def test_a_run_that_slept_writes_nothing_any_more_once_another_has_taken_over(bench: Bench, ups: Ups) -> None:
    first = ups.start("laptop", sure=0.1)
    assert first_line(first) == "in the middle"
    first.send_signal(signal.SIGSTOP)  # the lid is closed
    grows_old(bench)
    second = ups.start("elsewhere")
    assert first_line(second) == "in the middle"
    (theirs,) = notes(bench)
    value, before = bench.repository.variables[theirs].value, len(bench.github.changes)
    first.send_signal(signal.SIGCONT)
    said = first.communicate("")[0]
    assert "does not hold acme/web any more" in said
    assert "another `up` is at work on acme/web" in said
    assert (notes(bench), bench.repository.variables[theirs].value) == ([theirs], value)
    assert set(bench.repository.variables) == {theirs}, "of the first's own variables none was written"
    assert [change.what for change in bench.github.changes[before:] if NAME not in change.what] == []
    assert second.communicate("")[0].strip() == "done"


def test_a_run_that_slept_alone_takes_the_project_anew_and_goes_on(bench: Bench, clock: Clock) -> None:
    github = github_of(bench)
    with lock_of(bench).held():
        (before,) = notes(bench)
        clock.now += 3600
        grows_old(bench)
        github.set_variable("AFTER", "1", {})
        (after,) = notes(bench)
        assert after != before
    assert "AFTER" in bench.repository.variables
    assert not notes(bench)


def test_whoever_deletes_the_note_by_hand_stops_every_write_that_follows(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("installer.forges.lock.RENEW", 0.05)
    held, github = lock_of(bench), github_of(bench)
    writes: dict[str, Callable[[], object]] = {
        "at GitHub": lambda: github.set_variable("AFTER", "1", {}),
        "by GraphQL": lambda: github.once("POST", "/graphql", {"query": "mutation {}"}),
        "by helm": lambda: Helm(Cluster())._run("upgrade", "--install", "web"),
        "by argocd": lambda: ArgoCD(Cluster(), "argocd").let_go("web"),
        "by git": lambda: Clone(bench.project).push(SETTINGS.url, "main", find(SETTINGS).login),
    }
    with held.held():
        for name in notes(bench):
            del bench.repository.variables[name]
        assert until(lambda: held._lost, 30, every=0.02)
        for write in writes.values():
            with pytest.raises(LockLost, match="somebody deleted its note"):
                write()
        assert github.variables() == {}, "reading goes on"


def test_a_renewal_that_comes_late_makes_no_note_anew_and_overwrites_none(bench: Bench) -> None:
    github = github_of(bench)
    mine, theirs = github.note(f"{NAME}_1"), github.note(f"{NAME}_2")
    mine.make("mine")
    mine.delete()  # by the other, for whom it was stale
    theirs.make("theirs")
    assert not mine.renew("mine")
    assert {name: bench.repository.variables[name].value for name in notes(bench)} == {f"{NAME}_2": "theirs"}


def test_two_that_looked_before_either_wrote_see_each_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = lock_of(bench), lock_of(bench)
    real, both = RepositoryLock._others, threading.Barrier(2)
    looked: set[RepositoryLock] = set()

    def others(self: RepositoryLock) -> Any:
        found = real(self)
        if self not in looked:
            looked.add(self)
            both.wait(30)
        return found

    monkeypatch.setattr(RepositoryLock, "_others", others)
    monkeypatch.setattr(second, "_here", lambda *_: None)  # as on another machine, which has locks of its own
    second._about["machine"] = "another"
    inside: list[RepositoryLock] = []
    most = 0
    refused: list[str] = []

    def run(each: RepositoryLock) -> None:
        nonlocal most
        try:
            with each.held():
                inside.append(each)
                most = max(most, len(inside))
                until(lambda: refused, 30, every=0.02)
                inside.remove(each)
        except InstallerError as error:
            refused.append(error.message)

    threads = [threading.Thread(target=run, args=(each,)) for each in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, len(refused)) == (1, 1)
    assert "is at work on acme/web" in refused[0]
    assert not notes(bench)


def test_a_clock_that_stands_still_while_the_machine_sleeps_is_not_relied_on() -> None:
    if hasattr(time, "CLOCK_BOOTTIME"):
        assert _passed() - time.clock_gettime(time.CLOCK_BOOTTIME) < 1
    elif hasattr(time, "clock_gettime"):
        assert _passed() - time.clock_gettime(time.CLOCK_MONOTONIC) < 1


def test_it_is_renewed_as_long_as_the_work_lasts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer.forges.lock.RENEW", 0.05)
    with lock_of(bench).held():
        end = time.monotonic() + 10
        while not any("PATCH" in change.what for change in bench.github.changes) and time.monotonic() < end:
            time.sleep(0.02)
    assert any("PATCH" in change.what for change in bench.github.changes)
    assert not notes(bench)


def test_a_run_with_nothing_to_do_takes_a_dead_note_away_and_leaves_a_living_one(bench: Bench) -> None:
    with lock_of(bench).held():
        lock_of(bench).remove_stale()
        (name,) = notes(bench)
        kept = bench.repository.variables[name]
    bench.repository.variables[name] = kept
    lock_of(bench).remove_stale()
    assert not notes(bench)


def test_a_note_that_was_lost_is_given_back_without_an_error(bench: Bench) -> None:
    with lock_of(bench).held():
        for name in notes(bench):
            del bench.repository.variables[name]
    with pytest.raises(InstallerError, match="no such step"), lock_of(bench).held():
        raise InstallerError("no such step")
    assert not notes(bench)


def test_where_there_is_no_repository_there_is_no_note_and_no_error(bench: Bench) -> None:
    gone = GitHub(SETTINGS.host, find(SETTINGS).token, "acme/gone")
    with RepositoryLock(gone, "down").held():
        assert not [change for change in bench.github.changes if "variables" in change.what]


@pytest.mark.parametrize("other", ["Acme/Web", "octo/old-name"])
def test_who_spells_the_repository_otherwise_on_this_machine_is_kept_away_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    credentials = find(SETTINGS)
    first = GitHub(SETTINGS.host, credentials.token, "acme/web")
    second = GitHub(SETTINGS.host, credentials.token, other)
    monkeypatch.setattr(second, "find", first.find)  # the host leads there, whatever the name
    with RepositoryLock(first).held():
        (note,) = first.notes(NAME)
        with pytest.raises(InstallerError, match="on this machine"), RepositoryLock(second).held():
            pass
        assert [*first.notes(NAME)] == [note]
