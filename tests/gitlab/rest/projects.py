"""Projects: made, shown, changed, deleted (doc/api/projects.md)."""

from tests.github.wire import Response

from ..call import Call
from ..model import MAINTAINER, OWNER
from ..wire import answered, missing, route

SETTINGS = {
    "auto_devops_enabled": "boolean",
    "ci_pipeline_variables_minimum_override_role": "no_one_allowed|developer|maintainer|owner",
    "ci_push_repository_for_job_token_allowed": "boolean",
    "container_registry_access_level": "disabled|private|enabled",
    "merge_method": "merge|rebase_merge|ff",
    "only_allow_merge_if_pipeline_succeeds": "boolean",
    "remove_source_branch_after_merge": "boolean",
    "shared_runners_enabled": "boolean",
    "squash_option": "never|always|default_on|default_off",
}
DEFAULTS = {
    "auto_devops_enabled": False,
    "ci_pipeline_variables_minimum_override_role": "no_one_allowed",
    "ci_push_repository_for_job_token_allowed": False,
    "container_registry_access_level": "enabled",
    "merge_method": "merge",
    "only_allow_merge_if_pipeline_succeeds": False,
    "remove_source_branch_after_merge": True,
    "shared_runners_enabled": True,
    "squash_option": "default_off",
}
COMMON = {"description": "string", "visibility": "private|internal|public", **SETTINGS}


@route(
    "POST",
    "/projects",
    takes={
        "name": "string",
        "path": "string",
        "namespace_id": "integer",
        "initialize_with_readme": "boolean",
        "default_branch": "string",
        **COMMON,
    },
)
def create(call: Call) -> Response:
    project = call.gitlab.hosting.create(call.token, call.sent)
    return answered(201, call.site.project(project, call.token))


@route("GET", "/projects/{id}", level=10)
def show(call: Call) -> Response:
    return answered(200, call.site.project(call.project, call.token))


@route("PUT", "/projects/{id}", level=MAINTAINER, takes={"name": "string", "default_branch": "string", **COMMON})
def change(call: Call) -> Response:
    call.gitlab.hosting.change(call.project, call.sent)
    return answered(200, call.site.project(call.project, call.token))


@route("DELETE", "/projects/{id}", level=OWNER, takes={"permanently_remove": "boolean", "full_path": "string"})
def delete(call: Call) -> Response:
    call.gitlab.hosting.delete(call.project)
    return answered(202, {"message": "202 Accepted"})


@route("GET", "/projects/{id}/runners", level=MAINTAINER, takes={"status": "online|offline|stale|never_contacted"})
def runners(call: Call) -> Response:
    shared = call.project.settings["shared_runners_enabled"]
    online = call.gitlab.runners if shared else []
    return call.page(
        [
            {
                "id": number,
                "description": name,
                "active": True,
                "paused": False,
                "is_shared": True,
                "runner_type": "instance_type",
                "name": "gitlab-runner",
                "online": True,
                "status": "online",
            }
            for number, name in enumerate(online, 1)
        ]
    )


@route("GET", "/projects/{id}/members/all/{user_id}", level=10)
def member(call: Call, user_id: str) -> Response:
    user = next((each for each in call.gitlab.users.values() if str(each.id) == user_id), None)
    level = call.project.level(user) if user else 0
    if user is None or not level:
        raise missing("Member")
    return answered(200, {**call.site.user(user), "access_level": level, "expires_at": None})
