"""The instance, who asks, and groups (doc/api/version.md, users.md, namespaces.md, groups.md, members.md)."""

from tests.github.wire import Response

from ..call import Call, found
from ..model import Group
from ..wire import answered, missing, route


@route("GET", "/version", scope="read_user")
def version(call: Call) -> Response:
    return answered(200, {"version": call.gitlab.version, "revision": "0000000000a"})


@route("GET", "/metadata", scope="read_user")
def metadata(call: Call) -> Response:
    kas = {"enabled": False, "externalUrl": None, "externalK8sProxyUrl": None, "version": None}
    return answered(
        200, {"version": call.gitlab.version, "revision": "0000000000a", "kas": kas, "enterprise": call.gitlab.cloud}
    )


@route("GET", "/user", scope="read_user", page="users.md")
def user(call: Call) -> Response:
    return answered(200, call.site.me(call.token.user))


@route("GET", "/personal_access_tokens/self", scope="")
def own_token(call: Call) -> Response:
    return answered(200, call.site.token(call.token))


@route("GET", "/namespaces/{id}")
def namespace(call: Call, id: str) -> Response:  # noqa: A002
    return answered(200, call.site.namespace(call.namespace(id)))


@route("GET", "/groups/{id}", reads="with_projects")
def group(call: Call, id: str) -> Response:  # noqa: A002
    return answered(200, call.site.group(call.group(id)))


@route("GET", "/groups/{id}/members/all/{user_id}")
def member(call: Call, id: str, user_id: str) -> Response:  # noqa: A002
    group: Group = call.group(id)
    user = next((each for each in call.gitlab.users.values() if str(each.id) == user_id), None)
    if user is None:
        raise missing("User")
    level = found(group.members, user.id)
    return answered(200, {**call.site.user(user), "access_level": level, "expires_at": None})
