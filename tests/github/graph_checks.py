"""The checks of a pull request as GraphQL sees them."""

from typing import TYPE_CHECKING, Any

from . import results
from .model import Repository
from .pulls import PullRequest
from .reported import context
from .rules import required_checks
from .runs import Job, Run

if TYPE_CHECKING:
    from .stand_in import GitHub

Fields = dict[str, Any]
ROLLUP = {"success": "SUCCESS", "skipped": "SUCCESS", "neutral": "SUCCESS", None: "PENDING"}


def connection(nodes: list[Fields], first: int | None = None, **_: Any) -> Fields:
    shown = nodes[:first]
    more = len(shown) < len(nodes)
    page = {"hasNextPage": more, "endCursor": str(len(shown)) if shown else None}
    return {"nodes": shown, "totalCount": len(nodes), "pageInfo": page}


def base(repository: Repository, fields: Fields, pull: PullRequest) -> Fields:
    required = required_checks(repository, pull.base)
    protection = {"requiresStrictStatusChecks": False, "requiredStatusCheckContexts": required}
    return {**fields["ref"](qualifiedName=pull.base), "branchProtectionRule": protection if required else None}


def rollup(github: "GitHub", repository: Repository, pull: PullRequest) -> Fields | None:
    required = required_checks(repository, pull.base)
    runs = {job.id: run for run in repository.runs for job in run.jobs}
    named = results.checks(repository, pull.head_sha)
    jobs = [job for jobs in named.values() for job in jobs]
    reports = repository.reports.get(pull.head_sha, {}).values()
    if not (jobs or reports):
        return None
    states = {ROLLUP.get(job.conclusion, "FAILURE") for job in jobs} | {each.state.upper() for each in reports}
    state = next(each for each in ("FAILURE", "PENDING", "SUCCESS") if each in states)
    contexts = [_check(github, repository, runs[job.id], job, required) for job in jobs]
    contexts += [context(each, required.__contains__) for each in reports]
    return {
        "__typename": "StatusCheckRollup",
        "state": state,
        "contexts": lambda **paging: connection(contexts, **paging),
    }


def _check(github: "GitHub", repository: Repository, run: Run, job: Job, required: list[str]) -> Fields:
    web = f"{github.site.web}/{repository.full_name}/actions/runs/{run.id}"
    workflow = {"__typename": "Workflow", "name": run.workflow_name}
    return {
        "__typename": "CheckRun",
        "name": job.name,
        "status": "PENDING" if job.status == "pending" else job.status.upper(),
        "conclusion": job.conclusion.upper() if job.conclusion else None,
        "startedAt": job.started_at,
        "completedAt": job.completed_at,
        "detailsUrl": f"{web}/job/{job.id}",
        "title": None,
        "summary": None,
        "isRequired": lambda **_: job.name in required,
        "checkSuite": {"__typename": "CheckSuite", "workflowRun": {"event": run.event, "workflow": workflow}},
    }
