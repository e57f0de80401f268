"""CI/CD variables and deploy keys (doc/api/project_level_variables.md, deploy_keys.md)."""

import re

from tests.github.wire import Response

from ..call import Call, found
from ..model import MAINTAINER, DeployKey, Group, Variable
from ..wire import RefusedError, answered, missing, route

VARIABLES = "/projects/{id}/variables"
KEYS = "/projects/{id}/deploy_keys"
FIELDS = "value variable_type protected masked raw environment_scope description"


def _check(variable: Variable) -> None:
    if not re.fullmatch(r"[a-zA-Z0-9_]{1,255}", variable.key):
        raise RefusedError(400, {"key": ["can contain only letters, digits and '_'."]})
    if variable.masked and (len(variable.value) < 8 or re.search(r"\s", variable.value)):
        raise RefusedError(400, {"value": ["is invalid"]})


@route("GET", VARIABLES, level=MAINTAINER)
def variables(call: Call) -> Response:
    return call.page([call.site.variable(each) for each in call.project.variables.values()])


@route("POST", VARIABLES, level=MAINTAINER, reads=f"key masked_and_hidden {FIELDS}")
def create_variable(call: Call) -> Response:
    sent = dict(call.sent)
    hidden = sent.pop("masked_and_hidden", False)
    if hidden and call.gitlab.numbers < (17, 6):
        hidden = False  # an older GitLab passes over what it does not know
    variable = Variable(**{**sent, "hidden": hidden, "masked": bool(sent.get("masked") or hidden)})
    if variable.key in call.project.variables:
        raise RefusedError(400, {"key": [f"({variable.key}) has already been taken"]})
    _check(variable)
    call.project.variables[variable.key] = variable
    return answered(201, call.site.variable(variable))


@route("GET", VARIABLES + "/{key}", level=MAINTAINER)
def variable(call: Call, key: str) -> Response:
    return answered(200, call.site.variable(found(call.project.variables, key, "Variable")))


@route("PUT", VARIABLES + "/{key}", level=MAINTAINER, reads=FIELDS)
def change_variable(call: Call, key: str) -> Response:
    before: Variable = found(call.project.variables, key, "Variable")
    if before.hidden and call.sent.get("masked") is False:
        raise RefusedError(400, {"base": ["The visibility setting cannot be changed for masked and hidden variables."]})
    changed = Variable(**{**vars(before), **call.sent})
    _check(changed)
    call.project.variables[key] = changed
    return answered(200, call.site.variable(changed))


@route("DELETE", VARIABLES + "/{key}", level=MAINTAINER)
def delete_variable(call: Call, key: str) -> Response:
    del call.project.variables[found(call.project.variables, key, "Variable").key]
    return Response(204)


@route("GET", KEYS, level=MAINTAINER)
def keys(call: Call) -> Response:
    return call.page([call.site.key(each) for each in call.project.keys.values()])


@route("POST", KEYS, level=MAINTAINER, reads="title key can_push")
def add_key(call: Call) -> Response:
    namespace = call.project.namespace
    if isinstance(namespace, Group) and not namespace.deploy_keys:
        raise RefusedError(403, "403 Forbidden")
    key = DeployKey(call.sent["title"], call.sent["key"], call.sent.get("can_push", False))
    if not re.match(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp256) [A-Za-z0-9+/=]+", key.key):
        raise RefusedError(400, {"key": ["is invalid"]})
    everywhere = [k.key.split()[1] for p in call.gitlab.projects.values() for k in p.keys.values()]
    if key.key.split()[1] in everywhere:
        raise RefusedError(400, {"fingerprint_sha256": ["has already been taken"]})
    call.project.keys[key.id] = key
    return answered(201, call.site.key(key))


@route("DELETE", KEYS + "/{key_id}", level=MAINTAINER)
def delete_key(call: Call, key_id: str) -> Response:
    if int(key_id) not in call.project.keys:
        raise missing("Deploy Key")
    del call.project.keys[int(key_id)]
    return Response(204)
