"""A merge queue: its required checks report, and what it tested is not tested again."""

import shutil

import pytest

from tests.deployment.test_tested import Merges, merges
from tests.deployment.test_workflows import WORKFLOWS
from tests.github.model import Stored
from tests.github.runs import Run

pytestmark = pytest.mark.slow

__all__ = ["merges"]


@pytest.fixture
def queue(merges: Merges) -> Merges:
    """A repository with the generated workflows, whose runs wait for a runner that never comes."""
    folder = merges.checkout.path / ".github/workflows"
    folder.mkdir(parents=True)
    for path in WORKFLOWS.values():
        shutil.copy(path, folder)
    merges.checkout.commit("Workflows")
    merges.repository.variables["RUNNER"] = Stored("RUNNER", "nobody")
    merges.push("main")
    merges.repository.runs.clear()
    return merges


def enqueue(queue: Merges, branch: str) -> tuple[str, list[Run]]:
    """Let the queue take a pull request; return its commit and the runs that this starts."""
    (pull,) = (each for each in queue.repository.pulls.values() if each.head == branch)
    queue.repository.runs.clear()
    made = queue.github.merging.enqueue(queue.repository, queue.owner, pull)
    return made, [*queue.repository.runs]


def test_the_queue_gets_every_check_that_the_rules_of_main_require_and_nothing_is_deployed(queue: Merges) -> None:
    queue.propose("one", "one")
    made, runs = enqueue(queue, "one")
    assert [(run.event, run.workflow, run.head_sha) for run in runs] == [
        ("merge_group", ".github/workflows/pull-request.yml", made)
    ]
    assert [job.name for job in runs[0].jobs] == ["test", "image", "chart"]


def test_one_group_of_the_queue_does_not_cancel_another(queue: Merges) -> None:
    queue.propose("one", "one")
    queue.checkout.git("checkout", "--quiet", "main")
    queue.propose("two", "two")
    _, (first,) = enqueue(queue, "one")
    queue.repository.runs.insert(0, first)
    _, (second,) = enqueue(queue, "two")
    assert first.group != second.group
    assert first.conclusion is None


@pytest.mark.parametrize(("conclusion", "told"), [("success", "tested=yes\n"), ("failure", ""), (None, "")])
def test_what_the_queue_tested_on_todays_main_is_not_tested_again(
    merges: Merges, conclusion: str | None, told: str
) -> None:
    merges.propose("one", "one")
    merges.add_another_file()
    merges.push("main")  # so that the pull request tested other files
    made, _ = enqueue(merges, "one")
    merges.repository.runs.clear()
    merges.checked(made, conclusion, event="merge_group")
    merges.checkout.git("fetch", "--quiet", f"file://{merges.repository.git}", made)
    merges.checkout.git("checkout", "--quiet", "--detach", made)
    merges.push("main")
    assert merges.main() == made
    assert merges.before() == told


@pytest.mark.parametrize("event", ["push", "workflow_dispatch", "pull_request"])
def test_a_run_of_that_commit_by_another_event_is_not_the_queues(merges: Merges, event: str) -> None:
    merges.checkout.write(app_py="print('direct')\n")
    merges.checked(merges.checkout.commit(), "success", event=event)
    merges.push("main")
    merges.main()
    assert merges.before() == ""
