"""What CircleCI keeps of projects and pipelines, and how its API shows them."""

import datetime
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.ci_runner.machine import Job
from tests.ci_runner.service import message_of
from tests.github.git import git
from tests.github.model import Repository
from tests.github.reported import Report, State

from .runner import Ran


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Pipeline:
    number: int
    revision: str
    branch: str
    trigger: str
    action: str = "deploy"
    created: str = field(default_factory=now)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = "pending"
    errors: list[dict[str, str]] = field(default_factory=list)
    workflows: list[Ran] = field(default_factory=list)


@dataclass
class Project:
    repository: Repository
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    variables: dict[str, str] = field(default_factory=dict)
    pipelines: list[Pipeline] = field(default_factory=list)


def skips(repository: Repository, revision: str) -> bool:
    message = message_of(lambda *words: git(repository.git, *words), revision)
    title, _, body = message.partition("\n\n")
    return any(mark in part[:250] for mark in ("[skip ci]", "[ci skip]") for part in (title, body))


def status(repository: Repository, job: Job) -> Report:
    """Return what GitHub is told of a job."""
    state: State = "pending" if not job.state else "success" if job.passed else "failure"
    return Report(f"ci/circleci: {job.name}", "status", state, f"https://circleci.com/gh/{repository.full_name}/1")


def masked(value: str) -> str:
    return "xxxx" + value[-4:] if len(value) > 4 else "xxxx"


def shown(slug: str, pipeline: Pipeline) -> dict[str, Any]:
    return {
        "id": pipeline.id,
        "errors": pipeline.errors,
        "project_slug": f"gh/{slug}",
        "updated_at": pipeline.created,
        "number": pipeline.number,
        "state": pipeline.state,
        "created_at": pipeline.created,
        "trigger": {
            "type": pipeline.trigger,
            "received_at": pipeline.created,
            "actor": {"login": "octo", "avatar_url": None},
        },
        "vcs": {
            "provider_name": "GitHub",
            "origin_repository_url": f"https://github.com/{slug}",
            "target_repository_url": f"https://github.com/{slug}",
            "revision": pipeline.revision,
            "branch": pipeline.branch,
        },
    }


def workflow(slug: str, pipeline: Pipeline, ran: Ran) -> dict[str, Any]:
    return {
        "id": ran.id,
        "name": ran.workflow.name,
        "status": {None: "running", True: "success", False: "failed"}[ran.passed],
        "created_at": pipeline.created,
        "stopped_at": None if ran.passed is None else now(),
        "pipeline_id": pipeline.id,
        "pipeline_number": pipeline.number,
        "project_slug": f"gh/{slug}",
        "started_by": str(uuid.uuid4()),
    }
