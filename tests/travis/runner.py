"""A build of Travis CI, with the variables, the checkout and the shell that its documentation tells of."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.ci_runner.machine import Job, Place, clone, in_order, run

from .config import Build, Task, build


@dataclass(frozen=True)
class Event:
    """What started a build: `push`, `pull_request` or `api`; `range` is empty for the first push of a branch."""

    type: str
    branch: str
    revision: str
    range: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    ref: str = ""
    """Where the commit is, if on no branch: a pull request's merge."""


@dataclass
class Ran:
    """One build that ran, or does."""

    event: Event
    build: Build
    jobs: dict[str, Job]
    passed: bool | None = None


def config_of(place: Place, revision: str) -> str | None:
    """Return the file at a commit; None where there is none."""
    command = ["git", "-C", str(place.git), "show", f"{revision}:.travis.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def plan(place: Place, event: Event) -> Ran | None:
    """Return the build of an event, not begun; None where the file wants none."""
    text = config_of(place, event.revision)
    assert text is not None, f"no .travis.yml at {event.revision}"
    found = build(text, event.type, event.branch, event.config, place.variables)
    return found and Ran(event, found, {task.name: Job(task.name) for task in found.tasks})


def carry_out(place: Place, ran: Ran, number: int) -> bool:
    """Run the stages one after another, the jobs of one at the same time."""
    tasks = {task.name: task for task in ran.build.tasks}
    stages = ran.build.stages
    needs = {
        name: [t.name for t in ran.build.tasks if stages.index(t.stage) < stages.index(task.stage)]
        for name, task in tasks.items()
    }

    def do(name: str) -> bool:
        _job(place, tasks[name], ran, place.folder / f"travis-{number}" / name)
        return ran.jobs[name].passed

    def cancelled(name: str) -> None:
        ran.jobs[name].state = "canceled"

    ran.passed = in_order(needs, do, cancelled)
    return ran.passed


def _job(place: Place, task: Task, ran: Ran, home: Path) -> None:
    event, job = ran.event, ran.jobs[task.name]
    project = home / "build" / place.slug
    project.parent.mkdir(parents=True)
    address = f"git@{place.host}:{place.slug}.git" if place.private else f"https://{place.host}/{place.slug}.git"
    branch = "--no-single-branch" if event.type == "pull_request" else f"--branch={event.branch}"
    clone(place, project, home, event.revision, address, "--depth=50", branch, ref=event.ref)
    env = {
        **place.env,
        "HOME": str(home),
        "TRAVIS": "true",
        "TRAVIS_BRANCH": event.branch,
        "TRAVIS_BUILD_DIR": str(project),
        "TRAVIS_BUILD_STAGE_NAME": task.stage.capitalize(),
        "TRAVIS_COMMIT": event.revision,
        "TRAVIS_COMMIT_RANGE": event.range,
        "TRAVIS_EVENT_TYPE": event.type,
        "TRAVIS_JOB_NAME": task.name,
        "TRAVIS_JOB_WEB_URL": f"https://app.travis-ci.com/{place.slug}/jobs/1",
        "TRAVIS_PULL_REQUEST": "1" if event.type == "pull_request" else "false",
        "TRAVIS_REPO_SLUG": place.slug,
        **place.variables,
    }
    job.state = "started"
    exports = "".join(f"export {line}\n" for line in ran.build.env)
    code = run(job, ["bash", "-c", f"{exports}{task.script}"], project, env)
    job.state = "success" if code == 0 else "failed"
