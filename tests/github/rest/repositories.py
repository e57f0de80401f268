"""Repositories: made, shown, changed, deleted."""

from typing import Any

from ..call import Call
from ..wire import RefusedError, Response, UnmodelledError, json_response, route

SETTINGS = {
    "has_issues": True, "has_projects": True, "has_wiki": True, "is_template": False, "allow_squash_merge": True,
    "allow_merge_commit": True, "allow_rebase_merge": True, "allow_auto_merge": False, "delete_branch_on_merge": False,
    "allow_update_branch": False, "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
    "squash_merge_commit_message": "COMMIT_MESSAGES", "merge_commit_title": "MERGE_MESSAGE",
    "merge_commit_message": "PR_TITLE", "web_commit_signoff_required": False, "homepage": None,
}  # fmt: skip


TEMPLATES = {"Python": "__pycache__/\n*.py[codz]\n", "mit": "MIT License\n\nCopyright (c) 2026 acme\n"}


def _create(call: Call, owner: str) -> Response:
    sent = dict(call.sent)
    first = first_files(sent)
    private = sent.pop("private", False)
    if sent.pop("visibility", "private" if private else "public") != ("private" if private else "public"):
        private = True
    repository = call.github.hosting.create(
        call.token, owner, sent.pop("name"), private=private, description=sent.pop("description", None)
    )
    _change(repository.settings, sent)
    if first:
        call.github.hosting.initialize(repository, call.token, first)
    return json_response(201, call.site.repository(repository, call.token), {"Location": ""})


def first_files(sent: dict[str, Any]) -> dict[str, str]:
    """Return the files that the form for a new repository makes, by the words that `gh repo create` sends for it.

    docs.github.com, "Create an organization repository": auto_init is "an initial commit with empty README"; a license
    or .gitignore is named by its template. Each of them makes that commit.
    """
    files = {}
    name, description = sent["name"], sent.get("description")
    if sent.pop("auto_init", False):
        files["README.md"] = f"# {name}\n{description or ''}"
    for word, path in (("gitignore_template", ".gitignore"), ("license_template", "LICENSE")):
        if template := sent.pop(word, ""):
            if template not in TEMPLATES:
                raise UnmodelledError(f"{word} {template}")
            files[path] = TEMPLATES[template]
    return files


def _change(settings: dict[str, object], sent: dict[str, object]) -> None:
    if unknown := sent.keys() - SETTINGS.keys():
        raise UnmodelledError(f"repository settings {sorted(unknown)}")
    settings.update(sent)


@route("POST", "/user/repos")
def create_for_user(call: Call) -> Response:
    return _create(call, call.token.owner.login)


@route("POST", "/orgs/{org}/repos")
def create_for_organization(call: Call, org: str) -> Response:
    return _create(call, call.account(org, "Organization").login)


@route("GET", "/repos/{owner}/{repo}", "metadata:read")
def show(call: Call) -> Response:
    return json_response(200, call.site.repository(call.repository, call.token))


@route("PATCH", "/repos/{owner}/{repo}", "administration:write")
def change(call: Call) -> Response:
    sent, repository = dict(call.sent), call.repository
    if (name := sent.pop("name", repository.name)) != repository.name:
        call.github.hosting.move(repository, repository.owner, name)
    repository.archived = sent.pop("archived", repository.archived)
    branch = sent.pop("default_branch", repository.default_branch)
    if branch != repository.default_branch and branch not in call.github.branches(repository):
        raise RefusedError(422, f"The branch {branch} was not found. Please push that ref first or create it.")
    call.github.hosting.set_default_branch(repository, branch)
    repository.description = sent.pop("description", repository.description)
    visibility = sent.pop("visibility", None)
    private = sent.pop("private", repository.private)
    repository.private = private if visibility is None else visibility != "public"
    _change(repository.settings, sent)
    return json_response(200, call.site.repository(repository, call.token))


@route("DELETE", "/repos/{owner}/{repo}", "administration:write", scope="delete_repo")
def delete(call: Call) -> Response:
    call.github.hosting.delete(call.repository)
    return Response(204)


@route("POST", "/repos/{owner}/{repo}/transfer", "administration:write")
def transfer(call: Call) -> Response:
    """Transfer to an organisation at once; another person would have to accept it first."""
    repository, sent = call.repository, call.sent
    new_owner = call.account(sent["new_owner"])
    if new_owner.kind != "Organization" or "team_ids" in sent:
        raise UnmodelledError("a transfer that somebody must accept, or to teams")
    role = new_owner.members.get(call.token.owner.login)
    if role is None or (role == "member" and not new_owner.members_can_create_repositories):
        raise RefusedError(422, "Validation Failed", ["You don't have the permission to create repositories there"])
    before = call.site.minimal_repository(repository)  # the answer shows the owner that it had
    call.github.hosting.move(repository, new_owner, sent.get("new_name", repository.name))
    return json_response(202, before)


@route("GET", "/user/repos")
def own(call: Call) -> Response:
    mine = [each for each in call.github.repositories.values() if each.role(call.token.owner) != "none"]
    return call.page([call.site.repository(each, call.token) for each in mine])
