"""`promote` from a laptop: pods are queried, then the project's own ci/promote runs over real git."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from installer.cluster.workloads import PodAnswer
from installer.commands import promote as verb
from installer.commands import rollback
from installer.config.settings import Settings
from installer.project.project import Project
from installer.status.service import SyncState
from installer.support.errors import InstallerError
from installer.support.resume_command import this_run
from installer.ui import console

from .laptop import DIGEST, Laptop
from .pods import runs

pytestmark = pytest.mark.slow
TWO = "environments:\n  dev: {namespace: web-dev}\n  test: {namespace: web-test, from: dev}\n"


@dataclass
class Pods:
    """What the pods of each environment answer, and whether Argo CD has ever synced one."""

    answers: dict[str, list[PodAnswer]] = field(default_factory=dict)
    wired: bool = True
    synced: bool = False

    def say(self, environment: str, *revisions: str) -> None:
        self.answers[environment] = [
            PodAnswer(f"web-{number}", revision=revision) for number, revision in enumerate(revisions)
        ]

    def service(self, _: Any, settings: Settings) -> Any:
        there = self

        class Service:
            def sync_state(self) -> SyncState | None:
                return SyncState() if there.wired else None

            def operation(self) -> dict[str, Any]:
                return {"phase": "Succeeded"} if there.synced else {}

            def answers(self) -> list[PodAnswer]:
                return there.answers.get(settings.environment, [])

            def pods(self) -> list[Any]:
                return [runs(f"docker.io/acme/web@{DIGEST}")]

            def rolled_out(self) -> bool:
                return True

        return Service()


@pytest.fixture
def pods(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pods]:
    made = Pods()
    monkeypatch.setattr("installer.commands.promote.RunningService", made.service)
    monkeypatch.setattr("installer.commands.promote.until_rolled_out", lambda *_: console.report("until live"))
    yield made
    this_run.resume = this_run.environment = ""


@pytest.fixture
def deployed(laptop: Laptop, pods: Pods) -> str:
    """Return the revision of a project with two environments that dev runs."""
    before = (laptop.folder / "gitops.yaml").read_text().partition("cluster:")[0]
    revision = deploy(laptop, "Two environments", **{"gitops.yaml": before + TWO, "deploy__test.yaml": "b: 1\n"})
    pods.say("dev", revision, revision)
    return revision


def deploy(laptop: Laptop, subject: str, **files: str) -> str:
    revision = laptop.merge(subject, **files)
    by_ci = f"IMAGE_DIGEST={DIGEST} PLATFORMS=linux/amd64 {laptop.by_another('deploy')}"
    subprocess.run(["sh", "-c", by_ci], check=True, capture_output=True)
    return revision


def live(laptop: Laptop, pods: Pods, subject: str) -> str:
    """Deploy another commit to dev, which its pods answer then; return it."""
    revision = deploy(laptop, subject)
    pods.say("dev", revision)
    return revision


def in_test(laptop: Laptop) -> Project:
    this_run.environment = "test"
    return laptop.project.of("test")


def promote(laptop: Laptop, revision: str = "", *, force: bool = False, init: bool = False) -> None:
    verb.promote(in_test(laptop), revision=revision, force=force, init=init, yes=True)


def recorded(laptop: Laptop) -> Any:
    return yaml.safe_load(laptop.github.file("acme/web", "env/test", "image.yaml") or "{}")


def refused(laptop: Laptop, what: str, **options: Any) -> str:
    """Return the fix of what is refused with these words, and nothing was changed."""
    laptop.github.changes.clear()
    with pytest.raises(InstallerError, match=what) as caught:
        promote(laptop, **options)
    assert laptop.github.changes == []
    return caught.value.fix


def test_the_first_promotion_makes_the_branch_and_ends_once_test_is_live(
    laptop: Laptop, deployed: str, capfd: pytest.CaptureFixture[str]
) -> None:
    promote(laptop)
    assert (recorded(laptop)["revision"], recorded(laptop)["image"]["digest"]) == (deployed, DIGEST)
    message = laptop.server("log", "-1", "--format=%B", "env/test")
    assert message.startswith(f"Promote {deployed[:7]}: Two environments\n\n[skip ci]\n\nFrom env/dev, commit ")
    assert ", by octo." in message
    opened = list(laptop.github.repository("acme/web").deployments.values())[-1]
    assert (opened.environment, opened.sha, opened.state) == ("test", deployed, "in_progress")
    said = capfd.readouterr().out
    assert f"Promoted:  {deployed[:12]}, as env/dev records it" in said
    assert "Goes:      nothing, it is the first one" in said
    assert said.endswith("until live\n")
    promote(laptop)
    assert f"env/test records {deployed} already" in capfd.readouterr().out
    assert laptop.server("rev-list", "--count", "env/test") == "1"


def test_a_pod_of_dev_that_answers_another_revision_refuses_it_and_force_is_recorded(
    laptop: Laptop, pods: Pods, deployed: str, capfd: pytest.CaptureFixture[str]
) -> None:
    pods.say("dev", deployed, laptop.three[2])
    fix = refused(laptop, f"not every pod of dev answers {deployed[:12]}")
    assert "status" in fix
    assert "--env dev; or promote all the same: --force, which is recorded" in fix
    promote(laptop, force=True)
    by = laptop.server("log", "-1", "--format=%(trailers:key=Deployed-by,valueonly)", "env/test").strip()
    assert by.startswith("octo (forced: ")
    assert f"The record says: Deployed-by: {by}" in capfd.readouterr().out


def test_where_dev_moved_after_its_pods_were_queried_nothing_is_promoted(
    laptop: Laptop, pods: Pods, deployed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*_: object, **__: object) -> None:
        deploy(laptop, "Faster")

    monkeypatch.setattr("installer.commands.promote.console.confirm", meanwhile)
    with pytest.raises(InstallerError, match=f"by now, not {deployed}, whose pods were queried"):
        promote(laptop)
    assert recorded(laptop) == {}


def test_an_earlier_deployment_is_named_and_not_every_pod_answers_it(laptop: Laptop, pods: Pods, deployed: str) -> None:
    latest = deploy(laptop, "Later", **{"deploy__test.yaml": "b: 2\n"})
    pods.say("dev", latest)
    refused(laptop, f"not every pod of dev answers {deployed[:12]}", revision=deployed[:8])
    promote(laptop, deployed[:8], force=True)
    assert recorded(laptop)["revision"] == deployed
    forge = laptop.project.forge
    assert (forge.count(latest, deployed), forge.count("main", deployed), forge.count("main", latest)) == (1, 1, 0)
    pods.say("dev", latest)
    promote(laptop)
    assert recorded(laptop)["revision"] == latest


@pytest.mark.parametrize("where", ["dev", "test"])
def test_a_hold_at_either_end_refuses_it_before_anything_is_asked(
    laptop: Laptop, pods: Pods, deployed: str, where: str
) -> None:
    promote(laptop)
    live(laptop, pods, "Later")
    promote(laptop)
    held = f"ENVIRONMENT={where} {laptop.by_another('rollback --why burns')}"
    subprocess.run(["sh", "-c", held], check=True, capture_output=True)
    fix = refused(laptop, f"env/{where} is held by grace.*burns")
    assert "--env test --release-hold" in fix if where == "test" else "--revision" in fix


def test_what_is_not_wired_has_no_values_or_was_never_deployed_is_refused_in_words(
    laptop: Laptop, pods: Pods, deployed: str
) -> None:
    pods.wired = False
    assert "up" in refused(laptop, "There is no Application web-test yet")
    pods.wired = True
    (laptop.folder / "deploy/test.yaml").unlink()
    latest = live(laptop, pods, "None for test")
    refused(laptop, f"Commit {latest[:12]} has no file deploy/test.yaml")
    laptop.registry.public = ""
    pods.say("dev", deployed)


def test_a_lost_branch_is_made_again_only_where_somebody_says_so(laptop: Laptop, pods: Pods, deployed: str) -> None:
    pods.synced = True
    refused(laptop, "there is no branch env/test")
    promote(laptop, init=True)
    assert recorded(laptop)["revision"] == deployed


def test_dev_takes_no_promotion(laptop: Laptop, pods: Pods, deployed: str) -> None:
    with pytest.raises(InstallerError, match="dev is deployed by each merge; nothing is promoted to it"):
        verb.promote(laptop.project, revision="", force=False, init=False, yes=True)


def test_scripts_that_know_no_promotion_say_so_with_the_button(laptop: Laptop, pods: Pods, deployed: str) -> None:
    (laptop.folder / "ci/promote").unlink()
    live(laptop, pods, "Older scripts")
    fix = refused(laptop, "they have no ci/promote")
    assert fix.startswith("gh workflow run promote.yml --repo acme/web -f environment=test")


def test_a_rollback_of_test_and_its_release_touch_test_alone(
    laptop: Laptop, pods: Pods, deployed: str, capfd: pytest.CaptureFixture[str]
) -> None:
    promote(laptop)
    live(laptop, pods, "Later")
    promote(laptop)
    dev = laptop.server("rev-parse", "env/dev")
    rollback.rollback(in_test(laptop), to="", why="it burns", yes=True)
    assert recorded(laptop)["revision"] == deployed
    assert "It is held: nothing is promoted to it, until the hold is released." in capfd.readouterr().out
    rollback.release(in_test(laptop), yes=True)
    assert laptop.github.file("acme/web", "env/test", "hold.yaml") is None
    assert recorded(laptop)["revision"] == deployed, "no promotion but one that somebody asks for"
    assert "env/test takes deployments again" in (said := capfd.readouterr().out)
    assert "To promote again: " in said
    assert said.splitlines()[-1].endswith(" test")
    assert laptop.server("rev-parse", "env/dev") == dev
