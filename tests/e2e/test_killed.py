"""`up`, killed by SIGKILL after each of its steps and at any time: the next one ends as if nothing had been.

KILL_SEED=N repeats the instants of a run that printed it.
"""

import getpass
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from installer.resources.argocd import CRDS
from tests.killed.process import Process, Whom
from tests.killed.snapshot import Tree, differing, of_cluster, of_github

from .actors import eventually
from .plugin import SECONDS
from .stage import SLUG, Stage, open_stage

pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(600)]

STEPS = 11
SEED = int(os.environ.get("KILL_SEED", "5"))
MOMENTS = 4
WHOM: tuple[Whom, Whom] = ("alone", "group")


@dataclass
class Ground:
    """A project that is live, what is there then, and how long an undisturbed `up` takes to bring it back."""

    stage: Stage
    folder: Path
    left: Tree
    seconds: float = 0
    with_argo_cd: float = 0

    def start(self, name: str) -> Process:
        program = str(Path(sys.executable).with_name("gitops-flask"))
        command = [program, "up", "--yes", "--project", str(self.stage.developer.project)]
        return Process(command, self.stage.developer.env, self.folder / f"{name}.log")

    def up(self) -> float:
        """Run it undisturbed; return how long it took."""
        began = time.monotonic()
        process = self.start("undisturbed")
        assert process.end(400) == 0, process.printed
        return time.monotonic() - began

    def down(self, *options: str) -> None:
        typed = "".join({"--repository": f"acme/{SLUG}\n", "--argocd": "argocd\n"}[option] for option in options)
        self.stage.developer.installer("down", "--yes", *options, stdin=typed)

    def snapshot(self) -> Tree:
        stage = self.stage
        github = of_github(stage.github, f"acme/{SLUG}", stage.secrets[1])
        return {**github, **of_cluster(stage.developer.env, SLUG, stage.repository)}

    def reconciles(self, record: Callable[[float], None]) -> None:
        """Start again at once, whatever still works, and compare the ends."""
        began = time.monotonic()
        process = self.start("second")
        assert process.end(400) == 0, process.printed
        record(time.monotonic() - began)
        assert differing(self.snapshot(), self.left) == []
        planned = self.stage.developer.installer("plan", "--exit-code", check=False)
        assert planned.returncode == 0, planned.stdout


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("killed")
    with open_stage(folder) as stage:
        stage.generate(install=False)
        ground = Ground(stage, folder, {})
        try:
            ground.with_argo_cd = ground.up()
            ground.left = ground.snapshot()
            ground.down()
            ground.seconds = ground.up()
            assert differing(ground.snapshot(), ground.left) == [], "two undisturbed runs differ"
            yield ground
            assert stage.github.failures == []
        finally:
            ground.down("--repository", "--argocd")
            kubectl = ("kubectl", "delete", "--ignore-not-found")
            stage.developer.run(*kubectl, "customresourcedefinitions", *CRDS)
            stage.developer.run(*kubectl, "namespaces", "argocd")


@pytest.fixture
def record(
    record_property: Callable[[str, object], None], request: pytest.FixtureRequest, ground: Ground
) -> Callable[[float], None]:
    """Return what takes down how long it took to reconcile after this kill."""
    compare = f"undisturbed {ground.seconds:.1f} s, from nothing {ground.with_argo_cd:.1f} s"
    return lambda seconds: record_property(SECONDS, (f"up after {request.node.name} ({compare})", seconds))


def test_killed_after_each_step_and_started_again(ground: Ground, record: Callable[[float], None]) -> None:
    """Each run comes one step further than the one before."""
    ground.down()
    for step in range(1, STEPS + 1):
        run = ground.start(f"killed-{step}")
        eventually(f"step {step}", lambda: f"{step}/{STEPS}  " in run.printed or run.ended, 120, every=0.005)  # noqa: B023
        assert not run.ended or step > 1, run.printed
        run.kill(WHOM[step % 2])
    ground.reconciles(record)


def test_killed_at_any_time_and_started_again(ground: Ground, record: Callable[[float], None]) -> None:
    """Each run is killed a little later than the one before."""
    ground.down()
    for moment, instant in enumerate(sorted(random.Random(SEED).random() for _ in range(MOMENTS))):
        first = ground.start(f"killed-{moment}")
        wait(instant * ground.seconds)
        first.kill(WHOM[moment % 2])
    ground.reconciles(record)


def test_killed_while_argo_cd_is_installed(ground: Ground, record: Callable[[float], None]) -> None:
    ground.down("--argocd")
    first = ground.start("killed")
    release_is(ground, "pending-install")
    wait_a_part_of(3.0, f"{SEED}-install")
    first.kill("alone")
    ground.reconciles(record)


def test_killed_while_argo_cd_is_upgraded(ground: Ground, record: Callable[[float], None]) -> None:
    settings = ground.stage.developer.project / "gitops.yaml"
    before = settings.read_text()
    tree = yaml.safe_load(before)
    tree["argocd"]["values"]["configs"]["cm"] = {"timeout.reconciliation": "4s"}
    settings.write_text(yaml.safe_dump(tree))
    try:
        first = ground.start("killed")
        release_is(ground, "pending-upgrade")
        first.kill("group")
    finally:
        settings.write_text(before)
    ground.reconciles(record)


def test_killed_at_any_time_from_nothing(ground: Ground, record: Callable[[float], None]) -> None:
    ground.down("--repository")
    first = ground.start("killed")
    wait_a_part_of(ground.with_argo_cd / 2, f"{SEED}-nothing")
    first.kill("group")
    ground.reconciles(record)


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_of_two_at_once_one_is_live_and_the_other_says_who_is_at_it(
    ground: Ground, record: Callable[[float], None], where: str
) -> None:
    ground.down()
    began = time.monotonic()
    first = ground.start("first")
    with pytest.MonkeyPatch.context() as patch:
        if where == "elsewhere":  # the locks of another machine
            patch.setitem(ground.stage.developer.env, "XDG_STATE_HOME", str(ground.folder / where))
        second = ground.start("at the same time")
    codes = {first: first.end(400), second: second.end(400)}
    record(time.monotonic() - began)
    assert sorted(codes.values()) == [0, 1], first.printed + second.printed
    (refused,) = [process for process, code in codes.items() if code]
    who = "on this machine" if where == "here" else f"by {getpass.getuser()}@"
    verb = "`up` or `down`" if where == "here" else "`up`"
    assert f"Another {verb} is at work on acme/{SLUG}, {who}" in refused.printed
    assert "This one changed nothing there." in refused.printed
    assert f"2/{STEPS}" not in refused.printed, "it came no further than the repository"
    assert differing(ground.snapshot(), ground.left) == []
    assert ground.stage.developer.installer("plan", "--exit-code").returncode == 0


def wait_a_part_of(seconds: float, seed: str) -> None:
    """Let a part of a span go by, the same in every run with this seed."""
    wait(random.Random(seed).random() * seconds)


def wait(instant: float) -> None:
    """Let so many seconds go by: the instant is what is tried."""
    print(f"KILL_SEED={SEED}: killed after {instant:.3f} s")
    time.sleep(instant)


def release_is(ground: Ground, status: str) -> None:
    def reached() -> bool:
        listed = json.loads(ground.stage.developer.run("helm", "list", "-n", "argocd", "-o", "json").stdout)
        return any((each["name"], each["status"]) == ("argocd", status) for each in listed)

    eventually(f"Argo CD's release {status}", reached, 60, every=0.02)
