"""Pipelines and their jobs, as GitLab shows them."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.github.model import number

if TYPE_CHECKING:
    from .model import MergeRequest, User

OVER = ("success", "failed", "canceled", "skipped")


@dataclass(eq=False)
class Job:
    """One job of a pipeline; `manual` waits for somebody who plays it."""

    name: str
    stage: str
    status: str  # created, manual, pending, running, success, failed, canceled, skipped
    needs: list[str] | None  # None: all jobs of the stages before
    allow_failure: bool
    created_at: str
    log_file: Path
    variables: dict[str, str] = field(default_factory=dict)  # given by who played it
    user: "User | None" = None
    started_at: str | None = None
    finished_at: str | None = None
    process: "subprocess.Popen[bytes] | None" = None
    secret: str = field(default="", repr=False)  # its job token
    id: int = field(default_factory=number)

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""


@dataclass(eq=False)
class Pipeline:
    iid: int
    ref: str
    sha: str
    source: str  # push, merge_request_event, web, api
    user: "User"
    folder: Path
    created_at: str
    before_sha: str
    variables: dict[str, str] = field(default_factory=dict)
    merge_request: "MergeRequest | None" = None
    jobs: list[Job] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    yaml_errors: str | None = None
    interruptible: bool = False
    updated_at: str = ""
    id: int = field(default_factory=number)

    @property
    def status(self) -> str:
        """Derive it from the jobs, as GitLab does for the states that occur here."""
        if self.yaml_errors:
            return "failed"
        passed_over = ("manual", "failed", "canceled")
        states = {job.status for job in self.jobs if not (job.allow_failure and job.status in passed_over)}
        waits = states & {"created", "pending"}
        if "running" in states or (waits and states & {"success", "failed", "skipped", "canceled"}):
            return "running"
        order = ("pending", "created", "manual", "canceled", "failed", "success", "skipped")
        return next((state for state in order if state in states), "success")

    @property
    def over(self) -> bool:
        return self.status in OVER

    def job(self, name: str) -> Job:
        """Return the newest job of a name."""
        return next(job for job in reversed(self.jobs) if job.name == name)

    def results(self) -> dict[str, str]:
        return {job.name: job.status for job in self.jobs}


def as_variables(values: list[dict[str, Any]]) -> dict[str, str]:
    """Read the list in which the API takes variables."""
    return {each["key"]: str(each["value"]) for each in values}
