"""Projects: made, shown, changed, deleted (doc/api/projects.md)."""

from tests.github.wire import Response

from ..call import Call
from ..model import MAINTAINER, OWNER, Project
from ..wire import answered, missing, route

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
GIVEN = "name description visibility"
ONLY_CHANGED = {"ci_pipeline_variables_minimum_override_role", "ci_push_repository_for_job_token_allowed"}
"""What GitLab takes of a project that is there, and passes over where one is made."""
AT_ONCE = {"permanently_remove": {"type": "boolean"}, "full_path": {"type": "string"}}
"""What GitLab's OpenAPI document lacks of a deletion, and the stand-in does not heed."""


def _changed(call: Call, status: int, project: Project) -> Response:
    """Answer as GitLab does to those who change a project: without what they may do there."""
    shown = call.site.project(project, call.token)
    del shown["permissions"]
    return answered(status, shown)


@route(
    "POST",
    "/projects",
    reads=" ".join([GIVEN, "path namespace_id initialize_with_readme", *(DEFAULTS.keys() - ONLY_CHANGED)]),
)
def create(call: Call) -> Response:
    return _changed(call, 201, call.gitlab.hosting.create(call.token, call.sent))


@route("GET", "/projects/{id}", level=10)
def show(call: Call) -> Response:
    return answered(200, call.site.project(call.project, call.token))


@route("PUT", "/projects/{id}", level=MAINTAINER, reads=" ".join([GIVEN, "default_branch", *DEFAULTS]))
def change(call: Call) -> Response:
    call.gitlab.hosting.change(call.project, call.sent)
    return _changed(call, 200, call.project)


@route("DELETE", "/projects/{id}", level=OWNER, takes=AT_ONCE, page="projects.md")
def delete(call: Call) -> Response:
    call.gitlab.hosting.delete(call.project)
    return answered(202, {"message": "202 Accepted"})


@route("GET", "/projects/{id}/runners", level=MAINTAINER, reads="status")
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
