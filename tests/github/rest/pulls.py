"""Pull requests over REST."""

from typing import Any

from .. import git
from ..call import BOTS, Call, found
from ..model import now
from ..pulls import Approval, PullRequest
from ..wire import RefusedError, Response, UnmodelledError, json_response, route

PULLS = "/repos/{owner}/{repo}/pulls"


def _side(call: Call, branch: str, sha: str) -> dict[str, Any]:
    repository = call.repository
    return {
        "label": f"{repository.owner.login}:{branch}",
        "ref": branch,
        "sha": sha,
        "repo": call.site.repository(repository, call.token),
        "user": call.site.user(repository.owner),
    }


def simple(call: Call, pull: PullRequest) -> dict[str, Any]:
    web = f"{call.site.web}/{call.repository.full_name}/pull/{pull.number}"
    url, issue = f"{call.url}/pulls/{pull.number}", f"{call.url}/issues/{pull.number}"
    addresses = {
        "comments": f"{issue}/comments",
        "commits": f"{url}/commits",
        "review_comment": f"{call.url}/pulls/comments{{/number}}",
        "review_comments": f"{url}/comments",
        "statuses": f"{call.url}/statuses/{pull.head_sha}",
    }
    links = {**addresses, "self": url, "html": web, "issue": issue}
    return {
        **{f"{name}_url": address for name, address in addresses.items()},
        "url": url,
        "html_url": web,
        "diff_url": f"{web}.diff",
        "patch_url": f"{web}.patch",
        "issue_url": issue,
        "_links": {name: {"href": address} for name, address in links.items()},
        **dict.fromkeys(("assignee", "milestone", "active_lock_reason")),
        "auto_merge": None,
        "labels": [],
        "locked": False,
        "id": pull.id,
        "node_id": pull.node_id,
        "number": pull.number,
        "title": pull.title,
        "body": pull.body,
        "state": "open" if pull.state == "OPEN" else "closed",
        "draft": pull.draft,
        "user": call.site.user(call.account(pull.author)),
        "author_association": "MEMBER",
        "created_at": pull.created_at,
        "updated_at": pull.closed_at or pull.created_at,
        "closed_at": pull.closed_at,
        "merged_at": pull.merged_at,
        "merge_commit_sha": pull.merge_commit or call.github.merging.merge_ref(call.repository, pull),
        "base": _side(call, pull.base, pull.base_sha),
        "head": _side(call, pull.head, pull.head_sha),
    }


def whole(call: Call, pull: PullRequest) -> dict[str, Any]:
    state = call.github.merging.state(call.repository, call.token, pull)
    span = f"{pull.base_sha}...{pull.head_sha}"
    counts = [line.split("\t") for line in git.git(call.repository.git, "diff", "--numstat", span).splitlines()]
    return {
        **simple(call, pull),
        **dict.fromkeys(("comments", "review_comments"), 0),
        "merged": pull.state == "MERGED",
        "merged_by": call.site.user(call.account(pull.merged_by)) if pull.merged_by else None,
        "mergeable": None if state == "UNKNOWN" else state != "DIRTY",
        "mergeable_state": state.lower(),
        "rebaseable": None,
        "maintainer_can_modify": False,
        "commits": len(git.commits(call.repository.git, f"{pull.base_sha}..{pull.head_sha}")),
        "additions": sum(int(each[0]) for each in counts if each[0] != "-"),
        "deletions": sum(int(each[1]) for each in counts if each[1] != "-"),
        "changed_files": len(counts),
    }


@route("GET", PULLS, "pull_requests:read")
def pulls(call: Call) -> Response:
    query = call.request.query
    if unknown := query.keys() - {"state", "head", "base", "page", "per_page"}:
        raise UnmodelledError(f"pull requests by {sorted(unknown)}")
    state = query.get("state", "open")
    shown = [
        each
        for each in reversed(call.repository.pulls.values())
        if state in {"all", "open" if each.state == "OPEN" else "closed"}
        and query.get("head", f":{each.head}").rpartition(":")[2] == each.head
        and query.get("base", each.base) == each.base
    ]
    return call.page([simple(call, each) for each in shown])


