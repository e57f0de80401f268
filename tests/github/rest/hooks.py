"""Webhooks of a repository: for its administrators only, their secrets for nobody."""

from typing import Any
from urllib.parse import urlsplit

from ..call import Call, found
from ..calling import shown
from ..webhooks import Delivery, Hook
from ..wire import RefusedError, Response, UnmodelledError, json_response, route

HOOKS = "/repos/{owner}/{repo}/hooks"
LIMIT = 20
"""Hooks of a repository for one event, at github.com."""


def _invalid(message: str) -> RefusedError:
    errors = [{"resource": "Hook", "code": "custom", "message": message}]
    return RefusedError(422, "Validation Failed", errors)


def _check(call: Call, sent: dict[str, Any]) -> None:
    config, events = sent.get("config", {}), sent.get("events", ["push"])
    if "config" not in sent or config.get("content_type") != "json" or str(config.get("insecure_ssl", "0")) != "0":
        raise UnmodelledError("a hook that is not sent JSON, or sent it without a look at the certificate")
    if events != ["push"] or sent.get("name", "web") != "web" or sent.keys() & {"add_events", "remove_events"}:
        raise UnmodelledError(f"a hook that listens to {events}")
    url = urlsplit(config.get("url", ""))
    if url.hostname in ("localhost", "127.0.0.1") and call.site.is_cloud:
        raise _invalid("url is not supported because it isn't reachable over the public Internet (localhost)")
    if url.scheme != "https" or not url.hostname:
        raise UnmodelledError(f"a hook that is called at {config.get('url')}")
    there = call.repository.hooks.values()
    if any(hook.url == config["url"] for hook in there):
        raise _invalid("Hook already exists on this repository")
    if len(there) >= LIMIT:
        raise _invalid(f'The "push" event cannot have more than {LIMIT} hooks')


@route("GET", HOOKS, "webhooks:read")
def hooks(call: Call) -> Response:
    return call.page([shown(call.site, call.repository, each) for each in call.repository.hooks.values()])


@route("POST", HOOKS, "webhooks:write")
def create(call: Call) -> Response:
    sent = call.sent
    _check(call, sent)
    hook = Hook(sent["config"]["url"], sent["config"].get("secret", ""), sent.get("events", ["push"]), active=True)
    hook.active = sent.get("active", True)
    call.repository.hooks[hook.id] = hook
    made = json_response(201, shown(call.site, call.repository, hook))
    call.github.webhooks.ping(call.repository, call.token.owner, hook)
    return made


@route("DELETE", HOOKS + "/{hook_id}", "webhooks:write")
def delete(call: Call, hook_id: str) -> Response:
    del call.repository.hooks[found(call.repository.hooks, int(hook_id)).id]
    return Response(204)


@route("GET", HOOKS + "/{hook_id}/deliveries", "webhooks:read")
def deliveries(call: Call, hook_id: str) -> Response:
    hook, query = found(call.repository.hooks, int(hook_id)), call.request.query
    if query.keys() - {"per_page"}:
        raise UnmodelledError(f"deliveries by {sorted(query)}")
    newest = list(reversed(hook.deliveries))[: int(query.get("per_page", 30))]
    return json_response(200, [_delivery(call, each) for each in newest])


def _delivery(call: Call, each: Delivery) -> dict[str, Any]:
    return {
        "id": each.id,
        "guid": each.guid,
        "delivered_at": each.delivered_at,
        "redelivery": False,
        "duration": each.duration,
        "status": each.status,
        "status_code": each.code,
        "event": each.event,
        "action": None,
        "installation_id": None,
        "repository_id": call.repository.id,
        "throttled_at": None,
    }
