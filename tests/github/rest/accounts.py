"""Who there is: the user, others, organisations and memberships."""

from ..call import Call
from ..wire import RefusedError, Response, json_response, route


@route("GET", "/")
def root(call: Call) -> Response:
    names = call.github.dispatch.published.root_urls
    return json_response(200, dict.fromkeys(names, call.site.api))


@route("GET", "/meta")
def meta(call: Call) -> Response:
    """Only github.com is documented to publish the keys of its ssh server: docs.github.com, "Meta"."""
    body = {"verifiable_password_authentication": True}
    more = {"ssh_keys": call.github.ssh_host_keys} if call.site.is_cloud else {"installed_version": "3.17.0"}
    return json_response(200, {**body, **more})


@route("GET", "/user")
def user(call: Call) -> Response:
    if call.token.kind == "run":
        raise RefusedError(403, "Resource not accessible by integration")
    return json_response(200, {**call.site.public_user(call.token.owner), "user_view_type": "public"})


@route("GET", "/users/{username}")
def one_user(call: Call, username: str) -> Response:
    return json_response(200, {**call.site.public_user(call.account(username)), "user_view_type": "public"})


@route("GET", "/orgs/{org}")
def organization(call: Call, org: str) -> Response:
    account = call.account(org, "Organization")
    return json_response(200, call.site.organization(account, member=call.token.owner.login in account.members))


@route("GET", "/user/memberships/orgs/{org}")
def membership(call: Call, org: str) -> Response:
    account = call.account(org, "Organization")
    role = account.members.get(call.token.owner.login)
    if role is None:
        raise RefusedError(404, "Not Found")
    if call.token.kind == "classic" and not call.token.scopes & {"read:org", "write:org", "admin:org"}:
        raise RefusedError(403, "You need at least read:org scope or user scope to see your organization membership")
    body = {
        "state": "active",
        "role": role,
        "url": f"{call.site.api}/orgs/{account.login}/memberships/{call.token.owner.login}",
        "organization_url": f"{call.site.api}/orgs/{account.login}",
        "organization": call.site.organization_simple(account),
        "user": call.site.user(call.token.owner),
    }
    return json_response(200, body)
