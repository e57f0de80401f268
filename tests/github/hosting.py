"""What happens to repositories: made, pushed to, deleted."""

import shutil
from typing import TYPE_CHECKING

from . import git
from .model import Repository, Token, now
from .pushes import Push
from .rest.repositories import SETTINGS
from .rules import Update, violations
from .wire import RefusedError

if TYPE_CHECKING:
    from .stand_in import GitHub

TAKEN = {
    "resource": "Repository",
    "code": "custom",
    "field": "name",
    "message": "name already exists on this account",
}


class Hosting:
    """Do to repositories what REST, GraphQL and git ask for."""

    def __init__(self, github: "GitHub") -> None:
        self._github = github

    def create(self, token: Token, owner: str, name: str, *, private: bool, description: str | None) -> Repository:
        github = self._github
        account = github.accounts[owner.lower()]
        role = "admin" if account is token.owner else account.members.get(token.owner.login)
        full_name = f"{account.login}/{name}"
        if role is None or (role == "member" and not account.members_can_create_repositories):
            raise RefusedError(403, "You need admin access to the organization before adding a repository to it.")
        if token.kind == "classic" and not token.scopes & ({"repo"} if private else {"repo", "public_repo"}):
            raise RefusedError(404, "Not Found")
        if token.kind != "classic" and token.permissions.get("administration") != "write":
            raise RefusedError(403, "Resource not accessible by personal access token")
        if full_name.lower() in github.repositories:
            raise RefusedError(422, "Repository creation failed.", [TAKEN])
        repository = Repository(name, account, private, github.folder / "git", description, settings=dict(SETTINGS))
        repository.git /= f"{repository.id}.git"
        repository.workflow_permissions = account.workflow_permissions
        if account is not token.owner:
            repository.collaborators[token.owner.login] = "admin"
        git.create(repository.git, repository.default_branch, github.pushes.socket)
        github.repositories[full_name.lower()] = repository
        return repository

    def delete(self, repository: Repository) -> None:
        del self._github.repositories[repository.full_name.lower()]
        shutil.rmtree(repository.git)

    def delete_branch(self, repository: Repository, token: Token, branch: str) -> None:
        update = Update(branch, deletes=True, creates=False, forced=False, merges=False, passed_checks=frozenset())
        push = Push(repository, token)
        if broken := violations(repository, push.actor, update):
            raise RefusedError(422, "Repository rule violations found\n\n" + "\n\n".join(broken))
        old = self._github.branches(repository)[branch]
        git.git(repository.git, "update-ref", "-d", f"refs/heads/{branch}", old)
        self.pushed(push, [(old, git.ZERO, f"refs/heads/{branch}")])

    def pushed(self, push: Push, updates: list[tuple[str, str, str]]) -> None:
        """Take note of what a push changed, and start what listens to it."""
        github, repository = self._github, push.repository
        with github.lock:
            branches = github.branches(repository)
            if repository.default_branch not in branches and branches:
                repository.default_branch = next(iter(branches))
                git.git(repository.git, "symbolic-ref", "HEAD", f"refs/heads/{repository.default_branch}")
            repository.pushed_at = now()
            for old, new, ref in updates:
                github.changed(str(push), f"push {repository.full_name} {ref} {old}..{new}")
                github.merging.pushed(push, ref.removeprefix("refs/heads/"), new)
                github.webhooks.pushed(repository, push.owner, ref, old, new)
                for hears in github.listeners:
                    hears(repository, ref, old, new)
                if push.starts_workflows:
                    github.triggers.pushed(repository, push.owner, ref, old, new)
