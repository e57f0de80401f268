"""A pipeline of CircleCI, with the variables, the checkout and the shell that its documentation tells of."""

import shutil
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.ci_runner.machine import Job, Place, clone, in_order, run

from .config import Step, Task, Workflow, workflows

SHELL = ("bash", "-eo", "pipefail", "-c")


@dataclass
class Ran:
    """One workflow that ran, or does."""

    workflow: Workflow
    jobs: dict[str, Job]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    passed: bool | None = None


def config_of(place: Place, revision: str) -> str | None:
    """Return the file at a commit; None where there is none."""
    command = ["git", "-C", str(place.git), "show", f"{revision}:.circleci/config.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def plan(place: Place, revision: str, branch: str, parameters: Mapping[str, Any]) -> list[Ran]:
    """Return the workflows that a pipeline has, none of them begun."""
    text = config_of(place, revision)
    assert text is not None, f"no .circleci/config.yml at {revision}"
    found = workflows(text, branch, parameters)
    return [Ran(each, {task.name: Job(task.name) for task in each.tasks}) for each in found]


def carry_out(place: Place, ran: Ran, revision: str, branch: str) -> bool:
    """Run a workflow's jobs; those whose needs did not pass are not run."""
    home = place.folder / f"circleci-{ran.id}"
    tasks = {task.name: task for task in ran.workflow.tasks}

    def do(name: str) -> bool:
        _job(place, tasks[name], ran.jobs[name], home, revision, branch)
        return ran.jobs[name].passed

    def cancelled(name: str) -> None:
        ran.jobs[name].state = "not_run"

    ran.passed = in_order({name: task.requires for name, task in tasks.items()}, do, cancelled)
    return ran.passed


def _job(place: Place, task: Task, job: Job, folder: Path, revision: str, branch: str) -> None:
    home = folder / task.name
    project = home / "project"
    project.mkdir(parents=True)
    owner, _, name = place.slug.partition("/")
    env = {
        **place.env,
        "HOME": str(home),
        "CIRCLECI": "true",
        "CIRCLE_BRANCH": branch,
        "CIRCLE_BUILD_URL": f"https://circleci.com/gh/{place.slug}/1",
        "CIRCLE_JOB": task.name,
        "CIRCLE_PROJECT_USERNAME": owner,
        "CIRCLE_PROJECT_REPONAME": name,
        "CIRCLE_REPOSITORY_URL": f"git@{place.host}:{place.slug}.git",
        "CIRCLE_SHA1": revision,
        "CIRCLE_USERNAME": "octo",
        **place.variables,
        **task.environment,
    }
    job.state = "running"
    passed = all(_step(place, step, job, project, folder / "workspace", env, revision) for step in task.steps)
    job.state = "success" if passed else "failed"


def _step(
    place: Place, step: Step, job: Job, project: Path, workspace: Path, env: Mapping[str, str], revision: str
) -> bool:
    given = step.given
    if step.kind == "checkout":
        # over ssh, with a key that only reads; and whoever asks for https gets ssh
        clone(place, project, Path(env["HOME"]), revision, f"git@{place.host}:{place.slug}.git")
        (Path(env["HOME"]) / ".gitconfig").write_text(
            f'[url "ssh://git@{place.host}"]\n\tinsteadOf = https://{place.host}\n'
        )
    elif step.kind == "run":
        return run(job, [*SHELL, given["command"]], project, env) == 0
    elif step.kind == "persist_to_workspace":
        for path in given["paths"]:
            workspace.mkdir(exist_ok=True)
            shutil.copy(project / given["root"] / path, workspace / path)
    else:
        shutil.copytree(workspace, project / given["at"], dirs_exist_ok=True)
    return True
