"""Webhooks and what came of their calls (doc/api/project_webhooks.md)."""

from typing import Any
from urllib.parse import urlsplit

from tests.github.wire import Response, UnmodelledError

from ..call import Call, found
from ..model import MAINTAINER
from ..webhooks import Event, Hook
from ..wire import RefusedError, answered, missing, route

HOOKS = "/projects/{id}/hooks"
READS = "url token push_events push_events_branch_filter enable_ssl_verification"


def _check(sent: dict[str, Any]) -> None:
    url = urlsplit(sent["url"])
    if url.hostname in ("localhost", "127.0.0.1"):  # nor any other address of its own network, unless it may
        raise RefusedError(422, "", error="Invalid url given")
    if url.scheme != "https" or not url.hostname or sent.get("push_events_branch_filter"):
        raise UnmodelledError(f"a hook that is called at {sent['url']} for some branches")
    if sent.get("enable_ssl_verification") is False:
        raise UnmodelledError("a hook that is called without a look at the certificate")


def _shown(call: Call, hook: Hook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "url": hook.url,
        "project_id": call.project.id,
        "created_at": hook.created_at,
        "push_events": hook.push_events,
        "push_events_branch_filter": hook.push_events_branch_filter or None,
        "branch_filter_strategy": "wildcard",
        "tag_push_events": False,
        "enable_ssl_verification": hook.enable_ssl_verification,
        "alert_status": hook.alert_status,
        "disabled_until": None,
        "url_variables": [],
        "custom_headers": [],
    }


@route("GET", HOOKS, level=MAINTAINER)
def hooks(call: Call) -> Response:
    return call.page([_shown(call, each) for each in call.project.hooks.values()])


@route("POST", HOOKS, level=MAINTAINER, reads=READS)
def create(call: Call) -> Response:
    _check(call.sent)
    hook = Hook(**{"token": "", **call.sent})
    call.project.hooks[hook.id] = hook
    return answered(201, _shown(call, hook))


@route("DELETE", HOOKS + "/{hook_id}", level=MAINTAINER)
def delete(call: Call, hook_id: str) -> Response:
    del call.project.hooks[found(call.project.hooks, int(hook_id)).id]
    return Response(204)


@route("GET", HOOKS + "/{hook_id}/events", level=MAINTAINER)
def events(call: Call, hook_id: str) -> Response:
    if call.gitlab.numbers < (17, 3):
        raise missing("")
    newest = reversed(found(call.project.hooks, int(hook_id)).events)
    return call.page([_event(each) for each in newest])


def _event(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "url": event.url,
        "trigger": "push_hooks",
        "request_headers": {"Content-Type": "application/json", "X-Gitlab-Event": "Push Hook"},
        "request_data": event.sent,
        "response_headers": {},
        "response_body": event.said,
        "execution_duration": event.duration,
        "response_status": event.status,
    }
