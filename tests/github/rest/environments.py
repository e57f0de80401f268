"""Environments of a repository, the branches that they let in, and their secrets."""

from typing import Any

from ..call import Call, found
from ..environments import BranchPolicy, Environment
from ..model import now
from ..wire import RefusedError, Response, UnmodelledError, json_response, route
from .settings import show_key, store_secret

ENVIRONMENT = "/repos/{owner}/{repo}/environments/{environment_name}"
POLICIES = ENVIRONMENT + "/deployment-branch-policies"
SECRETS = ENVIRONMENT + "/secrets"
BILLING = (
    "Failed to create the environment protection rule. Please ensure the billing plan supports the branch policy "
    "protection rule."
)
"""As github.com answers (integrations/terraform-provider-github#1262, backstage/backstage#28977)."""


def _without(call: Call) -> bool:
    """Say whether the plan has no environments here: with a private repository they begin with Pro and Team."""
    return call.site.is_cloud and call.repository.private and call.repository.owner.plan == "free"


def _find(call: Call, name: str) -> Environment:
    if _without(call):
        raise UnmodelledError("what is left of environments on a plan without them")
    one: Environment = found(call.repository.environments, name.lower())
    return one


def _shown(call: Call, each: Environment) -> dict[str, Any]:
    rule = {"id": each.id, "node_id": f"GA_{each.id}", "type": "branch_policy"}
    page = f"{call.site.web}/{call.repository.full_name}/deployments/activity_log"
    return {
        "id": each.id,
        "node_id": f"EN_{each.id}",
        "name": each.name,
        "url": f"{call.url}/environments/{each.name}",
        "html_url": f"{page}?environments_filter={each.name}",
        "created_at": each.created_at,
        "updated_at": each.updated_at,
        "protection_rules": [rule] if each.policy else [],
        "deployment_branch_policy": each.policy,
    }


@route("GET", ENVIRONMENT, "actions:read")
def environment(call: Call, environment_name: str) -> Response:
    return json_response(200, _shown(call, _find(call, environment_name)))


@route("PUT", ENVIRONMENT, "administration:write")
def put_environment(call: Call, environment_name: str) -> Response:
    if unknown := call.sent.keys() - {"deployment_branch_policy"}:
        raise UnmodelledError(f"an environment with {sorted(unknown)}")
    policy = call.sent.get("deployment_branch_policy")
    if policy and _without(call):
        raise RefusedError(422, BILLING)
    if policy and policy["protected_branches"] == policy["custom_branch_policies"]:
        raise RefusedError(422, "`protected_branches` and `custom_branch_policies` cannot have the same value")
    one = call.repository.environment(environment_name)
    one.policy, one.updated_at = policy, now()
    if not (policy and policy["custom_branch_policies"]):
        one.branches.clear()
    return json_response(200, _shown(call, one))


@route("DELETE", ENVIRONMENT, "administration:write")
def delete_environment(call: Call, environment_name: str) -> Response:
    del call.repository.environments[_find(call, environment_name).name.lower()]
    return Response(204)


def _policy(each: BranchPolicy) -> dict[str, Any]:
    return {"id": each.id, "node_id": f"GBP_{each.id}", "name": each.name, "type": each.type}


@route("GET", POLICIES, "actions:read")
def policies(call: Call, environment_name: str) -> Response:
    one = _find(call, environment_name)
    return call.page([_policy(each) for each in one.branches.values()], "branch_policies")


@route("POST", POLICIES, "administration:write")
def add_policy(call: Call, environment_name: str) -> Response:
    one, sent = _find(call, environment_name), call.sent
    if not (one.policy and one.policy["custom_branch_policies"]):
        raise RefusedError(404, "Not Found")
    made = BranchPolicy(sent["name"], sent.get("type", "branch"))
    if any((each.name, each.type) == (made.name, made.type) for each in one.branches.values()):
        return Response(303)
    one.branches[made.id] = made
    return json_response(200, _policy(made))


@route("DELETE", POLICIES + "/{branch_policy_id}", "administration:write")
def delete_policy(call: Call, environment_name: str, branch_policy_id: str) -> Response:
    one = _find(call, environment_name)
    del one.branches[found(one.branches, int(branch_policy_id)).id]
    return Response(204)


@route("GET", SECRETS, "environments:read")
def secrets(call: Call, environment_name: str) -> Response:
    one = _find(call, environment_name)
    return call.page([call.site.secret(each) for each in one.secrets.values()], "secrets")


@route("GET", SECRETS + "/public-key", "environments:read")
def secrets_key(call: Call, environment_name: str) -> Response:
    return show_key(_find(call, environment_name))


@route("PUT", SECRETS + "/{secret_name}", "environments:write")
def put_secret(call: Call, environment_name: str, secret_name: str) -> Response:
    return store_secret(call, _find(call, environment_name), secret_name)


@route("DELETE", SECRETS + "/{secret_name}", "environments:write")
def delete_secret(call: Call, environment_name: str, secret_name: str) -> Response:
    one = _find(call, environment_name)
    del one.secrets[found(one.secrets, secret_name.upper()).name]
    return Response(204)


@route("GET", ENVIRONMENT + "/variables", "environments:read")
def variables(call: Call, environment_name: str) -> Response:
    _find(call, environment_name)
    return call.page([], "variables")  # nobody here sets one
