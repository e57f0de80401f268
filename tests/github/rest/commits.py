"""Commits as git has them, and how two of them compare."""

from .. import git
from ..call import Call
from ..wire import RefusedError, Response, UnmodelledError, json_response, route
from .content import commit_json, find_commit


@route("GET", "/repos/{owner}/{repo}/git/commits/{commit_sha}", "contents:read")
def git_commit(call: Call, commit_sha: str) -> Response:
    shown = commit_json(call, find_commit(call, commit_sha))
    kept = {name: shown["commit"][name] for name in ("url", "author", "committer", "message", "tree")}
    unsigned = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}
    same = {name: shown[name] for name in ("sha", "node_id", "html_url", "parents")}
    return json_response(200, {**same, **kept, "verification": unsigned})


@route("GET", "/repos/{owner}/{repo}/compare/{basehead}", "contents:read")
def compare(call: Call, basehead: str) -> Response:
    """Compare two commits; only a page behind the first, which has no files."""
    base, _, head = basehead.partition("...")
    page = int(call.request.query.get("page", "1"))
    if page < 2 or "per_page" not in call.request.query:
        raise UnmodelledError("the files of a comparison")
    folder = call.repository.git
    try:
        old, new = find_commit(call, base), find_commit(call, head)
    except RefusedError:
        raise RefusedError(404, "Not Found") from None
    common = find_commit(call, git.git(folder, "merge-base", old.sha, new.sha))
    ahead, behind = (git.commits(folder, f"{old.sha}..{new.sha}"), git.commits(folder, f"{new.sha}..{old.sha}"))
    state = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
    size = int(call.request.query["per_page"])
    shown = ahead[::-1][(page - 1) * size : page * size]
    url = f"{call.url}/compare/{basehead}"
    web = f"{call.site.web}/{call.repository.full_name}/compare/{basehead}"
    body = {
        "url": url,
        "html_url": web,
        "permalink_url": web,
        "diff_url": f"{web}.diff",
        "patch_url": f"{web}.patch",
        "base_commit": commit_json(call, old),
        "merge_base_commit": commit_json(call, common),
        "status": state.get((bool(ahead), bool(behind)), "diverged"),
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [commit_json(call, each) for each in shown],
    }
    return json_response(200, body)
