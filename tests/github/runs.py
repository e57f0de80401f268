"""Workflow runs and their jobs, as GitHub shows them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Job:
    key: str  # as in the workflow file
    name: str
    id: int
    created_at: str
    labels: list[str] = field(default_factory=list)
    status: str = "queued"
    conclusion: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    log: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    unmatched: bool = False  # no runner has its label
    attempt: int = 1  # of the run, in which it ran
    environment: str = ""
    refused: str = ""  # why its environment does not let it in: it ends before it begins
    deployment: int | None = None  # the one that GitHub made of it
    cancelled: bool = False  # it was not over when its run was cancelled


@dataclass(eq=False)
class Run:
    id: int
    number: int
    workflow: str  # path of its file
    workflow_name: str
    event: str
    payload: dict[str, Any]
    head_branch: str
    head_sha: str  # what its check runs belong to
    sha: str  # what it checks out
    ref: str
    actor: str
    created_at: str
    title: str
    log_file: Path
    jobs: list[Job] = field(default_factory=list)
    status: str = "queued"
    conclusion: str | None = None
    updated_at: str = ""
    group: str | None = None  # of concurrency
    attempt: int = 1  # 2 and more where it was run again
    earlier: list[Job] = field(default_factory=list)  # the jobs of the attempts before
    triggered_by: str = ""  # who ran it again
    began_at: str = ""  # this attempt
    stuck: bool = False  # a job waits for a runner that is not there: queued for ever

    @property
    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""
