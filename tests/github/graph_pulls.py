"""Pull requests and their checks as GraphQL sees them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .call import demand
from .graph_checks import Fields, base, connection, rollup
from .model import Repository, Token
from .pulls import PullRequest
from .wire import RefusedError

if TYPE_CHECKING:
    from .stand_in import GitHub

REFUSALS = {405: 422, 409: 422}  # GraphQL knows one kind where REST has several


class PullObjects:
    """Make pull requests' fields, with the eyes of one token."""

    def __init__(self, github: "GitHub", token: Token, repository: Callable[[Repository], Fields]) -> None:
        self._github = github
        self._token = token
        self._repository = repository

    # -- mutations

    def create(self, sent: Fields) -> Fields:
        repository = self._by_id(sent["repositoryId"])
        demand(self._token, repository, "pull_requests:write")
        pull = self._github.merging.create(
            repository,
            self._token,
            title=sent["title"],
            body=sent.get("body"),
            base=sent["baseRefName"],
            head=sent["headRefName"],
            draft=sent.get("draft", False),
        )
        return {"pullRequest": self._pull(repository, pull)}

    def merge(self, sent: Fields) -> Fields:
        repository, pull = self._find(sent["pullRequestId"])
        demand(self._token, repository, "contents:write")
        try:
            self._github.merging.merge(
                repository,
                self._token,
                pull,
                sent.get("mergeMethod", "MERGE").lower(),
                title=sent.get("commitHeadline"),
                message=sent.get("commitBody"),
                expected_head=sent.get("expectedHeadOid"),
            )
        except RefusedError as refused:
            raise RefusedError(REFUSALS.get(refused.status, refused.status), str(refused)) from None
        return {"pullRequest": self._pull(repository, pull)}

    def enable_auto_merge(self, sent: Fields) -> Fields:
        repository, pull = self._find(sent["pullRequestId"])
        demand(self._token, repository, "contents:write")
        if not repository.settings["allow_auto_merge"]:
            raise RefusedError(422, "Auto merge is not allowed for this repository")
        if self._github.merging.state(repository, self._token, pull) != "BLOCKED":
            raise RefusedError(422, "Pull request is in clean status")
        pull.auto_merge = self._token, sent.get("mergeMethod", "MERGE").lower()
        return {"pullRequest": self._pull(repository, pull)}

    # -- queries

    def node(self, id: str) -> Fields:  # noqa: A002  # GraphQL's name
        return self._pull(*self._find(id))

    def one(self, repository: Repository, number: int) -> Fields:
        if number not in repository.pulls:
            raise RefusedError(404, f"Could not resolve to a PullRequest with the number of {number}.")
        return self._pull(repository, repository.pulls[number])

    def several(
        self,
        repository: Repository,
        states: list[str] | None = None,
        headRefName: str | None = None,  # noqa: N803  # GraphQL's names
        baseRefName: str | None = None,  # noqa: N803
        **paging: Any,
    ) -> Fields:
        shown = [
            self._pull(repository, each)
            for each in reversed(repository.pulls.values())
            if (states is None or each.state in states)
            and headRefName in {None, each.head}
            and baseRefName in {None, each.base}
        ]
        return connection(shown, **paging)

    # -- objects

    def _by_id(self, node_id: str) -> Repository:
        for each in self._github.repositories.values():
            if each.node_id == node_id:
                return each
        raise RefusedError(404, f"Could not resolve to a node with the global id of '{node_id}'")

    def _find(self, node_id: str) -> tuple[Repository, PullRequest]:
        for repository in self._github.repositories.values():
            for pull in repository.pulls.values():
                if pull.node_id == node_id:
                    demand(self._token, repository, "metadata:read")
                    return repository, pull
        raise RefusedError(404, f"Could not resolve to a node with the global id of '{node_id}'")

    def _pull(self, repository: Repository, pull: PullRequest) -> Fields:
        site = self._github.site
        author = self._github.accounts[pull.author.lower()]
        fields = self._repository(repository)
        state = self._github.merging.state(repository, self._token, pull)
        mergeable = {"DIRTY": "CONFLICTING", "UNKNOWN": "UNKNOWN"}.get(state, "MERGEABLE")
        checks = rollup(self._github, repository, pull)
        head_commit = {
            "__typename": "Commit",
            "oid": pull.head_sha,
            "id": f"C_{pull.head_sha}",
            "statusCheckRollup": checks,
        }
        return {
            "__typename": "PullRequest",
            "id": pull.node_id,
            "fullDatabaseId": str(pull.id),
            "number": pull.number,
            "title": pull.title,
            "body": pull.body or "",
            "state": pull.state,
            "closed": pull.state != "OPEN",
            "isDraft": pull.draft,
            "url": f"{site.web}/{repository.full_name}/pull/{pull.number}",
            "author": {"__typename": "User", "id": author.node_id, "login": author.login, "name": None},
            "baseRefName": pull.base,
            "baseRefOid": pull.base_sha,
            "headRefName": pull.head,
            "headRefOid": pull.head_sha,
            "headRef": fields["ref"](qualifiedName=pull.head),
            "headRepository": fields,
            "headRepositoryOwner": fields["owner"],
            "isCrossRepository": False,
            "mergeable": mergeable,
            "mergeStateStatus": state,
            "mergeCommit": {"__typename": "Commit", "oid": pull.merge_commit} if pull.merge_commit else None,
            "mergedAt": pull.merged_at,
            "createdAt": pull.created_at,
            "autoMergeRequest": {"mergeMethod": pull.auto_merge[1].upper()} if pull.auto_merge else None,
            "isInMergeQueue": False,
            "isMergeQueueEnabled": False,
            "statusCheckRollup": checks,
            "commits": lambda **_: connection([{"commit": head_commit}]),
            "reviewDecision": None,
            "maintainerCanModify": False,
            "baseRef": lambda **_: base(repository, fields, pull),
            "repository": fields,
        }
