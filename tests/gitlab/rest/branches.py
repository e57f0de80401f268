"""Branches, files and commits (doc/api/branches.md, repository_files.md, commits.md)."""

import base64
import hashlib
from typing import Any

from tests.github import git
from tests.github.wire import Response

from ..call import Call
from ..model import GUEST, REPORTER, Protection
from ..wire import RefusedError, answered, missing, route

REPOSITORY = "/projects/{id}/repository"


def _commit(call: Call, commit: git.Commit) -> dict[str, Any]:
    return {
        "id": commit.sha,
        "short_id": commit.sha[:8],
        "created_at": commit.committer[2],
        "parent_ids": list(commit.parents),
        "title": commit.message.partition("\n")[0],
        "message": commit.message,
        "author_name": commit.author[0],
        "author_email": commit.author[1],
        "authored_date": commit.author[2],
        "committer_name": commit.committer[0],
        "committer_email": commit.committer[1],
        "committed_date": commit.committer[2],
        "trailers": {},
        "extended_trailers": {},
        "web_url": call.site.page(call.project, "commit", commit.sha),
    }


def _branch(call: Call, name: str, sha: str) -> dict[str, Any]:
    rule: Protection | None = call.project.protections.get(name)
    return {
        "name": name,
        "commit": _commit(call, git.commits(call.project.git, sha, "-1")[0]),
        "merged": False,
        "protected": rule is not None,
        "developers_can_push": bool(rule and rule.push == 30),
        "developers_can_merge": bool(rule and rule.merge == 30),
        "can_push": True,
        "default": name == call.project.default_branch,
        "web_url": call.site.page(call.project, "tree", name),
    }


@route("GET", REPOSITORY + "/branches", level=GUEST)
def branches(call: Call) -> Response:
    return call.page([_branch(call, name, sha) for name, sha in git.refs(call.project.git).items()])


@route("GET", REPOSITORY + "/branches/{branch}", level=GUEST)
def branch(call: Call, branch: str) -> Response:
    sha = git.refs(call.project.git).get(branch)
    if sha is None:
        raise missing("Branch")
    return answered(200, _branch(call, branch, sha))


@route("GET", REPOSITORY + "/tree", level=REPORTER, reads="ref")
def tree(call: Call) -> Response:
    """Answer the top of a commit as doc/api/repositories.md shows it."""
    ref = call.request.query.get("ref", call.project.default_branch)
    if not git.commits(call.project.git, ref, "-1"):
        raise missing("Tree")
    listed = git.git(call.project.git, "ls-tree", ref).splitlines()
    parts = [(head.split(), name) for head, _, name in (line.partition("\t") for line in listed)]
    return call.page([{"id": s, "name": n, "type": k, "path": n, "mode": m} for (m, k, s), n in parts])


@route("GET", REPOSITORY + "/tags", level=REPORTER)
def tags(call: Call) -> Response:
    found = git.refs(call.project.git, "refs/tags/").items()
    lightweight = {"message": None, "release": None, "protected": False, "created_at": None}
    listed = [(name, sha, git.commits(call.project.git, sha, "-1")[0]) for name, sha in found]
    if any(commit.sha != sha for _, sha, commit in listed):
        raise NotImplementedError("annotated tags")
    return call.page([{"name": n, "target": s, "commit": _commit(call, c), **lightweight} for n, s, c in listed])


@route("GET", REPOSITORY + "/files/{file_path}", level=REPORTER, reads="ref")
def file(call: Call, file_path: str) -> Response:
    ref = call.request.query["ref"]
    found = git.commits(call.project.git, ref, "-1")
    there = git.blob(call.project.git, ref, file_path) if found else None
    if there is None:
        raise missing("File" if found else "Commit")
    blob_id, content = there
    return answered(
        200,
        {
            "file_name": file_path.rpartition("/")[2],
            "file_path": file_path,
            "size": len(content),
            "encoding": "base64",
            "content": base64.b64encode(content).decode(),
            "content_sha256": hashlib.sha256(content).hexdigest(),
            "ref": ref,
            "blob_id": blob_id,
            "commit_id": found[0].sha,
            "last_commit_id": git.git(call.project.git, "log", "-1", "--format=%H", ref, "--", file_path),
            "execute_filemode": False,
        },
    )


@route("GET", REPOSITORY + "/commits", level=REPORTER, reads="ref_name")
def commits(call: Call) -> Response:
    ref = call.request.query.get("ref_name", call.project.default_branch)
    listed = git.commits(call.project.git, ref)
    if not listed:
        raise RefusedError(
            404, "404 Repository Not Found" if not git.refs(call.project.git) else "404 Commit Not Found"
        )
    return call.page([_commit(call, each) for each in listed])


@route("GET", REPOSITORY + "/commits/{sha}", level=REPORTER)
def commit(call: Call, sha: str) -> Response:
    listed = git.commits(call.project.git, sha, "-1")
    if not listed:
        raise missing("Commit")
    return answered(200, {**_commit(call, listed[0]), "status": None, "last_pipeline": None})
