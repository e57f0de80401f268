"""Whose the repository is: whether it can be created there, and what the plan and the policies allow."""

from collections.abc import Iterable
from typing import Any

from ..config.settings import FILE, MAIN
from ..engine.finding import Finding
from ..forges.api_errors import GitHubApiError
from ..project.project import Project


def exists(project: Project) -> Iterable[Finding]:
    """Check that the owner exists, and is an organisation or the token's own user."""
    owner = project.settings.owner
    found = project.github.get(f"/users/{owner}")
    if found is None:
        yield Finding("github", f"There is no user or organisation {owner}.", f"Fix github.owner in {FILE}.")
    elif found["type"] == "User" and project.github.call("GET", "/user")["login"].casefold() != owner.casefold():
        what = f"{owner} is another user: only they can create this."
        yield Finding("github", what, f"Fix github.owner in {FILE}.")
    else:
        yield Finding("github", f"{owner} is {'an organisation' if found['type'] == 'Organization' else 'you'}")


def may_create(project: Project) -> Iterable[Finding]:
    """Check that the organisation lets its members create such a repository, where it is not there yet."""
    organization = _organization(project)
    if organization is None or project.github.find() is not None or _role(project) == "admin":
        return
    visibility = project.settings.visibility
    policies = ("members_can_create_repositories", f"members_can_create_{visibility}_repositories")
    if any(organization.get(policy) is False for policy in policies):
        yield Finding(
            "github",
            f"{project.settings.owner} does not let its members create {visibility} repositories.",
            f"Let an owner create {project.settings.repository}, empty, and make you its administrator; "
            f"or see {_page(project)}/member_privileges",
        )


def deploy_keys(project: Project) -> Iterable[Finding]:
    """Check that deploy keys may be added, where Argo CD or the workflows of main need one."""
    settings, organization = project.settings, _organization(project)
    if not organization or organization.get("deploy_keys_enabled_for_repositories") is not False:
        return
    uses = []
    if settings.reads_by == "key":
        other = f"set argocd.access to https in {FILE} (docs/how-to/github.md)"
        uses.append(("Argo CD reads a private repository by one", other))
    if settings.deploy_from == MAIN:
        other = f"set github.deploy_from to anywhere in {FILE} (docs/explanation/security.md)"
        uses.append((f"only by one can {settings.branch} be kept for workflows of {MAIN}", other))
    for use, other in uses:
        what = f"{settings.owner} forbids deploy keys; {use}."
        yield Finding("github", what, f"Let an owner allow them, or {other}: {_page(project)}/deploy_keys")


def plan(project: Project) -> Iterable[Finding]:
    """Say what this account's plan lacks: nothing is stopped by it, but main stays unprotected."""
    if project.settings.private and not project.github.plan_protects():
        yield Finding(
            "github",
            f"{project.settings.owner}'s plan has no rules and no environments for private repositories: main stays "
            "unprotected, and workflows of every branch can read the repository's secrets.",
            f"Upgrade the plan, or set github.visibility to public in {FILE}.",
            stops=False,
        )


def _organization(project: Project) -> dict[str, Any] | None:
    """Return the organisation, with its policies where the token may see them; None where it is a user."""
    found: dict[str, Any] | None = project.github.get(f"/orgs/{project.settings.owner}")
    return found


def _role(project: Project) -> str:
    """Return the user's role in the organisation; empty where the token may not ask."""
    try:
        found = project.github.get(f"/user/memberships/orgs/{project.settings.owner}")
    except GitHubApiError:
        return ""
    return str(found["role"]) if found else ""


def _page(project: Project) -> str:
    return f"https://{project.settings.host}/organizations/{project.settings.owner}/settings"
