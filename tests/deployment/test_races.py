"""ci/deploy, when another push comes between its fetch and its push."""

from __future__ import annotations

import pytest

from tests.deployment.workspace import BRANCH, DIGEST, GIT, Answer, Checkout, Remote, Workspace, write_program

pytestmark = pytest.mark.slow

IMAGE = f"IMAGE_DIGEST={DIGEST}"


def running(checkout: Checkout, command: str) -> str:
    """Return a line of shell that runs a script of ci/ as another machine would, whoever runs the line."""
    return (
        f"env -i HOME={checkout.home} PATH={checkout.home / 'bin'}:$PATH GIT_CONFIG_NOSYSTEM=1 {IMAGE}"
        f" {checkout.path}/ci/{command}"
    )


@pytest.fixture
def two(deployed: Checkout, workspace: Workspace) -> tuple[Checkout, Checkout]:
    """Return the runners of two merges, the older one first; neither is deployed."""
    deployed.merge("Two")
    older = workspace.checkout("older", "--depth=1")
    deployed.merge("Three")
    return older, workspace.checkout("newer", "--depth=1")


def head(checkout: Checkout) -> str:
    return checkout.git("rev-parse", "HEAD")


def test_the_older_of_two_runs_loses_the_race_and_is_superseded(two: tuple[Checkout, Checkout], remote: Remote) -> None:
    older, newer = two
    older.before_push(running(newer, "deploy"))
    answer = older.run("deploy")
    assert (answer.code, answer.line.split()[1]) == (0, "superseded")
    assert "deploy: done" in answer.text, "the other run was done in between"
    assert (remote.revision(), len(remote.commits())) == (head(newer), 2)


def test_the_newer_of_two_runs_loses_the_race_and_goes_on_top(two: tuple[Checkout, Checkout], remote: Remote) -> None:
    older, newer = two
    newer.before_push(running(older, "deploy"))
    answer = newer.run("deploy")
    assert (answer.code, answer.line.split()[1]) == (0, "done")
    assert [remote.revision(commit) for commit in remote.commits()][:2] == [head(newer), head(older)]


def test_a_branch_that_comes_between_two_reads_is_deployed_on_top_of(
    laptop: Checkout, workspace: Workspace, remote: Remote
) -> None:
    other = workspace.checkout("other")
    once = f'[ -e "$HOME/looked" ] || {{ touch "$HOME/looked"; {running(other, "deploy --init")} >&2; }}'
    shim = f'#!/bin/sh\ncase " $* " in *" ls-remote "*) {once} ;; esac\nexec {GIT} "$@"\n'
    write_program(laptop.home / "bin" / "git", shim)
    answer = laptop.run("deploy", "--init")
    assert (answer.code, answer.line.split(" env")[0]) == (0, "deploy: already there"), answer.text
    assert len(remote.commits()) == 1


def test_a_race_lost_inside_the_server_is_no_different(two: tuple[Checkout, Checkout], remote: Remote) -> None:
    older, newer = two
    once = f'mv "{remote.path}/armed" "{remote.path}/fired" 2>/dev/null || exit 0'
    (remote.path / "armed").touch()
    remote.hook("pre-receive", f"{once}\n{running(newer, 'deploy')} >&2")
    answer = older.run("deploy")
    assert (answer.code, answer.line.split()[1]) == (0, "superseded"), answer.text
    assert remote.revision() == head(newer)


@pytest.mark.parametrize("start", ["older first", "newer first"])
def test_two_runs_at_the_same_time_end_at_the_newer_one(
    two: tuple[Checkout, Checkout], remote: Remote, start: str
) -> None:
    meeting = remote.path.with_name("meeting")
    meeting.mkdir()
    for runner in two:  # each waits with its push until the other one has looked too
        runner.before_push(
            f"touch {meeting}/$PPID; i=0; while [ $(ls {meeting} | wc -l) -lt 2 ] && [ $((i += 1)) -lt 3000 ];"
            " do sleep 0.01; done"
        )
    order = two if start == "older first" else two[::-1]
    processes = {runner: runner.start("deploy") for runner in order}
    older, newer = (
        Answer.of(process.wait(60), *process.communicate()) for process in (processes[two[0]], processes[two[1]])
    )
    assert len(list(meeting.iterdir())) == 2, "both looked before either pushed"
    assert (older.code, newer.code, newer.line.split()[1]) == (0, 0, "done")
    assert older.line.split()[1] in {"done", "superseded"}
    assert "attempt 1 of 5" in older.text + newer.text, "one of them was refused"
    assert remote.revision() == head(two[1])


