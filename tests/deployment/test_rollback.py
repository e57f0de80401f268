"""ci/rollback: which deployment comes back, what holds it, and how the hold ends."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from tests.deployment.workspace import Checkout, Remote, Workspace

pytestmark = pytest.mark.slow


def deploy(checkout: Checkout, number: int) -> str:
    """Merge and deploy a change of app, chart and values, and return its revision."""
    checkout.write(app_py=f"print({number})\n", deploy__dev_yaml=f"replicas: {number}\n")
    revision = checkout.merge(f"Change {number}")
    answer = checkout.run("deploy", "--init")
    assert answer.line.startswith("deploy: done"), answer.text
    return revision


@pytest.fixture(scope="module")
def _model_abc(_model: Workspace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, tuple[str, str, str]]:
    workspace = _model.copied(tmp_path_factory.mktemp("abc"))
    laptop = workspace.checkout("laptop")
    return workspace, (deploy(laptop, 1), deploy(laptop, 2), deploy(laptop, 3))


@pytest.fixture
def abc(
    laptop: Checkout, workspace: Workspace, _model_abc: tuple[Workspace, tuple[str, str, str]]
) -> tuple[str, str, str]:
    """Return the revisions of three deployments, oldest first."""
    model, revisions = _model_abc
    model.copied(workspace.path, "laptop")
    return revisions


def test_the_previous_deployment_comes_back_as_a_whole(
    laptop: Checkout, remote: Remote, abc: tuple[str, str, str]
) -> None:
    _, b, c = abc
    earlier, before = remote.commits()[1], remote.tip()
    answer = laptop.run("rollback", "--why", 'it\n"burns" \\ 100 %')
    assert answer.code == 0
    assert (
        answer.line
        == f"rollback: done env/dev is back at {b} (was {c}) and held there. To release it: ci/rollback --release"
    )
    assert remote.commits()[:2] == [remote.tip(), before], "one commit on top, no history rewritten"
    assert remote.git("diff", "--name-only", earlier, "env/dev") == "hold.yaml"
    hold = yaml.safe_load(remote.read("hold.yaml"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", hold.pop("since"))
    assert hold == {"who": "Ada Lovelace", "why": 'it "burns" \\ 100 %', "bad": c}


def test_the_trailers_name_the_commit_that_came_back(
    laptop: Checkout, remote: Remote, abc: tuple[str, str, str]
) -> None:
    laptop.run("rollback", "--why", "Signed-off-by: nobody")
    trailers = "--format=%(trailers:only,unfold)"
    assert remote.git("log", "-1", trailers, "env/dev") == remote.git("log", "-1", trailers, "env/dev~2")
    assert f"Argocd-reference-commit-sha: {abc[1]}" in remote.git("log", "-1", trailers, "env/dev")
    assert remote.git("log", "-1", "--format=%s", "env/dev") == f"Roll back to {abc[1][:7]}: Change 2"


def test_releasing_a_hold_of_which_nothing_else_is_known_names_the_branch(
    laptop: Checkout, remote: Remote, abc: tuple[str, str, str]
) -> None:
    laptop.run("rollback")
    tree = "$(git ls-tree env/dev | awk -F '\\t' '$2 != \"image.yaml\"' | git mktree)"
    manual_step = f"git commit-tree -p env/dev -m 'By hand' {tree}"
    subprocess.run(["bash", "-c", f"git update-ref refs/heads/env/dev $({manual_step})"], cwd=remote.path, check=True)
    answer = laptop.run("rollback", "--release")
    assert answer.code == 0, answer.text
    assert remote.git("log", "-1", "--format=%s", "env/dev") == "Release the hold on env/dev"


def test_the_next_merge_does_not_undo_it_and_is_deployed_after_the_release(
    laptop: Checkout, remote: Remote, abc: tuple[str, str, str]
) -> None:
    laptop.run("rollback")
    held = remote.tip()
    revision = laptop.merge("Change 4")
    answer = laptop.run("deploy")
    assert (answer.code, answer.line.split()[1], remote.tip()) == (0, "held", held)
    assert f"bad: {abc[2]}" in answer.text

    released = laptop.run("rollback", "--release")
    assert released.code == 0
    assert released.line == f"rollback: released env/dev takes deployments again; it is at {abc[1]} until the next one"
    assert "let your CI run for it again" in released.text
    assert remote.git("diff", "--name-status", "env/dev~1", "env/dev") == "D\thold.yaml"
    assert laptop.run("deploy").line.startswith(f"deploy: done env/dev records {revision}")
    assert "hold.yaml" not in remote.paths()


def test_rolling_back_twice_goes_one_further_and_ends_where_nothing_is_left(
    laptop: Checkout, remote: Remote, abc: tuple[str, str, str]
) -> None:
    a, b, _ = abc
    for expected in (b, a):
        assert laptop.run("rollback").line.startswith("rollback: done")
        assert remote.revision() == expected
    before = remote.tip()
    answer = laptop.run("rollback")
    assert (answer.code, remote.tip()) == (1, before)
    assert answer.line == f"rollback: failed: nothing to roll back to: before {a} nothing was deployed to env/dev"
    assert yaml.safe_load(remote.read("hold.yaml"))["bad"] == b


def test_what_was_rolled_back_is_not_the_previous_deployment_later(
    laptop: Checkout, remote: Remote, abc: tuple[str, str, str]
) -> None:
    a, b, _ = abc
    laptop.run("rollback")
    laptop.run("rollback", "--release")
    deploy(laptop, 4)
    laptop.run("rollback")
    assert remote.revision() == b, "the third one was bad and ran between the two"
    laptop.run("rollback")
    assert remote.revision() == a


def test_what_was_deployed_again_after_a_false_alarm_is_the_previous_deployment(
    laptop: Checkout, remote: Remote, abc: tuple[str, str, str]
) -> None:
    laptop.run("rollback")
    laptop.run("rollback", "--release")
    assert laptop.run("deploy").line.startswith(f"deploy: done env/dev records {abc[2]}")
    deploy(laptop, 4)
    laptop.run("rollback")
    assert remote.revision() == abc[2]


@pytest.mark.parametrize("length", [7, 40])
def test_a_deployment_is_named_by_its_source_commit(
    laptop: Checkout, remote: Remote, abc: tuple[str, str, str], length: int
) -> None:
    assert laptop.run("rollback", "--to", abc[0][:length]).line.startswith("rollback: done")
    assert remote.revision() == abc[0]
    assert remote.read("deploy/dev.yaml") == "replicas: 1"
    assert laptop.run("rollback", "--to", abc[2]).line.startswith("rollback: done"), "forward again, still held"
    assert (remote.revision(), "hold.yaml" in remote.paths()) == (abc[2], True)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--to", "0000"], "no revision 0000 was ever deployed to env/dev"),
        (["--to", "main"], "--to 'main' is not a commit"),
        (["--to", "abc"], "--to 'abc' is not a commit"),
        (["--to"], "--to needs a value"),
        (["--force"], "unknown option '--force'"),
        (["--release", "--why", "x"], "--release takes neither"),
    ],
)
def test_what_cannot_be_meant_is_red(
    laptop: Checkout, remote: Remote, abc: tuple[str, str, str], options: list[str], reason: str
) -> None:
    before = remote.tip()
    answer = laptop.run("rollback", *options)
    assert (answer.code, remote.tip()) == (1, before)
    assert answer.line.startswith(f"rollback: failed: {reason}")


def test_an_ambiguous_beginning_is_red(laptop: Checkout, remote: Remote, abc: tuple[str, str, str]) -> None:
    laptop.git("fetch", "--quiet", "origin", "env/dev")
    laptop.git("checkout", "--quiet", "FETCH_HEAD")
    twin = abc[0][:4] + "0" * 36
    laptop.write(image_yaml=f'revision: "{twin}"\n')
    laptop.commit()
    laptop.git("push", "--quiet", "origin", "HEAD:env/dev")
    laptop.git("checkout", "--quiet", "main")
    answer = laptop.run("rollback", "--to", abc[0][:4])
    assert (answer.code, "is ambiguous" in answer.line) == (1, True)


def test_the_current_deployment_is_no_way_back_but_a_held_one_is_already_there(
    laptop: Checkout, remote: Remote, abc: tuple[str, str, str]
) -> None:
    assert laptop.run("rollback", "--to", abc[2]).code == 1
    laptop.run("rollback")
    before = remote.tip()
    answer = laptop.run("rollback", "--to", abc[1])
    assert (answer.code, answer.line) == (0, f"rollback: already there env/dev is held at {abc[1]}")
    assert remote.tip() == before


def test_releasing_what_is_not_held_changes_nothing(
    laptop: Checkout, remote: Remote, abc: tuple[str, str, str]
) -> None:
    before = remote.tip()
    answer = laptop.run("rollback", "--release")
    assert (answer.code, answer.line) == (0, f"rollback: already there env/dev is not held; it is at {abc[2]}")
    assert remote.tip() == before


@pytest.mark.parametrize("options", [[], ["--release"]])
def test_before_the_first_deployment_there_is_nothing_to_roll_back(laptop: Checkout, options: list[str]) -> None:
    answer = laptop.run("rollback", *options)
    assert (answer.code, answer.line) == (1, "rollback: failed: there is no branch env/dev: nothing was deployed yet")
