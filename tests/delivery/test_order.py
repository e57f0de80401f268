"""ci/deploy, when runs end in another order than they began, and clones know only a part of history."""

from __future__ import annotations

import pytest

from tests.delivery.world import Checkout, Remote, World


@pytest.fixture(params=["full", "shallow"])
def options(request: pytest.FixtureRequest) -> list[str]:
    """Return the options of a clone: a person's, and the one that actions/checkout makes."""
    return {"full": [], "shallow": ["--depth=1", "--no-tags"]}[request.param]


def test_an_ancestor_is_followed(delivered: Checkout, remote: Remote, world: World, options: list[str]) -> None:
    delivered.merge("Two")
    revision = delivered.merge("Three")
    runner = world.checkout("runner", *options)
    assert runner.run("deploy").line.startswith(f"deploy: done env/dev records {revision}")
    assert remote.revision() == revision


def test_an_old_run_that_ends_late_is_superseded(
    delivered: Checkout, remote: Remote, world: World, options: list[str]
) -> None:
    old = delivered.merge("Two")
    late = world.checkout("late", *options)
    delivered.merge("Three")
    new = delivered.merge("Four")
    assert delivered.run("deploy").line.startswith("deploy: done")
    before = remote.tip()
    answer = late.run("deploy")
    assert answer.code == 0
    assert answer.line == f"deploy: superseded env/dev records {new}, which is newer than {old}"
    assert remote.tip() == before


def test_diverged_history_is_red_and_names_the_way_out(
    delivered: Checkout, remote: Remote, world: World, options: list[str]
) -> None:
    start = delivered.git("rev-parse", "HEAD")
    delivered.merge("Two")
    abandoned = delivered.merge("Three")
    assert delivered.run("deploy").line.startswith("deploy: done")
    delivered.git("reset", "--quiet", "--hard", start)
    delivered.git("commit", "--quiet", "--allow-empty", "-m", "Another two")
    delivered.git("push", "--quiet", "--force", "origin", "HEAD:main")
    before = remote.tip()
    runner = world.checkout("runner", *options)
    answer = runner.run("deploy")
    assert (answer.code, remote.tip()) == (1, before)
    assert answer.line.startswith(f"deploy: failed: env/dev records {abandoned}, which is not in the history of ")
    assert "ci/rollback --to" in answer.line

    assert runner.run("rollback", "--to", start).line.startswith("rollback: done")
    assert runner.run("rollback", "--release").line.startswith("rollback: released")
    assert runner.run("deploy").line.startswith("deploy: done"), "the way out that it names is one"


def test_a_recorded_commit_that_is_gone_is_cannot_tell_and_red(
    delivered: Checkout, remote: Remote, world: World, options: list[str]
) -> None:
    delivered.commit("Never pushed")
    assert delivered.run("deploy").line.startswith("deploy: done")
    before = remote.tip()
    answer = world.checkout("runner", *options).run("deploy")
    assert (answer.code, remote.tip()) == (1, before)
    assert answer.line.startswith("deploy: failed: cannot tell whether ")


def test_a_shallow_clone_that_cannot_get_its_history_does_not_guess(
    delivered: Checkout, remote: Remote, world: World
) -> None:
    recorded = delivered.merge("Two")
    assert delivered.run("deploy").line.startswith("deploy: done")
    remote.git("branch", "side", recorded)
    delivered.merge("Three")
    runner = world.checkout("runner", "--depth=1", "--no-single-branch")  # has both commits, and nothing between
    runner.commit("Never pushed, so that the remote cannot serve its history")
    answer = runner.run("deploy")
    assert (answer.code, answer.line.split(" whether ")[0]) == (1, "deploy: failed: cannot tell")
    assert remote.revision() == recorded


@pytest.mark.parametrize("image", ["", 'revision: "HEAD"\n', 'revision: "--all"\n'])
def test_an_image_file_without_a_revision_is_cannot_tell_and_red(
    delivered: Checkout, remote: Remote, world: World, image: str
) -> None:
    editor = world.checkout("editor", "--branch=env/dev")
    editor.write(image_yaml=image)
    editor.commit()
    editor.git("push", "--quiet", "origin", "HEAD:env/dev")
    answer = delivered.run("deploy")
    assert (answer.code, answer.line[:35]) == (1, "deploy: failed: cannot tell what en")
    delivered.merge()
    assert delivered.run("rollback").line.startswith("rollback: done"), "the way out that it names is one"


def test_a_shallow_clone_gets_commits_only(delivered: Checkout, remote: Remote, world: World) -> None:
    blob = delivered.git("rev-parse", "HEAD:app.py")
    delivered.write(app_py="print('two')\n")
    delivered.merge()
    runner = world.checkout("runner", "--depth=1")
    assert runner.run("deploy").line.startswith("deploy: done")
    have = runner.git("cat-file", "--batch-check", "--batch-all-objects", "--unordered")
    assert blob not in have
    assert remote.git("fsck", "--strict") == ""


def test_a_server_without_filters_serves_a_shallow_clone_too(delivered: Checkout, remote: Remote, world: World) -> None:
    remote.git("config", "uploadpack.allowFilter", "false")
    delivered.merge("Two")
    delivered.merge("Three")
    assert world.checkout("runner", "--depth=1").run("deploy").line.startswith("deploy: done")


def test_an_environment_with_a_long_history_needs_no_checkout_of_it(delivered: Checkout, remote: Remote) -> None:
    for _ in range(3):
        delivered.merge()
        assert delivered.run("deploy").line.startswith("deploy: done")
    assert len(remote.commits()) == 4
    assert not any("env/" in line for line in delivered.git("branch").splitlines())