@route("POST", PULLS, "pull_requests:write")
def create(call: Call) -> Response:
    sent = call.sent
    pull = call.github.merging.create(
        call.repository,
        call.token,
        title=sent["title"],
        body=sent.get("body"),
        base=sent["base"],
        head=sent["head"],
        draft=sent.get("draft", False),
    )
    return json_response(201, whole(call, pull))


@route("GET", PULLS + "/{pull_number}", "pull_requests:read")
def show(call: Call, pull_number: str) -> Response:
    return json_response(200, whole(call, found(call.repository.pulls, int(pull_number))))


@route("PATCH", PULLS + "/{pull_number}", "pull_requests:write")
def change(call: Call, pull_number: str) -> Response:
    pull, sent = found(call.repository.pulls, int(pull_number)), call.sent
    if unknown := sent.keys() - {"title", "body", "state"}:
        raise UnmodelledError(f"changing a pull request's {sorted(unknown)}")
    if (state := sent.get("state", "open")) != "open":
        if pull.state != "OPEN" or state != "closed":
            raise UnmodelledError(f"a pull request that is {pull.state} becomes {state}")
        pull.state, pull.closed_at = "CLOSED", now()
    pull.title, pull.body = sent.get("title", pull.title), sent.get("body", pull.body)
    return json_response(200, whole(call, pull))


@route("PUT", PULLS + "/{pull_number}/merge", "contents:write")
def merge(call: Call, pull_number: str) -> Response:
    pull, sent = found(call.repository.pulls, int(pull_number)), call.sent
    if pull.state == "MERGED":
        raise RefusedError(405, "Pull Request is not mergeable")
    sha = call.github.merging.merge(
        call.repository,
        call.token,
        pull,
        sent.get("merge_method", "merge"),
        title=sent.get("commit_title"),
        message=sent.get("commit_message"),
        expected_head=sent.get("sha"),
    )
    return json_response(200, {"merged": True, "message": "Pull Request successfully merged", "sha": sha})


@route("POST", PULLS + "/{pull_number}/reviews", "pull_requests:write")
def review(call: Call, pull_number: str) -> Response:
    pull, sent = found(call.repository.pulls, int(pull_number)), call.sent
    if sent.get("event") != "APPROVE" or call.token.kind in BOTS:
        raise UnmodelledError("a review that is no person's approval")
    login = call.token.owner.login
    if login == pull.author:
        raise RefusedError(422, "Unprocessable Entity", ["Review Can not approve your own pull request"])
    made = Approval(login, pull.head_sha)
    pull.approvals.append(made)
    url, web = f"{call.url}/pulls/{pull.number}", f"{call.site.web}/{call.repository.full_name}/pull/{pull.number}"
    body = {
        "id": made.id,
        "node_id": f"PRR_{made.id}",
        "user": call.site.user(call.token.owner),
        "body": sent.get("body", ""),
        "state": "APPROVED",
        "html_url": f"{web}#pullrequestreview-{made.id}",
        "pull_request_url": url,
        "_links": {"html": {"href": web}, "pull_request": {"href": url}},
        "submitted_at": made.at,
        "commit_id": made.sha,
        "author_association": "MEMBER",
    }
    return json_response(200, body)


@route("GET", "/repos/{owner}/{repo}/commits/{commit_sha}/pulls", "pull_requests:read")
def pulls_of(call: Call, commit_sha: str) -> Response:
    """Name the merged pull request that brought a commit; for one that is not on the default branch, more of them."""
    repository = call.repository
    if not git.is_ancestor(repository.git, commit_sha, f"refs/heads/{repository.default_branch}"):
        raise UnmodelledError("pull requests of a commit beside the default branch")
    brought = [pull for pull in repository.pulls.values() if pull.merge_commit == commit_sha]
    return call.page([simple(call, pull) for pull in brought])
