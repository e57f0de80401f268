"""The payloads of events, as far as workflows ask for them."""

from typing import Any

from . import git
from .model import Account, Repository
from .pulls import PullRequest
from .render import Site

Payload = dict[str, Any]


def _common(site: Site, repository: Repository, who: Account) -> Payload:
    described = site.minimal_repository(repository)
    return {
        "repository": {
            **described,
            "default_branch": repository.default_branch,
            "clone_url": f"{site.web}/{repository.full_name}.git",
            "visibility": "private" if repository.private else "public",
        },
        "sender": site.user(who),
        **(
            {"organization": site.organization_simple(repository.owner)}
            if repository.owner.kind == "Organization"
            else {}
        ),
    }


def _commit(site: Site, repository: Repository, sha: str) -> Payload:
    commit = git.commits(repository.git, sha, "-1")[0]
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "message": commit.message,
        "timestamp": commit.committer[2],
        "url": f"{site.web}/{repository.full_name}/commit/{commit.sha}",
        "author": dict(zip(("name", "email"), commit.author[:2], strict=True)),
        "committer": dict(zip(("name", "email"), commit.committer[:2], strict=True)),
        "distinct": True,
        **git.touched(repository.git, sha),
    }


def push(site: Site, repository: Repository, who: Account, ref: str, old: str, new: str) -> Payload:
    created, deleted = old == git.ZERO, new == git.ZERO
    found = [] if deleted else git.commits(repository.git, new if created else f"{old}..{new}", "--max-count=20")
    commits = [_commit(site, repository, each.sha) for each in reversed(found[:1] if created else found)]
    return {
        **_common(site, repository, who),
        "ref": ref,
        "before": old,
        "after": new,
        "created": created,
        "deleted": deleted,
        "forced": not created and not deleted and not git.is_ancestor(repository.git, old, new),
        "base_ref": None,
        "compare": f"{site.web}/{repository.full_name}/compare/{old[:12]}...{new[:12]}",
        "head_commit": None if deleted else _commit(site, repository, new),
        "commits": commits,
        "pusher": {"name": who.login},
    }


def ping(site: Site, repository: Repository, who: Account, number: int, hook: Payload) -> Payload:
    return {**_common(site, repository, who), "zen": "Keep it logically awesome.", "hook_id": number, "hook": hook}


def pull_request(
    site: Site, repository: Repository, who: Account, pull: PullRequest, action: str, merge_sha: str
) -> Payload:
    common = _common(site, repository, who)

    def side(branch: str, sha: str) -> Payload:
        return {
            "ref": branch,
            "sha": sha,
            "label": f"{repository.owner.login}:{branch}",
            "repo": common["repository"],
            "user": site.user(repository.owner),
        }

    return {
        **common,
        "action": action,
        "number": pull.number,
        "pull_request": {
            "id": pull.id,
            "number": pull.number,
            "title": pull.title,
            "body": pull.body,
            "state": "open",
            "draft": pull.draft,
            "merged": False,
            "merge_commit_sha": merge_sha,
            "html_url": f"{site.web}/{repository.full_name}/pull/{pull.number}",
            "user": site.user(who),
            "head": side(pull.head, pull.head_sha),
            "base": side(pull.base, pull.base_sha),
        },
    }


def merge_group(site: Site, repository: Repository, who: Account, base: str, old: str, ref: str, new: str) -> Payload:
    """As octokit/webhooks has it: payload-examples/api.github.com/merge_group/checks_requested.payload.json."""
    group = {"head_sha": new, "head_ref": ref, "base_sha": old, "base_ref": f"refs/heads/{base}"}
    group["head_commit"] = _commit(site, repository, new)
    return {**_common(site, repository, who), "action": "checks_requested", "merge_group": group}


def dispatch(site: Site, repository: Repository, who: Account, ref: str, path: str, inputs: dict[str, str]) -> Payload:
    return {**_common(site, repository, who), "ref": ref, "workflow": path, "inputs": inputs}
