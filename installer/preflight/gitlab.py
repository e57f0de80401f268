"""GitLab: the token and what it may do, whose the project is, and what stands in the way of a deployment."""

from collections.abc import Iterable
from datetime import date, timedelta
from urllib.parse import quote

from ..config.settings import FILE
from ..engine.resource import Finding
from ..forges.gitlab.api import TOKEN, GitLabApiError
from ..forges.gitlab.project import MAINTAINER, GitLab
from ..project.project import Project
from ..support.errors import InstallerError
from . import Check, repository, tools

SCOPE = "api"
OLDEST = (16, 10)
"""Before, rules of a pipeline could not say what a newer one ends."""
SOON = timedelta(days=7)
_CREATES = {"noone": 100, "owner": 50, "maintainer": MAINTAINER, "developer": 30}


def _gitlab(project: Project) -> GitLab:
    if not isinstance(project.forge, GitLab):
        raise TypeError(f"{project.settings.repository} is not at a GitLab")
    return project.forge


def works(project: Project) -> Iterable[Finding]:
    """Check that there is a token, that GitLab takes it, and that GitLab is new enough."""
    gitlab = _gitlab(project)

    def about() -> str:
        version = gitlab.version()
        shown, wanted = (".".join(map(str, each)) for each in (version, OLDEST))
        if version < OLDEST:
            raise InstallerError(f"{gitlab.host} is GitLab {shown}; {wanted} is the oldest that works.", "Update it.")
        return f", GitLab {shown}, is {gitlab.who()}'s"

    fix = f"Set {TOKEN} to one with the scope `{SCOPE}`: {_tokens_page(project)}"
    return repository.token_works(project, "creates the project and stores what its jobs", fix, about)


def scopes(project: Project) -> Iterable[Finding]:
    """Check what the token may do, and for how long."""
    try:
        token = _gitlab(project).call("GET", "/personal_access_tokens/self")
    except GitLabApiError:  # of OAuth, say: it cannot ask about itself
        yield Finding("gitlab", f"the token shows no scopes; it needs `{SCOPE}`")
        return
    if SCOPE not in token["scopes"]:
        has = ", ".join(token["scopes"]) or "none"
        what = (
            f"The token lacks the scope `{SCOPE}`, which it takes to make the project and store secrets (it has {has})."
        )
        yield Finding("gitlab", what, f"Make a new one, scopes cannot be added: {_tokens_page(project)}")
    elif token["expires_at"] and token["expires_at"] <= str(date.today() + SOON):
        what = f"The token ends on {token['expires_at']}."
        yield Finding("gitlab", what, f"Make a new one in time: {_tokens_page(project)}", stops=False)
    else:
        yield Finding("gitlab", f"the token has the scope {SCOPE}")


def _tokens_page(project: Project) -> str:
    return f"https://{project.settings.host}/-/user_settings/personal_access_tokens"


def clock(project: Project) -> Iterable[Finding]:
    """Compare this machine's clock with GitLab's."""
    return tools.clock("gitlab", "GitLab", _gitlab(project).headers("/version"))


def owner(project: Project) -> Iterable[Finding]:
    """Check that the owner exists, is a group or the token's own user, and lets them create a project."""
    settings, gitlab = project.settings, _gitlab(project)
    if gitlab.find() is not None:
        return
    found = gitlab.get(f"/namespaces/{quote(settings.owner, safe='')}")
    me = gitlab.call("GET", "/user")
    if found is None:
        what = f"There is no group or user {settings.owner} that the token may see."
        yield Finding("gitlab", what, f"Fix gitlab.owner in {FILE}: it is the group's full path, like acme/backend.")
    elif found["kind"] == "user" and found["full_path"].casefold() != me["username"].casefold():
        what = f"{settings.owner} is another user: only they can create this."
        yield Finding("gitlab", what, f"Fix gitlab.owner in {FILE}.")
    elif found["kind"] == "group" and not _may_create(project, found["id"], me["id"]):
        what = f"{settings.owner} does not let you create projects."
        fix = f"Let an owner create {settings.repository}, empty, and make you a maintainer of it; or see "
        yield Finding("gitlab", what, f"{fix}https://{settings.host}/groups/{settings.owner}/-/edit")
    else:
        yield Finding("gitlab", f"{settings.owner} is {'a group' if found['kind'] == 'group' else 'you'}")


def _may_create(project: Project, group: int, user: int) -> bool:
    policy = (_gitlab(project).get(f"/groups/{group}", with_projects=False) or {}).get("project_creation_level")
    member = _gitlab(project).get(f"/groups/{group}/members/all/{user}")
    return policy not in _CREATES or bool(member and member["access_level"] >= _CREATES[policy])


def same_project(project: Project) -> Iterable[Finding]:
    """Adopt a project that is as good as empty, marked as ours or holds this very one; refuse any other."""
    if _gitlab(project).level() >= MAINTAINER:  # others may not read the mark; `administered` reports them
        yield from repository.same_project(project, "project")


def administered(project: Project) -> Iterable[Finding]:
    """Check that the token's user may set what only maintainers may: keys, variables, protected branches."""
    if _gitlab(project).find() is not None and _gitlab(project).level() < MAINTAINER:
        yield Finding(
            "gitlab",
            f"You are no maintainer of {project.settings.repository}: its keys, variables and rules are theirs to set.",
            f"Let one make you one: {project.settings.url}/-/project_members",
        )


def no_branch_in_the_way(project: Project) -> Iterable[Finding]:
    """Check for a branch `env`: git cannot hold `env` and `env/dev`."""
    return repository.branch_in_the_way(project, f"Rename it, or delete it: {project.settings.url}/-/branches")


def runner(project: Project) -> Iterable[Finding]:
    """Check that a project that is there has a runner: without one its jobs wait for ever."""
    gitlab = _gitlab(project)
    if gitlab.find() is None:
        return
    if not list(gitlab.pages(gitlab.path("runners"), status="online")):
        what = f"No runner is online for {project.settings.repository}."
        yield Finding(
            "gitlab", what, f"Register one, or let it use the instance's: {project.settings.url}/-/settings/ci_cd"
        )


CHECKS = (
    Check(None, works, "looking", anywhere=True, only="gitlab"),
    Check("host", scopes, "writing", anywhere=True, only="gitlab"),
    Check("host", clock, anywhere=True, only="gitlab"),
    Check("host", owner, "repository", only="gitlab"),
    Check("host", same_project, "writing", only="gitlab"),
    Check("host", administered, "writing", only="gitlab"),
    Check("host", no_branch_in_the_way, "writing", only="gitlab"),
    Check("host", runner, "initial-push", only="gitlab"),
)