def test_a_hold_set_between_fetch_and_push_holds(
    two: tuple[Checkout, Checkout], remote: Remote, workspace: Workspace
) -> None:
    older, newer = two
    assert older.run("deploy").line.startswith("deploy: done")
    newer.before_push(running(workspace.checkout("operator"), "rollback --why 'it burns'"))
    summary = newer.home / "summary.md"
    answer = newer.run("deploy", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    assert (answer.code, answer.line.split()[1]) == (0, "held")
    assert "::warning::" in answer.text
    assert "it burns" in answer.text
    assert "deploy: held" in summary.read_text()
    assert "Next: nothing, until somebody releases the hold" in summary.read_text()
    assert "hold.yaml" in remote.paths()


def test_a_branch_lost_between_fetch_and_push_does_not_come_back_by_itself(
    two: tuple[Checkout, Checkout], remote: Remote
) -> None:
    _, newer = two
    remote.hook("pre-receive", f"env -i {GIT} -C {remote.path} update-ref -d refs/heads/{BRANCH}")
    answer = newer.run("deploy")
    assert (answer.code, answer.line.split(".")[0]) == (1, "deploy: failed: there is no branch env/dev")
    assert not remote.tip()


def test_two_first_deployments_make_one_branch(laptop: Checkout, workspace: Workspace, remote: Remote) -> None:
    other = workspace.checkout("other")
    laptop.merge("Two")
    laptop.before_push(running(other, "deploy --init"))
    answer = laptop.run("deploy", "--init")
    assert (answer.code, answer.line.split()[1]) == (0, "done")
    assert [remote.revision(commit) for commit in remote.commits()] == [head(laptop), head(other)]


@pytest.mark.parametrize(("refusals", "word", "pushes"), [(4, "done", 5), (99, "failed:", 5)])
def test_a_refused_push_is_tried_again_five_times_at_most(
    two: tuple[Checkout, Checkout], remote: Remote, refusals: int, word: str, pushes: int
) -> None:
    _, newer = two
    before = remote.tip()
    count = remote.path / "count"
    remote.hook("pre-receive", f"echo x >>{count}; [ $(wc -l <{count}) -gt {refusals} ] || {{ echo no >&2; exit 1; }}")
    answer = newer.run("deploy")
    assert (answer.line.split()[1], answer.code) == (word, 0 if word == "done" else 1)
    assert len(count.read_text().split()) == pushes
    assert (remote.tip() == before) == (word == "failed:")
    assert "remote: no" in answer.text, "git's own words are shown"


def test_a_push_whose_answer_got_lost_is_found_to_be_there(two: tuple[Checkout, Checkout], remote: Remote) -> None:
    _, newer = two
    wrapper = newer.home / "bin" / "git"
    lose = f'case " $* " in *" push "*) {GIT} "$@"; exit 1;; esac\nexec {GIT} "$@"\n'
    write_program(wrapper, "#!/bin/sh\n" + lose)
    answer = newer.run("deploy")
    assert (answer.code, answer.line) == (0, f"deploy: already there env/dev records {head(newer)}")
    assert len(remote.commits()) == 2


def test_nothing_is_ever_pushed_by_force(two: tuple[Checkout, Checkout]) -> None:
    older, newer = two
    newer.before_push(running(older, "deploy"))
    newer.run("deploy")
    pushes = [line for line in newer.git_calls().splitlines() if " push " in f" {line} "]
    assert len(pushes) == 2
    assert not any(word in push for push in pushes for word in ("--force", " -f", "+"))
