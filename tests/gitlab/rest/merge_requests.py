"""Merge requests (doc/api/merge_requests.md)."""

from tests.github.wire import Response

from ..call import Call
from ..model import DEVELOPER, REPORTER, MergeRequest
from ..wire import answered, missing, route

REQUESTS = "/projects/{id}/merge_requests"


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


@route(
    "GET", REQUESTS, level=REPORTER,
    takes={"state": "opened|closed|locked|merged|all", "source_branch": "string", "target_branch": "string"},
)  # fmt: skip
def requests(call: Call) -> Response:
    query = call.request.query
    merging = call.gitlab.merging
    kept = [
        each
        for each in reversed(call.project.merge_requests.values())
        if query.get("state", "all") in {"all", each.state} and query.get("source_branch") in {None, each.source}
    ]
    return call.page(
        [call.site.merge_request(call.project, each, merging.status(call.project, each), None) for each in kept]
    )


@route("GET", REQUESTS + "/{iid}", level=REPORTER)
def request(call: Call, iid: str) -> Response:
    return _shown(call, 200, _found(call, iid))


@route(
    "POST", REQUESTS, level=DEVELOPER,
    takes={
        "source_branch": "string!", "target_branch": "string!", "title": "string!", "description": "string",
        "squash": "boolean", "remove_source_branch": "boolean",
    },
)  # fmt: skip
def propose(call: Call) -> Response:
    return _shown(call, 201, call.gitlab.merging.propose(call.project, call.token.user, call.sent))


@route(
    "PUT", REQUESTS + "/{iid}/merge", level=DEVELOPER,
    takes={
        "sha": "string", "squash": "boolean", "auto_merge": "boolean", "merge_when_pipeline_succeeds": "boolean",
        "should_remove_source_branch": "boolean", "squash_commit_message": "string", "merge_commit_message": "string",
    },
)  # fmt: skip
def merge(call: Call, iid: str) -> Response:
    request = _found(call, iid)
    call.gitlab.merging.merge(call.project, request, call.token, call.sent)
    return _shown(call, 200, request)
