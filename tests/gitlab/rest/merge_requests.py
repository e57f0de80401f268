"""Merge requests (doc/api/merge_requests.md)."""

from tests.github.wire import Response

from ..call import Call
from ..model import DEVELOPER, REPORTER, MergeRequest
from ..wire import answered, missing, route

REQUESTS = "/projects/{id}/merge_requests"
ONE = REQUESTS + "/{merge_request_iid}"

CHANGED = {
    "title": {"type": "string"},
    "description": {"type": "string"},
    "state_event": {"type": "string", "enum": ["close", "reopen"]},
}
"""What GitLab's OpenAPI document lacks of a change of a merge request: its page, "Update merge request", has it."""


def _found(call: Call, iid: str) -> MergeRequest:
    found = call.project.merge_requests.get(int(iid))
    if found is None:
        raise missing("Merge Request")
    return found


def _shown(call: Call, status: int, request: MergeRequest) -> Response:
    merging = call.gitlab.merging
    head = merging.head_pipeline(call.project, request)
    shown = call.site.merge_request(call.project, request, merging.status(call.project, request), head)
    return answered(status, shown)


@route("GET", REQUESTS, level=REPORTER, reads="state source_branch")
def requests(call: Call) -> Response:
    query = call.request.query
    merging = call.gitlab.merging
    kept = [
        each
        for each in reversed(call.project.merge_requests.values())
        if query.get("state", "all") in {"all", each.state} and query.get("source_branch") in {None, each.source}
    ]
    shown = [call.site.merge_request(call.project, each, merging.status(call.project, each), None) for each in kept]
    return call.page([{name: value for name, value in each.items() if name != "head_pipeline"} for each in shown])


@route("GET", ONE, level=REPORTER)
def request(call: Call, merge_request_iid: str) -> Response:
    return _shown(call, 200, _found(call, merge_request_iid))


@route(
    "POST",
    REQUESTS,
    level=DEVELOPER,
    reads="source_branch target_branch title description squash remove_source_branch",
)
def propose(call: Call) -> Response:
    return _shown(call, 201, call.gitlab.merging.propose(call.project, call.token.user, call.sent))


@route("PUT", ONE, level=DEVELOPER, reads=" ".join(CHANGED), takes=CHANGED, page="merge_requests.md")
def change(call: Call, merge_request_iid: str) -> Response:
    request, sent = _found(call, merge_request_iid), call.sent
    request.title = sent.get("title", request.title)
    request.description = sent.get("description", request.description)
    if sent.get("state_event") == "close":
        request.state = "closed"
    return _shown(call, 200, request)


@route("PUT", ONE + "/merge", level=DEVELOPER, reads="sha squash auto_merge merge_when_pipeline_succeeds")
def merge(call: Call, merge_request_iid: str) -> Response:
    request = _found(call, merge_request_iid)
    call.gitlab.merging.merge(call.project, request, call.token, call.sent)
    return _shown(call, 200, request)
