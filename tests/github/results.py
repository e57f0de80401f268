"""What came of runs: the checks of a commit, the end of a run, and the whole story."""

from dataclasses import replace
from typing import TYPE_CHECKING

from .apps import ACTIONS
from .model import Repository
from .reported import Report
from .runs import Job, Run

if TYPE_CHECKING:
    from .stand_in import GitHub

PASSED = {"success", "skipped", "neutral"}


def checks(repository: Repository, sha: str) -> dict[str, list[Job]]:
    """Give the check runs of a commit by name: the newest of each workflow and event."""
    newest: dict[tuple[str, str], Run] = {}
    for run in repository.runs:
        if run.head_sha == sha:
            newest.setdefault((run.workflow, run.event), run)
    named: dict[str, list[Job]] = {}
    for run in newest.values():
        for job in run.jobs:
            named.setdefault(job.name, []).append(job)
    return named


def report(github: "GitHub", repository: Repository, sha: str, said: Report) -> None:
    """Take what another CI says of a commit, and merge what only waited for that.

    The end of a check changes the one that began; each status is a new one.
    """
    with github.moved:
        there = repository.reports.setdefault(sha, {})
        begun = there.get(said.name)
        if begun and said.kind == begun.kind == "check" and begun.state == "pending":
            said = replace(said, id=begun.id)
        there[said.name] = said
        github.merging.merge_what_waits(repository)
        github.moved.notify_all()


def states(repository: Repository, sha: str) -> dict[str, bool]:
    """Give the checks of a commit by name, whoever made them, and whether each has passed."""
    ours = checks(repository, sha).items()
    of_others = repository.reports.get(sha, {}).items()
    passed = {name: all(job.conclusion in PASSED for job in jobs) for name, jobs in ours}
    return passed | {name: passed.get(name, True) and said.state == "success" for name, said in of_others}


def passed(github: "GitHub", repository: Repository, sha: str) -> set[tuple[str, int | None]]:
    """Give the checks of a commit that have passed, with the App that said so, and with None where nobody said else.

    A check that is required of one App is what that App says, whoever else uses its name.
    """
    said = [(name, ACTIONS, job.conclusion in PASSED) for name, jobs in checks(repository, sha).items() for job in jobs]
    of_others = repository.reports.get(sha, {}).values()
    said += [(each.name, each.app if each.kind == "check" else "", each.state == "success") for each in of_others]
    sources = {(name, app) for name, app, _ in said}
    of_apps = {
        (name, github.apps.id_of(app))
        for name, app in sources
        if app and all(well for other, by, well in said if (other, by) == (name, app))
    }
    return of_apps | {(name, None) for name, is_well in states(repository, sha).items() if is_well}


def wait(
    github: "GitHub", repository: Repository, workflow: str | None, event: str | None, sha: str | None, timeout: float
) -> Run:
    def fitting() -> Run | None:
        wanted = (
            each
            for each in repository.runs
            if workflow in {None, each.workflow.rpartition("/")[2], each.workflow}
            and event in {None, each.event}
            and sha in {None, each.head_sha}
        )
        return next(wanted, None)

    def over() -> bool:
        run = fitting()
        return run is not None and (run.stuck or run.status == "completed")

    with github.moved:
        if not github.moved.wait_for(over, timeout):
            raise TimeoutError(f"no run of {workflow or event or sha} is over after {timeout} s\n{story(github)}")
        run = fitting()
    assert run is not None
    if run.stuck:
        labels = [label for job in run.jobs if job.unmatched for label in job.labels]
        raise AssertionError(f"{run.workflow} waits for a runner labelled {labels} for ever")
    return run


def story(github: "GitHub") -> str:
    """Tell all runs with their jobs and logs, for a person whose test failed."""
    return "\n".join(
        f"== {repository.full_name} {run.workflow} #{run.number} {run.event} {run.head_branch} {run.status} "
        f"{run.conclusion} {[(job.name, job.conclusion) for job in run.jobs]}\n{run.log}"
        for repository in github.repositories.values()
        for run in reversed(repository.runs)
    )
