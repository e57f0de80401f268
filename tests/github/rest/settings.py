"""Variables, secrets, deploy keys and what workflows may do."""

import base64
import re

import nacl.exceptions
import nacl.public

from ..call import Call, found
from ..environments import Environment
from ..model import Account, DeployKey, Repository, Stored, now
from ..wire import RefusedError, Response, json_response, route

VARIABLES = "/repos/{owner}/{repo}/actions/variables"
SECRETS = "/repos/{owner}/{repo}/actions/secrets"
KEYS = "/repos/{owner}/{repo}/keys"
PERMISSIONS = "/repos/{owner}/{repo}/actions/permissions"
OF_ORGANIZATION = "/orgs/{org}/actions/permissions"


def _name(text: str) -> str:
    """Give a name of a variable or secret as GitHub keeps it, or refuse it."""
    name = text.upper()
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", name) or name.startswith("GITHUB_"):
        raise RefusedError(422, f"Name {text} is invalid: only letters, digits and _, and not GITHUB_ at the start")
    return name


@route("GET", VARIABLES, "variables:read")
def variables(call: Call) -> Response:
    return call.page([call.site.variable(each) for each in call.repository.variables.values()], "variables")


@route("POST", VARIABLES, "variables:write")
def create_variable(call: Call) -> Response:
    name = _name(call.sent["name"])
    if name in call.repository.variables:
        raise RefusedError(409, "Already exists - Variable already exists")
    call.repository.variables[name] = Stored(name, call.sent["value"])
    return json_response(201, {})


@route("GET", VARIABLES + "/{name}", "variables:read")
def variable(call: Call, name: str) -> Response:
    return json_response(200, call.site.variable(found(call.repository.variables, name.upper())))


@route("PATCH", VARIABLES + "/{name}", "variables:write")
def change_variable(call: Call, name: str) -> Response:
    stored = found(call.repository.variables, name.upper())
    del call.repository.variables[stored.name]
    stored.name = _name(call.sent.get("name", stored.name))
    stored.value = call.sent.get("value", stored.value)
    stored.updated_at = now()
    call.repository.variables[stored.name] = stored
    return Response(204)


@route("DELETE", VARIABLES + "/{name}", "variables:write")
def delete_variable(call: Call, name: str) -> Response:
    del call.repository.variables[found(call.repository.variables, name.upper()).name]
    return Response(204)


@route("GET", SECRETS, "secrets:read")
def secrets(call: Call) -> Response:
    return call.page([call.site.secret(each) for each in call.repository.secrets.values()], "secrets")


@route("GET", SECRETS + "/public-key", "secrets:read")
def secrets_key(call: Call) -> Response:
    return show_key(call.repository)


def show_key(where: Repository | Environment) -> Response:
    """Show the public half of the key that secrets are sealed with."""
    key = base64.b64encode(bytes(where.secrets_key.public_key)).decode()
    return json_response(200, {"key_id": where.secrets_key_id, "key": key})


@route("GET", SECRETS + "/{secret_name}", "secrets:read")
def secret(call: Call, secret_name: str) -> Response:
    return json_response(200, call.site.secret(found(call.repository.secrets, secret_name.upper())))


@route("PUT", SECRETS + "/{secret_name}", "secrets:write")
def put_secret(call: Call, secret_name: str) -> Response:
    return store_secret(call, call.repository, secret_name)


def store_secret(call: Call, where: Repository | Environment, secret_name: str) -> Response:
    """Unseal a secret and keep it."""
    if call.sent.get("key_id") != where.secrets_key_id:
        raise RefusedError(422, "Invalid key_id")
    try:
        sealed = base64.b64decode(call.sent["encrypted_value"])
        value = nacl.public.SealedBox(where.secrets_key).decrypt(sealed).decode()
    except nacl.exceptions.CryptoError:
        raise RefusedError(422, "Bad request - value could not be decrypted") from None
    name = _name(secret_name)
    before = where.secrets.get(name)
    where.secrets[name] = Stored(name, value, created_at=before.created_at if before else now())
    return Response(204) if before else json_response(201, {})


