"""Protected branches, in the form of the free tier (doc/api/protected_branches.md)."""

from tests.github.wire import Response

from ..call import Call, found
from ..model import MAINTAINER, Protection
from ..wire import RefusedError, answered, route

BRANCHES = "/projects/{id}/protected_branches"


@route("GET", BRANCHES, level=MAINTAINER)
def protections(call: Call) -> Response:
    return call.page([call.site.protection(each) for each in call.project.protections.values()])


@route("GET", BRANCHES + "/{name}", level=MAINTAINER)
def protection(call: Call, name: str) -> Response:
    return answered(200, call.site.protection(found(call.project.protections, name)))


@route("POST", BRANCHES, level=MAINTAINER, reads="name push_access_level merge_access_level allow_force_push")
def protect(call: Call) -> Response:
    sent = call.sent
    if sent["name"] in call.project.protections:
        raise RefusedError(409, f"Protected branch '{sent['name']}' already exists")
    if "*" in sent["name"]:
        raise NotImplementedError("protected branches by a pattern")
    rule = Protection(
        sent["name"],
        push=sent.get("push_access_level", MAINTAINER),
        merge=sent.get("merge_access_level", MAINTAINER),
        allow_force_push=sent.get("allow_force_push", False),
    )
    call.project.protections[rule.name] = rule
    return answered(201, call.site.protection(rule))


@route("DELETE", BRANCHES + "/{name}", level=MAINTAINER)
def unprotect(call: Call, name: str) -> Response:
    del call.project.protections[found(call.project.protections, name).name]
    return Response(204)
