"""Runs of the delivery workflow, as GitHub shows them."""

from typing import Any

from . import shell
from .credentials import Credentials
from .github import GitHub
from .secret import redact

DELIVER = "deliver.yml"
ACTIVE = ("queued", "in_progress", "waiting", "requested", "pending")


def newest(github: GitHub, branch: str) -> dict[str, Any] | None:
    """Return the newest delivery run of a branch, or None."""
    found = github.get(github.path("actions/workflows", DELIVER, "runs"), branch=branch, per_page=1)
    runs = found["workflow_runs"] if found else []
    return runs[0] if runs else None


def in_words(run: dict[str, Any] | None) -> str:
    """Say where a run stands."""
    if run is None:
        return f"{DELIVER}: no run yet"
    return f"{DELIVER}: run {run['id']} {(run['conclusion'] or run['status']).replace('_', ' ')}"


def failing_logs(github: GitHub, credentials: Credentials, run: dict[str, Any], lines: int = 15) -> str:
    """Return the last lines of the logs of the jobs that failed."""
    told = []
    for job in github.pages(github.path("actions/runs", str(run["id"]), "jobs"), "jobs"):
        if job["conclusion"] in ("success", "skipped", None):
            continue
        path = github.path("actions/jobs", str(job["id"]), "logs")
        answer = shell.attempt("gh", "api", path, env=credentials.environment)  # it follows to the log's own host
        end = redact(answer.out).splitlines()[-lines:]
        told.append("\n".join([f"job {job['name']}:", *(f"    {line}" for line in end)]))
    return "\n".join(told)
