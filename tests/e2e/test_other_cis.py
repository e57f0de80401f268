"""CircleCI and Travis CI, from `cookiecutter` to a second merge that is live, back, and down again.

Real: what the story (test_story.py) has, and each job's commands, as the CI's file has them. Stand-ins: GitHub, the
CI's API and its machines. Chapters run in order; one that fails fails those after it.
"""

import time
from collections.abc import Iterator

import pytest

from .actors import eventually
from .audit import Audit
from .builders import ITS_TOKEN
from .chapters import in_order, the_first_deployment_is_live
from .stage import SLUG, Stage, open_stage
from .variant import circleci, travis_ci

__all__ = ["in_order"]
pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", params=[circleci, travis_ci], ids=["circleci", "travis-ci"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("story"), request.param) as opened:
        yield opened


def test_cookiecutter_with_its_hook_ends_with_the_first_deployment_live(stage: Stage) -> None:
    the_first_deployment_is_live(stage)
    assert ITS_TOKEN in stage.secrets
    files = [path for path in stage.developer.home.rglob("*") if path.is_file()]
    assert not [path for path in files if any(secret.encode() in path.read_bytes() for secret in stage.secrets)]


def test_up_again_changes_nothing_and_status_finds_all_well(stage: Stage) -> None:
    audit, before = Audit(), len(stage.host.changes)
    assert "Nothing to change." in stage.developer.installer("up", "--yes").stdout
    assert (stage.host.changes[before:], audit.changes()) == ([], [])
    assert "✗" not in stage.developer.installer("status").stdout


def test_a_failing_test_blocks_the_merge(stage: Stage) -> None:
    stage.developer.branch("greeting")
    stage.add_greeting(right=False)
    stage.developer.commit("Say hello, wrongly")
    stage.forge.propose("greeting", "Say hello")
    checks = eventually("the checks", lambda: stage.finished("greeting"), 240)
    assert checks.keys() == set(stage.forge.checks_are)
    assert [name for name, state in checks.items() if state == "fail"] == [stage.forge.checks_are[0]]
    assert stage.forge.refuses("greeting")


def test_the_second_merge_is_live(stage: Stage) -> None:
    stage.add_greeting(right=True)
    stage.developer.commit("Say hello")
    stage.developer.git("push", "--quiet", "origin", "HEAD:greeting")
    eventually("the checks", lambda: stage.passed("greeting"), 240)
    second = stage.merge_and_follow("greeting", "second merge")
    assert stage.service.answer("/api/greeting") == {"greeting": "hello"}
    stage.developer.installer("status", "--watch")
    stage.shows((stage.revisions[0], "inactive"), (second, "success"))


def test_rollback_brings_the_first_deployment_back_and_its_release_the_second_while_the_ci_is_down(
    stage: Stage,
) -> None:
    first, second = stage.revisions
    with stage.without_the_ci():
        began = time.monotonic()
        done = stage.developer.installer("rollback", "--yes", "--why", "hello is too much")
        stage.record("rollback, from its command to live", time.monotonic() - began)
        assert f"Live: every pod of {SLUG} answers revision {first}." in done.stdout
        assert stage.service.revisions() == {first}
        hold = stage.hold()
        assert (hold["who"], hold["why"], hold["bad"]) == ("octocat", "hello is too much", second)
        released = stage.developer.installer("rollback", "--release-hold", "--yes")
        assert f"Live: every pod of {SLUG} answers revision {second}." in released.stdout
    assert stage.service.revisions() == {second}


def test_the_cis_own_button_rolls_back_and_releases_too(stage: Stage) -> None:
    first, second = stage.revisions
    stage.press("rollback", why="by the button")
    stage.follow("rollback by the button", first)
    assert (stage.hold()["why"], stage.hold()["bad"]) == ("by the button", second)
    stage.press("release")
    stage.follow("release by the button", second)


def test_down_leaves_nothing(stage: Stage) -> None:
    typed = f"acme/{SLUG}\nargocd\n"
    stage.developer.installer("down", "--repository", "--argocd", stdin=typed)
    assert stage.projects() == set()
    assert stage.releases() == []
    assert f"{SLUG}-dev" not in stage.kubectl("get", "namespaces", names=True)
    kept = stage.ci and (stage.ci.projects if stage.variant.ci == "circleci" else stage.ci.repos)
    assert kept
    assert not kept[f"acme/{SLUG}"].variables


def test_nobody_was_asked_for_what_the_stand_ins_do_not_know(stage: Stage) -> None:
    assert stage.host.failures == []
