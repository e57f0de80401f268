"""Deployments: what somebody deploys to an environment, and the outcome."""

from typing import Any

from .. import git
from ..call import Call, found
from ..model import Deployment, DeploymentStatus
from ..wire import RefusedError, Response, UnmodelledError, json_response, route

DEPLOYMENTS = "/repos/{owner}/{repo}/deployments"
LONGEST = 140
"""Characters of a status's description."""


def _deployment(call: Call, each: Deployment) -> dict[str, Any]:
    url = f"{call.url}/deployments/{each.id}"
    return {
        "url": url,
        "id": each.id,
        "node_id": f"DE_{each.id}",
        "sha": each.sha,
        "ref": each.ref,
        "task": each.task,
        "payload": each.payload,
        "original_environment": each.environment,
        "environment": each.environment,
        "description": each.description,
        "creator": call.site.user(each.creator),
        "created_at": each.created_at,
        "updated_at": each.statuses[-1].created_at if each.statuses else each.created_at,
        "statuses_url": f"{url}/statuses",
        "repository_url": call.url,
        "transient_environment": each.transient,
        "production_environment": each.production,
    }


def _status(call: Call, each: Deployment, status: DeploymentStatus) -> dict[str, Any]:
    url = f"{call.url}/deployments/{each.id}"
    elsewhere = {"environment_url": status.environment_url} if status.environment_url else {}
    return {
        **elsewhere,
        "url": f"{url}/statuses/{status.id}",
        "id": status.id,
        "node_id": f"DES_{status.id}",
        "state": status.state,
        "creator": call.site.user(status.creator),
        "description": status.description,
        "environment": each.environment,
        "target_url": status.log_url,
        "log_url": status.log_url,
        "created_at": status.created_at,
        "updated_at": status.created_at,
        "deployment_url": url,
        "repository_url": call.url,
    }


@route("GET", DEPLOYMENTS, "deployments:read")
def deployments(call: Call) -> Response:
    query = call.request.query
    wanted = {name: query[name] for name in ("sha", "ref", "task", "environment") if name in query}
    newest_first = reversed(call.repository.deployments.values())
    shown = [each for each in newest_first if all(getattr(each, name) == value for name, value in wanted.items())]
    return call.page([_deployment(call, each) for each in shown])


@route("POST", DEPLOYMENTS, "deployments:write")
def create(call: Call) -> Response:
    sent = call.sent
    if sent.get("auto_merge", True) or sent.get("required_contexts") != []:
        raise UnmodelledError("a deployment that merges branches or waits for statuses")
    commits = git.commits(call.repository.git, sent["ref"], "-1")
    if not commits:
        raise RefusedError(422, f"No ref found for: {sent['ref']}")
    environment = sent.get("environment", "production")
    made = Deployment(
        sha=commits[0].sha,
        ref=sent["ref"],
        task=sent.get("task", "deploy"),
        environment=environment,
        description=sent.get("description", ""),
        payload=sent.get("payload", {}),
        transient=sent.get("transient_environment", False),
        production=sent.get("production_environment", environment == "production"),
        creator=call.token.owner,
    )
    call.repository.deployments[made.id] = made
    call.repository.environment(environment)
    return json_response(201, _deployment(call, made))


@route("GET", DEPLOYMENTS + "/{deployment_id}", "deployments:read")
def deployment(call: Call, deployment_id: str) -> Response:
    return json_response(200, _deployment(call, found(call.repository.deployments, int(deployment_id))))


@route("GET", DEPLOYMENTS + "/{deployment_id}/statuses", "deployments:read")
def statuses(call: Call, deployment_id: str) -> Response:
    each = found(call.repository.deployments, int(deployment_id))
    return call.page([_status(call, each, status) for status in reversed(each.statuses)])


@route("POST", DEPLOYMENTS + "/{deployment_id}/statuses", "deployments:write")
def create_status(call: Call, deployment_id: str) -> Response:
    each, sent = found(call.repository.deployments, int(deployment_id)), call.sent
    if unknown := sent.keys() - {"state", "description", "log_url", "environment_url", "auto_inactive"}:
        raise UnmodelledError(f"a deployment's status with {sorted(unknown)}")
    if not sent.get("log_url"):
        raise UnmodelledError("a status without log_url: GitHub answers '' then, which it describes as a URI")
    description = sent.get("description", "")
    if len(description) > LONGEST:
        errors = [{"resource": "DeploymentStatus", "code": "custom", "field": "description", "message": "is too long"}]
        raise RefusedError(422, "Validation Failed", errors)
    urls = {name: sent.get(name, "") for name in ("log_url", "environment_url")}
    status = DeploymentStatus(sent["state"], description, creator=call.token.owner, **urls)
    each.statuses.append(status)
    if status.state == "success" and sent.get("auto_inactive", True):
        _retire_those_before(call, each)
    return json_response(201, _status(call, each, status))


def _retire_those_before(call: Call, new: Deployment) -> None:
    """Add `inactive` to what succeeded before in this environment, as GitHub does of itself."""
    for each in call.repository.deployments.values():
        prior = each.id < new.id and each.environment == new.environment
        if prior and each.state == "success" and not each.transient and not each.production:
            each.statuses.append(DeploymentStatus("inactive", "", call.token.owner, each.statuses[-1].log_url))
