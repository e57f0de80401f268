"""Runs of the project's workflows, as GitHub shows them."""

from collections.abc import Callable
from typing import Any

from . import shell
from .credentials import Credentials
from .errors import DeadlinePassed, InstallerError
from .github import GitHub
from .secret import redact
from .settings import CLOUD, MAIN, OF_CLOUD
from .wait import until

DELIVER = "deliver.yml"
ROLLBACK = "rollback.yml"
ACTIVE = ("queued", "in_progress", "waiting", "requested", "pending")
_PATIENCE = 60.0
"""Seconds in which a run that was asked for must show up."""


def newest(github: GitHub, branch: str, workflow: str = DELIVER) -> dict[str, Any] | None:
    """Return the newest run of a workflow on a branch, or None."""
    found = github.get(github.path("actions/workflows", workflow, "runs"), branch=branch, per_page=1)
    runs = found["workflow_runs"] if found else []
    return runs[0] if runs else None


def number(run: dict[str, Any] | None) -> int:
    """Return a run's number, which grows from run to run; 0 where there is none."""
    return run["id"] if run else 0


def start(github: GitHub, workflow: str, inputs: dict[str, str]) -> int:
    """Dispatch a workflow on main and return the run's number."""
    before = number(newest(github, MAIN, workflow))
    body: dict[str, Any] = {"ref": MAIN, "inputs": inputs}
    if github.host == CLOUD or github.host.endswith(OF_CLOUD):
        body["return_run_details"] = True  # an Enterprise Server does not know it yet
    answer = github.call("POST", github.path("actions/workflows", workflow, "dispatches"), body)
    return answer["workflow_run_id"] if answer else after(github, workflow, before)


def after(github: GitHub, workflow: str, before: int) -> int:
    """Wait for a run that is newer than another to show up, and return its number."""

    def look() -> int:
        found = number(newest(github, MAIN, workflow))
        return found if found > before else 0

    found = until(look, _PATIENCE, every=1.0)
    if not found:
        raise DeadlinePassed(f"A run of {workflow}", _PATIENCE, "none showed up", "Is it there, and are Actions on?")
    return found


def follow(
    github: GitHub, credentials: Credentials, run: int, workflow: str, seconds: float, say: Callable[[str], None]
) -> dict[str, Any]:
    """Wait until a run is over; one that is not green ends it with the last lines of its log."""
    path = github.path("actions/runs", str(run))
    last = ""

    def look() -> dict[str, Any] | None:
        nonlocal last
        found: dict[str, Any] = github.call("GET", path)
        last = in_words(found, workflow)
        say(last)
        return found if found["status"] == "completed" else None

    found = until(look, seconds, every=2.0)
    if found is None:
        raise DeadlinePassed(
            f"The run {run} of {workflow}", seconds, last, f"gh run view {run} --repo {github.repository}"
        )
    if found["conclusion"] != "success":
        logs = failing_logs(github, credentials, found)
        raise InstallerError(f"{last}: {found['html_url']}\n{logs}", "Mend what it names, then run this again.")
    return found


def in_words(run: dict[str, Any] | None, workflow: str = DELIVER) -> str:
    """Say where a run stands."""
    if run is None:
        return f"{workflow}: no run yet"
    return f"{workflow}: run {run['id']} {(run['conclusion'] or run['status']).replace('_', ' ')}"


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
