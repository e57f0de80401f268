"""Jobs of runs, their logs, and the checks that come of them."""

import io
import zipfile
from typing import Any

from ..apps import ACTIONS as ACTIONS_APP
from ..call import Call
from ..reported import Report
from ..runs import Job, Run
from ..wire import RefusedError, Response, UnmodelledError, json_response, route
from .actions import ACTIONS, find_run, run_json


@route("GET", ACTIONS + "/runs/{run_id}/jobs", "actions:read")
def jobs(call: Call, run_id: str) -> Response:
    """List the jobs of the newest attempt, or with `filter=all` those of all."""
    found = find_run(call, run_id)
    every = [*found.earlier, *found.jobs]
    newest = max((each.attempt for each in every), default=1)
    shown = every if call.request.query.get("filter") == "all" else [each for each in every if each.attempt == newest]
    return call.page([_job(call, found, each) for each in shown], "jobs")


def _job(call: Call, run: Run, job: Job) -> dict[str, Any]:
    shown = run_json(call, run)
    return {
        "id": job.id,
        "node_id": f"CR_{job.id}",
        "run_id": run.id,
        "run_url": shown["url"],
        "run_attempt": job.attempt,
        "head_sha": run.head_sha,
        "head_branch": run.head_branch,
        "workflow_name": run.workflow_name,
        "name": job.name,
        "url": f"{call.url}/actions/jobs/{job.id}",
        "html_url": f"{shown['html_url']}/job/{job.id}",
        "check_run_url": f"{call.url}/check-runs/{job.id}",
        "status": job.status,
        "conclusion": job.conclusion,
        "created_at": job.created_at,
        "started_at": job.started_at or job.created_at,
        "completed_at": job.completed_at,
        "labels": job.labels,
        "steps": [],
        "runner_id": None,
        "runner_name": None,
        "runner_group_id": None,
        "runner_group_name": None,
    }


def _find_job(call: Call, job_id: str) -> tuple[Run, Job]:
    for each in call.repository.runs:
        for candidate in (*each.jobs, *each.earlier):
            if candidate.id == int(job_id):
                return each, candidate
    raise RefusedError(404, "Not Found")


@route("GET", ACTIONS + "/jobs/{job_id}", "actions:read")
def job(call: Call, job_id: str) -> Response:
    return json_response(200, _job(call, *_find_job(call, job_id)))


@route("GET", ACTIONS + "/jobs/{job_id}/logs", "actions:read")
def job_log(call: Call, job_id: str) -> Response:
    _, found = _find_job(call, job_id)
    if found.status == "queued":
        raise RefusedError(404, "Not Found")
    text = "".join(f"{line}\n" for line in found.log).encode()
    return Response(302, b"", {"Location": call.github.publish(text, "text/plain; charset=utf-8")})


@route("GET", ACTIONS + "/runs/{run_id}/logs", "actions:read")
def run_log(call: Call, run_id: str) -> Response:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for index, each in enumerate(find_run(call, run_id).jobs):
            archive.writestr(f"{index}_{each.name}.txt", "".join(f"{line}\n" for line in each.log))
    return Response(302, b"", {"Location": call.github.publish(packed.getvalue(), "application/zip")})


def _check_run(call: Call, run: Run, job: Job) -> dict[str, Any]:
    shown = _job(call, run, job)
    kept = ("id", "node_id", "head_sha", "name", "html_url", "status", "conclusion", "started_at", "completed_at")
    return {
        **{name: shown[name] for name in kept},
        "url": shown["check_run_url"],
        "details_url": shown["html_url"],
        "external_id": "",
        "check_suite": {"id": run.id},
        "output": {
            "title": None,
            "summary": None,
            "text": None,
            "annotations_count": 0,
            "annotations_url": f"{shown['check_run_url']}/annotations",
        },
        "app": _app(call, ACTIONS_APP),
        "pull_requests": [],
    }


def _check_of_an_app(call: Call, sha: str, report: Report) -> dict[str, Any]:
    """Show what another App than Actions says of a commit."""
    over = report.state != "pending"
    number = report.id
    return {
        "id": number,
        "node_id": f"CR_{number}",
        "head_sha": sha,
        "name": report.name,
        "url": f"{call.url}/check-runs/{number}",
        "html_url": f"{call.site.web}/{call.repository.full_name}/runs/{number}",
        "details_url": report.url or None,
        "external_id": "",
        "status": "completed" if over else "in_progress",
        "conclusion": report.state if over else None,
        "started_at": report.at,
        "completed_at": report.at if over else None,
        "check_suite": {"id": number},
        "output": {
            **dict.fromkeys(("title", "summary", "text")),
            "annotations_count": 0,
            "annotations_url": f"{call.url}/check-runs/{number}/annotations",
        },
        "app": _app(call, report.app),
        "pull_requests": [],
    }


def _app(call: Call, slug: str) -> dict[str, Any]:
    page = f"{call.site.web}/apps/{slug}"
    app = call.github.apps.public[slug]
    return {
        "id": app.id,
        "slug": slug,
        "node_id": f"A_{app.id}",
        "owner": call.site.user(app.owner),
        "name": app.name,
        "description": app.description,
        "external_url": page,
        "html_url": page,
        "created_at": call.repository.created_at,
        "updated_at": call.repository.created_at,
        "permissions": {},
        "events": [],
    }


@route("GET", "/repos/{owner}/{repo}/commits/{ref}/check-runs", "checks:read")
def check_runs(call: Call, ref: str) -> Response:
    sha = call.github.branches(call.repository).get(ref, ref)
    if unknown := call.request.query.keys() - {"check_name", "per_page", "page"}:
        raise UnmodelledError(f"checks by {sorted(unknown)}")
    name = call.request.query.get("check_name")
    jobs = [(each, job) for each in call.repository.runs if each.head_sha == sha for job in each.jobs]
    found = [(run, job) for run, job in jobs if name in (None, job.name)]
    shown = [_check_run(call, *each) for each in found]
    of_others = [each for each in call.repository.reports.get(sha, {}).values() if each.kind == "check"]
    shown += [_check_of_an_app(call, sha, each) for each in of_others if name in (None, each.name)]
    return call.page(shown, "check_runs")


@route("GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations", "checks:read")
def annotations(call: Call, check_run_id: str) -> Response:
    _find_job(call, check_run_id)
    return call.page([])  # the stand-in does not read `::error::` out of logs
