"""Workflows, their runs and jobs, and the checks that come of them."""

from typing import Any

from .. import git
from ..call import Call
from ..runs import Run
from ..wire import RefusedError, Response, UnmodelledError, json_response, route
from ..workflows import workflows as files_of

ACTIONS = "/repos/{owner}/{repo}/actions"


def _workflows(call: Call) -> dict[str, tuple[int, str]]:
    """Find the workflows GitHub would list: those of the default branch, and those that ran."""
    repository = call.repository
    found = {run.workflow: run.workflow_name for run in repository.runs}
    if repository.default_branch in call.github.branches(repository):
        found |= {each.path: each.name for each in files_of(repository, repository.default_branch)}
    return {path: (call.github.workflow_id(repository, path), name) for path, name in found.items()}


def _workflow(call: Call, path: str, workflow_id: int, name: str) -> dict[str, Any]:
    web = f"{call.site.web}/{call.repository.full_name}"
    return {
        "id": workflow_id,
        "node_id": f"W_{workflow_id}",
        "name": name,
        "path": path,
        "state": "active",
        "url": f"{call.url}/actions/workflows/{workflow_id}",
        "html_url": f"{web}/blob/{call.repository.default_branch}/{path}",
        "badge_url": f"{web}/workflows/{name}/badge.svg",
        "created_at": call.repository.created_at,
        "updated_at": call.repository.created_at,
    }


def _find_workflow(call: Call, wanted: str) -> tuple[str, int, str]:
    for path, (number, name) in _workflows(call).items():
        if wanted in {str(number), path.rpartition("/")[2]}:
            return path, number, name
    raise RefusedError(404, "Not Found")


@route("GET", ACTIONS + "/workflows", "actions:read")
def workflows(call: Call) -> Response:
    return call.page([_workflow(call, path, *found) for path, found in _workflows(call).items()], "workflows")


@route("GET", ACTIONS + "/workflows/{workflow_id}", "actions:read")
def workflow(call: Call, workflow_id: str) -> Response:
    return json_response(200, _workflow(call, *_find_workflow(call, workflow_id)))


@route("POST", ACTIONS + "/workflows/{workflow_id}/dispatches", "actions:write")
def dispatch(call: Call, workflow_id: str) -> Response:
    path, _, _ = _find_workflow(call, workflow_id)
    sent = call.sent
    started = call.github.triggers.dispatch(call.repository, call.token, path, sent["ref"], sent.get("inputs") or {})
    if not (call.site.is_cloud and sent.get("return_run_details")):
        return Response(204)
    shown = run_json(call, started)
    details = {"workflow_run_id": started.id, "run_url": shown["url"], "html_url": shown["html_url"]}
    return json_response(200, details)


def run_json(call: Call, run: Run) -> dict[str, Any]:
    url = f"{call.url}/actions/runs/{run.id}"
    workflow_id = call.github.workflow_id(call.repository, run.workflow)
    commit = git.commits(call.repository.git, run.head_sha, "-1")[0]
    repository = call.site.minimal_repository(call.repository)
    actor = call.github.accounts.get(run.actor.lower(), call.repository.owner)
    again = call.github.accounts.get(run.triggered_by.lower(), actor)
    return {
        "id": run.id,
        "name": run.workflow_name,
        "node_id": f"WFR_{run.id}",
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
        "path": run.workflow,
        "display_title": run.title,
        "run_number": run.number,
        "run_attempt": run.attempt,
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion,
        "workflow_id": workflow_id,
        "check_suite_id": run.id,
        "check_suite_node_id": f"CS_{run.id}",
        "url": url,
        "html_url": f"{call.site.web}/{call.repository.full_name}/actions/runs/{run.id}",
        "pull_requests": [],
        "created_at": run.created_at,
        "updated_at": run.updated_at or run.created_at,
        "run_started_at": run.began_at or run.created_at,
        "actor": call.site.user(actor),
        "triggering_actor": call.site.user(again),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{call.url}/check-suites/{run.id}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": f"{url}/attempts/{run.attempt - 1}" if run.attempt > 1 else None,
        "workflow_url": f"{call.url}/actions/workflows/{workflow_id}",
        "head_commit": {
            "id": commit.sha,
            "tree_id": commit.tree,
            "message": commit.message,
            "timestamp": commit.committer[2],
            "author": dict(zip(("name", "email"), commit.author[:2], strict=True)),
            "committer": dict(zip(("name", "email"), commit.committer[:2], strict=True)),
        },
        "repository": repository,
        "head_repository": repository,
    }


def _filtered(call: Call, runs: list[Run]) -> Response:
    query = dict(call.request.query)
    for ignored in ("page", "per_page", "exclude_pull_requests"):
        query.pop(ignored, None)
    filters = {"head_sha": "head_sha", "event": "event", "branch": "head_branch", "actor": "actor"}
    if unknown := query.keys() - filters.keys() - {"status"}:
        raise UnmodelledError(f"runs by {sorted(unknown)}")
    for name, attribute in filters.items():
        runs = [each for each in runs if query.get(name) in {None, getattr(each, attribute)}]
    runs = [each for each in runs if query.get("status") in {None, each.status, each.conclusion}]
    return call.page([run_json(call, each) for each in runs], "workflow_runs")


@route("GET", ACTIONS + "/workflows/{workflow_id}/runs", "actions:read")
def runs_of_workflow(call: Call, workflow_id: str) -> Response:
    path, _, _ = _find_workflow(call, workflow_id)
    return _filtered(call, [each for each in call.repository.runs if each.workflow == path])


@route("GET", ACTIONS + "/runs", "actions:read")
def runs(call: Call) -> Response:
    return _filtered(call, call.repository.runs)


def find_run(call: Call, run_id: str) -> Run:
    for each in call.repository.runs:
        if each.id == int(run_id):
            return each
    raise RefusedError(404, "Not Found")


@route("GET", ACTIONS + "/runs/{run_id}", "actions:read")
def run(call: Call, run_id: str) -> Response:
    return json_response(200, run_json(call, find_run(call, run_id)))


@route("POST", ACTIONS + "/runs/{run_id}/cancel", "actions:write")
def cancel(call: Call, run_id: str) -> Response:
    found = find_run(call, run_id)
    if found.status == "completed":
        raise RefusedError(409, "Cannot cancel a workflow run that is completed.")
    call.github.runner.cancel(found)
    return json_response(202, {})


def _rerun(call: Call, run_id: str, *, failed: bool) -> Response:
    if call.sent and call.sent.get("enable_debug_logging"):
        raise UnmodelledError("a run again with debug logging")
    call.github.runner.rerun(call.repository, find_run(call, run_id), call.token.owner.login, failed=failed)
    return json_response(201, {})


@route("POST", ACTIONS + "/runs/{run_id}/rerun", "actions:write")
def rerun(call: Call, run_id: str) -> Response:
    return _rerun(call, run_id, failed=False)


@route("POST", ACTIONS + "/runs/{run_id}/rerun-failed-jobs", "actions:write")
def rerun_failed_jobs(call: Call, run_id: str) -> Response:
    return _rerun(call, run_id, failed=True)


@route("GET", ACTIONS + "/runs/{run_id}/artifacts", "actions:read")
def artifacts(call: Call, run_id: str) -> Response:
    find_run(call, run_id)
    return call.page([], "artifacts")  # act has no artifact server here: an upload would have failed
