"""What people set at a commit manually: statuses, which whoever may write can set; checks are for Apps alone."""

from typing import Literal

from .. import results
from ..call import BOTS, Call
from ..clock import number
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
    url, made = f"{call.url}/statuses/{commit.sha}", number()
    body = {
        "url": url,
        "avatar_url": None,
        "id": made,
        "node_id": f"SC_{made}",
        "state": sent["state"],
        "description": sent.get("description"),
        "target_url": sent.get("target_url"),
        "context": name,
        "created_at": said.at,
        "updated_at": said.at,
        "creator": call.site.user(call.token.owner),
    }
    return json_response(201, body)


@route("POST", "/repos/{owner}/{repo}/check-runs", "checks:write")
def create_check_run(call: Call) -> Response:
    if call.token.kind in BOTS:
        raise UnmodelledError("a check run that an App makes by itself")
    raise RefusedError(403, "You must authenticate via a GitHub App.")
