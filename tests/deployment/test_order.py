"""ci/deploy, when runs end in another order than they began, and clones know only a part of history."""

from __future__ import annotations

import pytest

from tests.deployment.workspace import Checkout, Remote, Workspace

pytestmark = pytest.mark.slow


@pytest.fixture(params=["full", "shallow"])
def options(request: pytest.FixtureRequest) -> list[str]:
    """Return the options of a clone: a person's, and the one that actions/checkout makes."""
    return {"full": [], "shallow": ["--depth=1", "--no-tags"]}[request.param]


def test_an_ancestor_is_followed(deployed: Checkout, remote: Remote, workspace: Workspace, options: list[str]) -> None:
    deployed.merge("Two")
    revision = deployed.merge("Three")
    runner = workspace.checkout("runner", *options)
    assert runner.run("deploy").line.startswith(f"deploy: done env/dev records {revision}")
    assert remote.revision() == revision


def test_an_old_run_that_ends_late_is_superseded(
    deployed: Checkout, remote: Remote, workspace: Workspace, options: list[str]
) -> None:
    old = deployed.merge("Two")
    late = workspace.checkout("late", *options)
    deployed.merge("Three")
    new = deployed.merge("Four")
    assert deployed.run("deploy").line.startswith("deploy: done")
    before = remote.tip()
    answer = late.run("deploy")
    assert answer.code == 0
    assert answer.line == f"deploy: superseded env/dev records {new}, which is newer than {old}"
    assert remote.tip() == before


def test_diverged_history_is_red_and_names_the_way_out(
    deployed: Checkout, remote: Remote, workspace: Workspace, options: list[str]
) -> None:
    start = deployed.git("rev-parse", "HEAD")
    deployed.merge("Two")
    abandoned = deployed.merge("Three")
    assert deployed.run("deploy").line.startswith("deploy: done")
    deployed.git("reset", "--quiet", "--hard", start)
    deployed.git("commit", "--quiet", "--allow-empty", "-m", "Another two")
    deployed.git("push", "--quiet", "--force", "origin", "HEAD:main")
    before = remote.tip()
    runner = workspace.checkout("runner", *options)
    answer = runner.run("deploy")
    assert (answer.code, remote.tip()) == (1, before)
    assert answer.line.startswith(f"deploy: failed: env/dev records {abandoned}, which is not in the history of ")
    assert "ci/rollback --to" in answer.line

    assert runner.run("rollback", "--to", start).line.startswith("rollback: done")
    assert runner.run("rollback", "--release").line.startswith("rollback: released")
    assert runner.run("deploy").line.startswith("deploy: done"), "the way out that it names is one"


def test_a_recorded_commit_that_is_gone_is_unknown_and_red(
    deployed: Checkout, remote: Remote, workspace: Workspace, options: list[str]
) -> None:
    deployed.commit("Never pushed")
    assert deployed.run("deploy").line.startswith("deploy: done")
    before = remote.tip()
    answer = workspace.checkout("runner", *options).run("deploy")
    assert (answer.code, remote.tip()) == (1, before)
    assert answer.line.startswith("deploy: failed: cannot tell whether ")


def test_a_shallow_clone_that_cannot_get_its_history_does_not_guess(
    deployed: Checkout, remote: Remote, workspace: Workspace
) -> None:
    recorded = deployed.merge("Two")
    assert deployed.run("deploy").line.startswith("deploy: done")
    remote.git("branch", "side", recorded)
    deployed.merge("Three")
    runner = workspace.checkout("runner", "--depth=1", "--no-single-branch")  # has both commits, and nothing between
    runner.commit("Never pushed, so that the remote cannot serve its history")
    answer = runner.run("deploy")
    assert (answer.code, answer.line.split(" whether ")[0]) == (1, "deploy: failed: cannot tell")
    assert remote.revision() == recorded


@pytest.mark.parametrize("image", ["", 'revision: "HEAD"\n', 'revision: "--all"\n'])
def test_an_image_file_without_a_revision_is_unknown_and_red(
    deployed: Checkout, remote: Remote, workspace: Workspace, image: str
) -> None:
    editor = workspace.checkout("editor", "--branch=env/dev")
    editor.write(image_yaml=image)
    editor.commit()
    editor.git("push", "--quiet", "origin", "HEAD:env/dev")
    answer = deployed.run("deploy")
    assert (answer.code, answer.line[:35]) == (1, "deploy: failed: cannot tell what en")
    deployed.merge()
    assert deployed.run("rollback").line.startswith("rollback: done"), "the way out that it names is one"


def test_a_shallow_clone_gets_commits_only(deployed: Checkout, remote: Remote, workspace: Workspace) -> None:
    blob = deployed.git("rev-parse", "HEAD:app.py")
    deployed.write(app_py="print('two')\n")
    deployed.merge()
    runner = workspace.checkout("runner", "--depth=1")
    assert runner.run("deploy").line.startswith("deploy: done")
    have = runner.git("cat-file", "--batch-check", "--batch-all-objects", "--unordered")
    assert blob not in have
    assert remote.git("fsck", "--strict") == ""


def test_a_server_without_filters_serves_a_shallow_clone_too(
    deployed: Checkout, remote: Remote, workspace: Workspace
) -> None:
    remote.git("config", "uploadpack.allowFilter", "false")
    deployed.merge("Two")
    deployed.merge("Three")
    assert workspace.checkout("runner", "--depth=1").run("deploy").line.startswith("deploy: done")


def test_an_environment_with_a_long_history_needs_no_checkout_of_it(deployed: Checkout, remote: Remote) -> None:
    for _ in range(3):
        deployed.merge()
        assert deployed.run("deploy").line.startswith("deploy: done")
    assert len(remote.commits()) == 4
    assert not any("env/" in line for line in deployed.git("branch").splitlines())
