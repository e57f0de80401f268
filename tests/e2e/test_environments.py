"""The second environment, end to end: two lines, a promotion, a rollback that no promotion undoes, and its end.

The same people and things as in the story, with a private repository at GitHub, and at a GitLab. Chapters run in order.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents import valid

from .actors import eventually
from .audit import Audit
from .chapters import in_order, the_first_deployment_is_live
from .second_environment import NAMESPACE, add_environment, change, in_test, recorded
from .stage import SLUG, Stage, open_stage
from .variant import gitlab, private_with_key

__all__ = ["in_order"]
pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(900)]


VARIANTS = [pytest.param(private_with_key, id="private"), pytest.param(gitlab, id="gitlab")]
at_github = pytest.mark.parametrize("stage", VARIANTS[:1], indirect=True, scope="module")
"""A chapter that is the same at every code host: the stage is known by its place in VARIANTS."""


@pytest.fixture(scope="module", params=VARIANTS)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("environments"), request.param) as opened:
        yield opened


def live(stage: Stage, revision: str) -> None:
    """Assert that `test` serves this revision with the image that `dev` had of it."""
    assert in_test(stage).revisions() == {revision}
    assert recorded(stage)["revision"] == revision
    assert recorded(stage)["image"]["digest"] == stage.digests[revision]


def test_the_first_deployment_is_live(stage: Stage) -> None:
    the_first_deployment_is_live(stage)


def test_two_lines_and_up_make_an_environment_that_is_healthy_before_anything_is_promoted(stage: Stage) -> None:
    revision = add_environment(stage)
    done = stage.developer.installer("up", "--yes")
    assert f"Live: every pod of {SLUG} answers revision {revision}." in done.stdout
    assert NAMESPACE in stage.kubectl("get", "namespaces", names=True)
    applications = stage.kubectl("get", "applications.argoproj.io", "-n", "argocd", names=True)
    assert {f"{SLUG}-dev", f"{SLUG}-test"} <= applications
    first, second = (
        stage.kubectl("get", "secret", name, "-n", "argocd")["data"] for name in (f"{SLUG}-repo", f"{SLUG}-test-repo")
    )
    assert first.pop("project") != second.pop("project")
    assert first == second, "each AppProject has a Secret with the same key"
    watchers = [
        pod
        for pod in stage.kubectl("get", "pods", "-n", "argocd")["items"]
        if pod["metadata"]["labels"].get("app.kubernetes.io/name") == f"{SLUG}-dev-watcher"
    ]
    assert len(watchers) == 1
    status = valid("status", stage.developer.installer("status", "--json", check=False).stdout)
    assert status["healthy"], status
    assert [(each["name"], each["healthy"], each["revision"]) for each in status["environments"]] == [
        ("dev", True, revision),
        ("test", True, None),
    ]
    assert "nothing promoted yet" in stage.developer.installer("status").stdout


def test_up_again_changes_nothing(stage: Stage) -> None:
    audit, before = Audit(), len(stage.host.changes)
    assert "Nothing to change." in stage.developer.installer("up", "--yes").stdout
    assert (stage.host.changes[before:], audit.changes()) == ([], [])


def test_the_first_promotion_is_live_with_the_digest_of_dev(stage: Stage) -> None:
    revision = stage.revisions[-1]
    began = time.monotonic()
    with stage.without_the_ci():
        done = stage.developer.installer("promote", "--yes")
    stage.record("promotion, from its command to live", time.monotonic() - began)
    assert f"Live: every pod of {SLUG} in test answers revision {revision}." in done.stdout
    assert not [secret for secret in stage.secrets if secret in done.stdout + done.stderr]
    live(stage, revision)
    deployment = stage.kubectl("get", "deployment", SLUG, "-n", NAMESPACE)
    assert deployment["spec"]["replicas"] == 1, "the values of test"
    assert stage.service.revisions() == {revision}
    status = stage.developer.installer("status", "--env", "test")
    assert "✗" not in status.stdout


def test_a_merge_goes_to_dev_alone_and_status_says_how_far_test_is_behind(stage: Stage) -> None:
    before = stage.revisions[-1]
    revision = change(stage, "second")
    assert in_test(stage).revisions() == {before}
    status = valid("status", stage.developer.installer("status", "--json", "--watch").stdout)
    dev, test = status["environments"]
    assert (dev["revision"], dev["behind"], test["revision"]) == (revision, 0, before)
    assert test["behind"] >= 1


def test_a_promotion_that_was_killed_is_finished_by_the_next_one(stage: Stage) -> None:
    revision = stage.revisions[-1]
    program = str(Path(sys.executable).with_name("gitops-flask"))
    developer = stage.developer
    process = subprocess.Popen(
        [program, "promote", "--yes", "--project", str(developer.project)],
        cwd=developer.home, env=developer.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    eventually("the promotion's commit", lambda: recorded(stage)["revision"] == revision, 120)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    done = developer.installer("promote", "--yes")
    assert f"Live: every pod of {SLUG} in test answers revision {revision}." in done.stdout
    live(stage, revision)
    developer.git("fetch", "--quiet", "origin", "env/test")
    assert developer.git("rev-list", "--count", "FETCH_HEAD") == "2", "one commit for each promotion"


def test_a_rollback_of_test_is_undone_by_no_merge_and_no_promotion(stage: Stage) -> None:
    before, bad = stage.revisions[-2:]
    done = stage.developer.installer("rollback", "--env", "test", "--yes", "--why", "test burns")
    assert f"Live: every pod of {SLUG} in test answers revision {before}." in done.stdout
    live(stage, before)
    assert stage.service.revisions() == {bad}, "dev goes on"
    change(stage, "third")
    refused = stage.developer.installer("promote", "--yes", check=False)
    assert refused.returncode == 1
    assert "env/test is held by octocat" in refused.stderr
    stage.press("promote", environment="test")
    if stage.variant.scm == "github":
        run = stage.github.wait_for_run(f"acme/{SLUG}", workflow="promote.yml", timeout=240)
        assert (run.conclusion, "promote: held" in run.log) == ("success", True), run.log
    live(stage, before)
    assert recorded(stage, "hold.yaml")["why"] == "test burns"
    assert "test burns" in stage.developer.installer("status").stdout


def test_after_the_release_a_promotion_brings_what_dev_runs(stage: Stage) -> None:
    before, revision = stage.revisions[-3], stage.revisions[-1]
    done = stage.developer.installer("rollback", "--env", "test", "--release-hold", "--yes")
    assert "To promote again: " in done.stdout
    live(stage, before)
    stage.developer.installer("promote", "--yes")
    live(stage, revision)


def test_the_cis_own_button_promotes_too(stage: Stage) -> None:
    revision = change(stage, "fourth")
    began = time.monotonic()
    stage.press("promote", environment="test")
    eventually("env/test", lambda: recorded(stage)["revision"] == revision, 240)
    eventually("test live", lambda: in_test(stage).revisions() == {revision}, 240)
    stage.record("promotion by the button, to live", time.monotonic() - began)
    live(stage, revision)


@at_github
def test_an_environment_that_is_taken_out_goes_after_a_question_and_its_record_stays(stage: Stage) -> None:
    settings = stage.developer.project / "gitops.yaml"
    text = settings.read_text()
    settings.write_text("".join(line for line in text.splitlines(keepends=True) if not line.startswith("  test: ")))
    refused = stage.developer.installer("up", check=False)
    assert refused.returncode == 1
    assert "Nothing was changed: nobody can be asked here" in refused.stderr
    assert "environment test: there → goes, with its service and its pods" in refused.stdout
    assert in_test(stage).revisions() == {stage.revisions[-1]}
    stage.developer.installer("up", "--yes")
    eventually("the end of the namespace", lambda: NAMESPACE not in stage.kubectl("get", "namespaces", names=True), 120)
    assert not [each for each in stage.releases() if f"{SLUG}-test" in each["name"]]
    for kind in ("applications.argoproj.io", "appprojects.argoproj.io", "secrets"):
        assert not {name for name in stage.kubectl("get", kind, "-A", names=True) if f"{SLUG}-test" in name}
    assert recorded(stage)["revision"] == stage.revisions[-1]
    assert stage.service.revisions() == {stage.revisions[-1]}
    assert "Nothing to change." in stage.developer.installer("up", "--yes").stdout


def test_down_leaves_nothing_of_either(stage: Stage) -> None:
    stage.developer.run("git", "checkout", "--", "gitops.yaml")
    stage.developer.installer("up", "--yes")
    stage.developer.installer("down", "--yes", "--argocd", stdin="argocd\n")
    assert stage.kubectl("get", "namespaces", names=True).isdisjoint({f"{SLUG}-dev", NAMESPACE})
    assert not [each for each in stage.releases() if SLUG in each["name"]]
    assert not any(stage.forge.left().values()), stage.forge.left()
    assert stage.host.failures == []
