"""What CircleCI keeps of projects and pipelines, and how its API shows them."""

import datetime
import uuid
from dataclasses import dataclass, field

from tests.ci_runner.machine import Job
from tests.ci_runner.service import message_of
from tests.github.git import git
from tests.github.model import Repository
from tests.github.reported import Report, State


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


def status(repository: Repository, pipeline: Pipeline, job: Job) -> Report:
    """Return what GitHub is told of a job."""
    state: State = "pending" if not job.state else "success" if job.passed else "failure"
    return _report(repository, pipeline, job.name, state)


def unreadable(repository: Repository, pipeline: Pipeline) -> Report:
    """Return what GitHub is told of a file that CircleCI cannot read: of no job, since there is none."""
    return _report(repository, pipeline, "Build Error", "failure")


def _report(repository: Repository, pipeline: Pipeline, name: str, state: State) -> Report:
    url = f"https://circleci.com/gh/{repository.full_name}/{pipeline.number}"
    return Report(f"ci/circleci: {name}", "status", state, url)


def masked(value: str) -> str:
    return "xxxx" + value[-4:] if len(value) > 4 else "xxxx"
