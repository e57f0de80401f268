"""Rulesets, and which rules a branch is under."""

from typing import Any

from ..call import Call, found, level_of
from ..model import Ruleset, now
from ..rules import MODELLED, rules_of
from ..wire import RefusedError, Response, UnmodelledError, json_response, route

RULESETS = "/repos/{owner}/{repo}/rulesets"
UPGRADE = "Upgrade to GitHub Pro or make this repository public to enable this feature."


def _plan(call: Call) -> None:
    if call.site.is_cloud and call.repository.private and call.repository.owner.plan == "free":
        raise RefusedError(403, UPGRADE)


def _check(call: Call, content: dict[str, Any]) -> None:
    for rule in content.get("rules", []):
        if rule["type"] not in MODELLED:
            raise UnmodelledError(f"rule {rule['type']}")
        wanted = rule.get("parameters", {}).get("required_status_checks", [])
        if {each["integration_id"] for each in wanted if "integration_id" in each} - call.github.apps.known.keys():
            start = "Invalid rule 'required_status_checks': Invalid parameter required_status_checks"
            raise RefusedError(422, "Validation Failed", [f"{start}: Invalid integration ids"])
    for actor in content.get("bypass_actors", []):
        if actor["actor_type"] == "Integration":
            message = "Actor GitHub Actions integration must be part of the ruleset source or owner organization"
            raise RefusedError(422, "Validation Failed", [message])
        if actor["actor_type"] not in {"DeployKey", "OrganizationAdmin", "RepositoryRole"}:
            raise UnmodelledError(f"bypass actor {actor['actor_type']}")
        if actor["actor_type"] == "DeployKey" and (
            actor.get("actor_id") is not None or actor["bypass_mode"] != "always"
        ):
            raise UnmodelledError("DeployKey stands for all keys (actor_id is null), and bypasses always")
    if content.get("target", "branch") != "branch":
        raise UnmodelledError("rulesets for anything but branches")


@route("GET", RULESETS, "metadata:read")
def rulesets(call: Call) -> Response:
    _plan(call)
    parents = call.request.query.get("includes_parents", "true") == "true"
    shown = [*call.repository.rulesets.values(), *(call.repository.owner.rulesets if parents else ())]
    return call.page([call.site.ruleset(call.repository, each, whole=False, changes=False) for each in shown])


@route("POST", RULESETS, "administration:write")
def create(call: Call) -> Response:
    _plan(call)
    sent = call.sent
    _check(call, sent)
    if any(each.name == sent["name"] for each in call.repository.rulesets.values()):
        raise RefusedError(422, "Validation Failed", ["Name must be unique"])
    conditions = sent.get("conditions", {"ref_name": {"include": [], "exclude": []}})
    ruleset = Ruleset(
        sent["name"], "branch", sent["enforcement"], conditions, sent.get("rules", []), sent.get("bypass_actors", [])
    )
    call.repository.rulesets[ruleset.id] = ruleset
    return json_response(201, call.site.ruleset(call.repository, ruleset, whole=True, changes=True))


@route("GET", RULESETS + "/{ruleset_id}", "metadata:read")
def ruleset(call: Call, ruleset_id: str) -> Response:
    _plan(call)
    one = found(call.repository.rulesets, int(ruleset_id))
    changes = level_of(call.token, call.repository, "administration") == "write"
    return json_response(200, call.site.ruleset(call.repository, one, whole=True, changes=changes))


@route("PUT", RULESETS + "/{ruleset_id}", "administration:write")
def change(call: Call, ruleset_id: str) -> Response:
    _plan(call)
    one = found(call.repository.rulesets, int(ruleset_id))
    _check(call, call.sent)
    for name, value in call.sent.items():
        setattr(one, name, value)
    one.updated_at = now()
    return json_response(200, call.site.ruleset(call.repository, one, whole=True, changes=True))


@route("DELETE", RULESETS + "/{ruleset_id}", "administration:write")
def delete(call: Call, ruleset_id: str) -> Response:
    del call.repository.rulesets[found(call.repository.rulesets, int(ruleset_id)).id]
    return Response(204)


@route("GET", "/repos/{owner}/{repo}/rules/branches/{branch}", "metadata:read")
def branch_rules(call: Call, branch: str) -> Response:
    _plan(call)
    rules = []
    for ruleset, rule in rules_of(call.repository, branch):
        source = {f"ruleset_{name}": value for name, value in call.site.source(call.repository, ruleset).items()}
        rules.append({**rule, **source, "ruleset_id": ruleset.id})
    return call.page(rules)
