"""What GraphQL sees: the model's things as dictionaries of fields, some of them functions of their arguments."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import git
from .call import demand, may_see
from .graph_checks import Fields, connection
from .graph_pulls import PullObjects
from .model import Account, Repository, Token
from .wire import RefusedError, UnmodelledError

if TYPE_CHECKING:
    from .stand_in import GitHub

SETTINGS = {"hasIssuesEnabled": "has_issues", "hasWikiEnabled": "has_wiki", "homepageUrl": "homepage"}  # as in REST


class Objects:
    """Make what one request may see, with the eyes of its token."""

    def __init__(self, github: "GitHub", token: Token) -> None:
        self._github = github
        self._token = token
        self._pulls = PullObjects(github, token, self.repository)
        self.mutated: list[str] = []

    def root(self) -> Fields:
        mutations: dict[str, Callable[..., Fields]] = {
            "createRepository": self._create_repository,
            "createPullRequest": self._pulls.create,
            "mergePullRequest": self._pulls.merge,
            "enablePullRequestAutoMerge": self._pulls.enable_auto_merge,
        }
        return {
            "viewer": lambda: self.account(self._token.owner),
            "repository": self._repository,
            "repositoryOwner": lambda login: self.account(self._account(login)),
            "node": self._pulls.node,
            **{name: self._noted(name, make) for name, make in mutations.items()},
        }

    def _noted(self, name: str, make: Callable[..., Fields]) -> Callable[..., Fields]:
        def mutate(input: Fields) -> Fields:  # noqa: A002  # GraphQL's name
            made = make(input)
            self.mutated.append(name)
            return {**made, "clientMutationId": input.get("clientMutationId")}

        return mutate

    def _account(self, login: str) -> Account:
        account = self._github.accounts.get(login.lower())
        if account is None:
            raise RefusedError(404, f"Could not resolve to a User with the login of '{login}'.")
        return account

    def account(self, account: Account) -> Fields:
        return {
            "__typename": account.kind,
            "id": account.node_id,
            "databaseId": account.id,
            "login": account.login,
            "name": None,
            "url": f"{self._github.site.web}/{account.login}",
        }

    def _repository(self, owner: str, name: str, followRenames: bool = True) -> Fields:  # noqa: N803  # GraphQL's name
        full_name = f"{owner}/{name}"
        found = self._github.found if followRenames else self._github.repositories.get
        repository = found(full_name.lower())
        if repository is None or not may_see(self._token, repository):
            raise RefusedError(404, f"Could not resolve to a Repository with the name '{full_name}'.")
        return self.repository(repository)

    def repository(self, repository: Repository) -> Fields:
        site, settings = self._github.site, repository.settings
        branches = self._github.branches(repository)
        default = repository.default_branch
        role = {"admin": "ADMIN", "write": "WRITE", "read": "READ", "none": None}[repository.role(self._token.owner)]
        return {
            "__typename": "Repository",
            "id": repository.node_id,
            "databaseId": repository.id,
            "name": repository.name,
            "nameWithOwner": repository.full_name,
            "owner": self.account(repository.owner),
            "description": repository.description,
            "url": f"{site.web}/{repository.full_name}",
            "sshUrl": f"git@{site.host}:{repository.full_name}.git",
            "isPrivate": repository.private,
            "visibility": "PRIVATE" if repository.private else "PUBLIC",
            "isEmpty": not branches,
            "isFork": False,
            "isArchived": repository.archived,
            "parent": None,
            "viewerPermission": role,
            "hasIssuesEnabled": settings["has_issues"],
            "hasWikiEnabled": settings["has_wiki"],
            "mergeCommitAllowed": settings["allow_merge_commit"],
            "squashMergeAllowed": settings["allow_squash_merge"],
            "rebaseMergeAllowed": settings["allow_rebase_merge"],
            "deleteBranchOnMerge": settings["delete_branch_on_merge"],
            "autoMergeAllowed": settings["allow_auto_merge"],
            "viewerDefaultMergeMethod": "MERGE",
            "defaultBranchRef": self._ref(repository, default) if default in branches else None,
            "ref": lambda qualifiedName: self._ref(repository, qualifiedName.removeprefix("refs/heads/")),  # noqa: N803
            "object": lambda **given: self._object(repository, **given),
            "pullRequest": lambda number: self._pulls.one(repository, number),
            "pullRequests": lambda **given: self._pulls.several(repository, **given),
            "assignableUsers": lambda **given: connection([], **given),
            "pullRequestTemplates": [],
            "issueTemplates": [],
        }

    def _ref(self, repository: Repository, branch: str) -> Fields | None:
        sha = self._github.branches(repository).get(branch)
        if sha is None:
            return None
        return {
            "__typename": "Ref",
            "name": branch,
            "prefix": "refs/heads/",
            "id": f"REF_{repository.id}_{branch}",
            "target": {"__typename": "Commit", "oid": sha, "id": f"C_{sha}"},
        }

    def _object(self, repository: Repository, expression: str | None = None, **_: Any) -> Fields | None:
        revision, _colon, path = (expression or "").partition(":")
        content = git.show(repository.git, revision, path) if path else None
        return None if content is None else {"__typename": "Blob", "text": content.decode()}

    def _create_repository(self, sent: Fields) -> Fields:
        owner = self._token.owner
        sent = {name: value for name, value in sent.items() if value not in (None, False) or name in SETTINGS}
        if "ownerId" in sent:
            owner = next((each for each in self._github.accounts.values() if each.node_id == sent["ownerId"]), owner)
            if owner.node_id != sent["ownerId"]:
                raise RefusedError(404, f"Could not resolve to a node with the global id of '{sent['ownerId']}'")
        if unknown := sent.keys() - {"ownerId", "name", "visibility", "description", "clientMutationId", *SETTINGS}:
            raise UnmodelledError(f"createRepository with {sorted(unknown)}")
        try:
            repository = self._github.hosting.create(
                self._token,
                owner.login,
                sent["name"],
                private=sent["visibility"] != "PUBLIC",
                description=sent.get("description"),
            )
        except RefusedError as refused:
            if refused.status == 422:  # GraphQL has other words for it than REST
                raise RefusedError(422, "Name already exists on this account") from None
            raise
        repository.settings.update({SETTINGS[name]: value for name, value in sent.items() if name in SETTINGS})
        demand(self._token, repository, "metadata:read")
        return {"repository": self.repository(repository)}
