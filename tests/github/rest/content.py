"""What is in a repository: branches, references, commits and files."""

import base64
from typing import Any
from urllib.parse import quote

from .. import git
from ..call import Call, demand
from ..rules import rules_of
from ..wire import RefusedError, Response, UnmodelledError, json_response, route

BRANCHES = "/repos/{owner}/{repo}/branches"


def commit_json(call: Call, commit: git.Commit) -> dict[str, Any]:
    url = f"{call.url}/commits/{commit.sha}"
    git_url = f"{call.url}/git/commits/{commit.sha}"
    web = f"{call.site.web}/{call.repository.full_name}/commit"
    return {
        "url": url,
        "sha": commit.sha,
        "node_id": f"C_{commit.sha}",
        "html_url": f"{web}/{commit.sha}",
        "comments_url": f"{url}/comments",
        "commit": {
            "url": git_url,
            "author": dict(zip(("name", "email", "date"), commit.author, strict=True)),
            "committer": dict(zip(("name", "email", "date"), commit.committer, strict=True)),
            "message": commit.message,
            "comment_count": 0,
            "tree": {"sha": commit.tree, "url": f"{call.url}/git/trees/{commit.tree}"},
        },
        "author": None,
        "committer": None,
        "parents": [
            {"sha": each, "url": f"{call.url}/commits/{each}", "html_url": f"{web}/{each}"} for each in commit.parents
        ],
    }


def find_commit(call: Call, revision: str) -> git.Commit:
    found = git.commits(call.repository.git, revision, "-1")
    if not found:
        raise RefusedError(422, f"No commit found for SHA: {revision}")
    return found[0]


@route("GET", BRANCHES, "contents:read")
def branches(call: Call) -> Response:
    return call.page(
        [
            {
                "name": name,
                "commit": {"sha": sha, "url": f"{call.url}/commits/{sha}"},
                "protected": bool(rules_of(call.repository, name)),
            }
            for name, sha in call.github.branches(call.repository).items()
        ]
    )


@route("GET", BRANCHES + "/{branch}", "contents:read")
def branch(call: Call, branch: str) -> Response:
    sha = call.github.branches(call.repository).get(branch)
    if sha is None and (now := call.repository.former_branches.get(branch)):
        address = f"{call.url}/branches/{now}"
        return json_response(301, {"message": "Moved Permanently", "url": address}, {"Location": address})
    if sha is None:
        raise RefusedError(404, "Branch not found")
    return json_response(200, _branch_json(call, branch, sha))


@route("POST", BRANCHES + "/{branch}/rename", "contents:write")
def rename_branch(call: Call, branch: str) -> Response:
    if branch not in call.github.branches(call.repository):
        raise RefusedError(404, "Branch not found")
    if branch == call.repository.default_branch or rules_of(call.repository, branch):
        demand(call.token, call.repository, "administration:write")
    new = call.sent["new_name"]
    call.github.hosting.rename_branch(call.repository, branch, new)
    return json_response(201, _branch_json(call, new, call.github.branches(call.repository)[new]))


def _branch_json(call: Call, branch: str, sha: str) -> dict[str, Any]:
    url = f"{call.url}/branches/{branch}"
    return {
        "name": branch,
        "commit": commit_json(call, find_commit(call, sha)),
        "_links": {"self": url, "html": f"{call.site.web}/{call.repository.full_name}/tree/{branch}"},
        "protected": bool(rules_of(call.repository, branch)),
        "protection": {"enabled": False},
        "protection_url": f"{url}/protection",
    }


def _ref_json(call: Call, ref: str, sha: str) -> dict[str, Any]:
    return {
        "ref": f"refs/{ref}",
        "node_id": f"REF_{sha}",
        "url": f"{call.url}/git/refs/{ref}",
        "object": {"type": "commit", "sha": sha, "url": f"{call.url}/git/commits/{sha}"},
    }


@route("GET", "/repos/{owner}/{repo}/git/ref/{ref}", "contents:read")
def ref(call: Call, ref: str) -> Response:
    sha = git.refs(call.repository.git, "refs/").get(ref)
    if sha is None:
        raise RefusedError(404, "Not Found")
    return json_response(200, _ref_json(call, ref, sha))


@route("GET", "/repos/{owner}/{repo}/git/matching-refs/{ref}", "contents:read")
def matching_refs(call: Call, ref: str) -> Response:
    refs = git.refs(call.repository.git, "refs/").items()
    return call.page([_ref_json(call, name, sha) for name, sha in refs if name.startswith(ref)])


@route("DELETE", "/repos/{owner}/{repo}/git/refs/{ref}", "contents:write")
def delete_ref(call: Call, ref: str) -> Response:
    if not ref.startswith("heads/") or ref not in git.refs(call.repository.git, "refs/"):
        raise RefusedError(422, "Reference does not exist")
    call.github.hosting.delete_branch(call.repository, call.token, ref.removeprefix("heads/"))
    return Response(204)


@route("GET", "/repos/{owner}/{repo}/commits", "contents:read")
def commits(call: Call) -> Response:
    query = call.request.query
    if unknown := query.keys() - {"sha", "path", "per_page", "page"}:
        raise UnmodelledError(f"commits by {sorted(unknown)}")
    if not call.github.branches(call.repository):
        raise RefusedError(409, "Git Repository is empty.")
    revision = query.get("sha", call.repository.default_branch)
    options = ["--", query["path"]] if "path" in query else []
    if options:
        raise UnmodelledError("commits of a path")
    return call.page([commit_json(call, each) for each in git.commits(call.repository.git, revision)])


@route("GET", "/repos/{owner}/{repo}/commits/{ref}", "contents:read")
def commit(call: Call, ref: str) -> Response:
    return json_response(200, commit_json(call, find_commit(call, ref)))


@route("GET", "/repos/{owner}/{repo}/contents/{path}", "contents:read")
def contents(call: Call, path: str) -> Response:
    repository = call.repository
    revision = call.request.query.get("ref", repository.default_branch)
    if found := git.blob(repository.git, revision, path):
        sha, content = found
        body = {
            **_entry(call, revision, path, "file", sha, len(content)),
            "encoding": "base64",
            "content": base64.encodebytes(content).decode(),
        }
        return json_response(200, body)
    known = revision in call.github.branches(repository) or git.commits(repository.git, revision, "-1")
    if not known:
        raise RefusedError(404, f"No commit found for the ref {revision}" if revision else "Not Found")
    entries = git.listing(repository.git, revision, path)
    if not entries:
        raise RefusedError(404, "Not Found")
    kinds = {"blob": "file", "tree": "dir"}
    return json_response(200, [_entry(call, revision, name, kinds[kind], sha, 0) for kind, sha, name in entries])


def _entry(call: Call, revision: str, path: str, kind: str, sha: str, size: int) -> dict[str, Any]:
    where = f"{call.site.web}/{call.repository.full_name}"
    url = f"{call.url}/contents/{quote(path)}?ref={quote(revision, safe='')}"
    git_url = f"{call.url}/git/{'blobs' if kind == 'file' else 'trees'}/{sha}"
    web_kind = "blob" if kind == "file" else "tree"
    html = f"{where}/{web_kind}/{revision}/{path}"
    return {
        "type": kind,
        "size": size,
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "url": url,
        "git_url": git_url,
        "html_url": html,
        "download_url": f"{where}/raw/{revision}/{path}" if kind == "file" else None,
        "_links": {"self": url, "git": git_url, "html": html},
    }
