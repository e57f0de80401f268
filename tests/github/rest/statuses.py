"""What is shown at a commit: statuses, which whoever may write can set; checks only Apps make."""

import json
from typing import Any, Literal

from .. import results
from ..call import BOTS, NOT_FOUND, Call
from ..reported import Report
from ..wire import RefusedError, Response, UnmodelledError, json_response, route
from .content import find_commit

STATES: dict[str, Literal["pending", "success", "failure"]] = {
    "pending": "pending", "success": "success", "failure": "failure", "error": "failure",
}  # fmt: skip


@route("POST", "/repos/{owner}/{repo}/statuses/{sha}", "statuses:write")
def set_status(call: Call, sha: str) -> Response:
    if call.token.kind in BOTS:
        raise UnmodelledError("a status that an App sets, Actions among them: it counts as that App's")
    sent, commit = call.sent, find_commit(call, sha)
    name = sent.get("context", "default")
    said = Report(name, "status", STATES[sent["state"]], sent.get("target_url") or "", app="")
    results.report(call.github, call.repository, commit.sha, said)
    body = {**_status(call, commit.sha, said), "description": sent.get("description"), "state": sent["state"]}
    return json_response(201, {**body, "creator": call.site.user(call.token.owner)})


def _status(call: Call, sha: str, said: Report) -> dict[str, Any]:
    return {
        "url": f"{call.url}/statuses/{sha}",
        "avatar_url": None,
        "id": said.id,
        "node_id": f"SC_{said.id}",
        "state": said.state,
        "description": None,
        "target_url": said.url or None,
        "context": said.name,
        "created_at": said.at,
        "updated_at": said.at,
    }


@route("GET", "/repos/{owner}/{repo}/commits/{ref}/status", "statuses:read")
def combined_status(call: Call, ref: str) -> Response:
    """Answer the newest status of each context, and what they come to."""
    try:
        sha = find_commit(call, ref).sha
    except RefusedError:
        raise RefusedError(404, NOT_FOUND) from None
    said = [each for each in call.repository.reports.get(sha, {}).values() if each.kind == "status"]
    states = {each.state for each in said}
    state = "failure" if "failure" in states else "success" if states == {"success"} else "pending"
    page = call.page([_status(call, sha, each) for each in said], "statuses")
    url = f"{call.url}/commits/{sha}"
    body = {
        **json.loads(page.body),
        "state": state,
        "sha": sha,
        "repository": call.site.minimal_repository(call.repository),
        "commit_url": url,
        "url": f"{url}/status",
    }
    return json_response(200, body, page.headers)


@route("POST", "/repos/{owner}/{repo}/check-runs", "checks:write")
def create_check_run(call: Call) -> Response:
    if call.token.kind in BOTS:
        raise UnmodelledError("a check run that an App makes by itself")
    raise RefusedError(403, "You must authenticate via a GitHub App.")