@route("DELETE", SECRETS + "/{secret_name}", "secrets:write")
def delete_secret(call: Call, secret_name: str) -> Response:
    del call.repository.secrets[found(call.repository.secrets, secret_name.upper()).name]
    return Response(204)


@route("GET", KEYS, "administration:read")
def keys(call: Call) -> Response:
    return call.page([call.site.key(call.repository, each) for each in call.repository.keys.values()])


@route("POST", KEYS, "administration:write")
def create_key(call: Call) -> Response:
    parts = call.sent["key"].split()
    taken = {each.key for repository in call.github.repositories.values() for each in repository.keys.values()}
    if len(parts) < 2 or not parts[0].startswith(("ssh-", "ecdsa-")):
        raise _invalid_key("key is invalid. You must supply a key in OpenSSH public key format")
    if " ".join(parts[:2]) in taken:
        raise _invalid_key("key is already in use")
    title = call.sent.get("title", parts[2] if len(parts) > 2 else "")
    key = DeployKey(title, " ".join(parts[:2]), read_only=call.sent.get("read_only", False))
    call.repository.keys[key.id] = key
    return json_response(201, call.site.key(call.repository, key))


def _invalid_key(message: str) -> RefusedError:
    errors = [{"resource": "PublicKey", "code": "custom", "field": "key", "message": message}]
    return RefusedError(422, "Validation Failed", errors)


@route("GET", KEYS + "/{key_id}", "administration:read")
def key(call: Call, key_id: str) -> Response:
    return json_response(200, call.site.key(call.repository, found(call.repository.keys, int(key_id))))


@route("DELETE", KEYS + "/{key_id}", "administration:write")
def delete_key(call: Call, key_id: str) -> Response:
    del call.repository.keys[found(call.repository.keys, int(key_id)).id]
    return Response(204)


@route("GET", PERMISSIONS, "administration:read")
def permissions(call: Call) -> Response:
    return json_response(200, call.repository.actions)


@route("PUT", PERMISSIONS, "administration:write")
def put_permissions(call: Call) -> Response:
    call.repository.actions.update(call.sent)
    return Response(204)


@route("GET", PERMISSIONS + "/selected-actions", "administration:read")
def selected_actions(call: Call) -> Response:
    return _selected(call.repository)


@route("GET", OF_ORGANIZATION, scope="admin:org")
def organization_permissions(call: Call, org: str) -> Response:
    return json_response(200, _for_owners(call, org).actions)


@route("GET", OF_ORGANIZATION + "/selected-actions", scope="admin:org")
def organization_selected_actions(call: Call, org: str) -> Response:
    return _selected(_for_owners(call, org))


def _for_owners(call: Call, org: str) -> Account:
    account = call.account(org, "Organization")
    owner = account.members.get(call.token.owner.login) == "admin"
    if not owner or (call.token.kind == "classic" and "admin:org" not in call.token.scopes):
        raise RefusedError(403, "Must have admin rights to Organization.")
    return account


def _selected(whose: Account | Repository) -> Response:
    if whose.actions["allowed_actions"] != "selected":
        raise RefusedError(409, "Conflict: allowed_actions is not selected")
    nothing = {"github_owned_allowed": False, "verified_allowed": False, "patterns_allowed": []}
    return json_response(200, nothing | whose.selected_actions)


@route("GET", PERMISSIONS + "/workflow", "administration:read")
def workflow_permissions(call: Call) -> Response:
    body = {
        "default_workflow_permissions": call.repository.workflow_permissions,
        "can_approve_pull_request_reviews": call.repository.can_approve_pull_requests,
    }
    return json_response(200, body)


@route("PUT", PERMISSIONS + "/workflow", "administration:write")
def put_workflow_permissions(call: Call) -> Response:
    repository, sent = call.repository, call.sent
    wanted = sent.get("default_workflow_permissions", repository.workflow_permissions)
    if repository.owner.workflow_permissions_capped and wanted != repository.owner.workflow_permissions:
        raise RefusedError(409, "Conflict: changing a setting is prevented by the owning organization")
    repository.workflow_permissions = wanted
    repository.can_approve_pull_requests = sent.get(
        "can_approve_pull_request_reviews", repository.can_approve_pull_requests
    )
    return Response(204)
