"""What happens to repositories: made, pushed to, deleted."""

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from . import git
from .model import Account, Repository, Token, now
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

    def initialize(self, repository: Repository, token: Token, files: dict[str, str]) -> None:
        """Make the first commit as GitHub's form does: its author is the user, its committer GitHub; no run starts."""
        login = token.owner.login
        author = (login, f"{login}@users.noreply.{self._github.site.host}")
        git.initial_commit(repository.git, repository.default_branch, files, author)

    def move(self, repository: Repository, owner: Account, name: str) -> None:
        """Rename or transfer; what was stored for it stays, and its former names lead here.

        A name in the way of a redirect wins: docs.github.com, "Renaming a repository" and "Transferring a repository".
        """
        github, before = self._github, repository.full_name
        after = f"{owner.login}/{name}"
        if after.lower() in github.repositories and after.lower() != before.lower():
            raise RefusedError(422, "Validation Failed", [TAKEN])
        del github.repositories[before.lower()]
        if repository.owner is not owner and repository.owner.kind == "User":
            repository.collaborators[repository.owner.login] = "admin"
        repository.owner, repository.name = owner, name
        github.former_names[before.lower()] = repository
        github.former_names.pop(after.lower(), None)
        github.repositories[after.lower()] = repository
        for secret, token in github.tokens.items():  # they and Apps know repositories by number
            if token.repositories and before in token.repositories:
                github.tokens[secret] = replace(token, repositories=token.repositories - {before} | {after})
        for installation in github.apps.installations.values():
            if installation.repositories and before in installation.repositories:
                stays = {after} if installation.account is owner else set()
                installation.repositories = installation.repositories - {before} | stays

    def set_default_branch(self, repository: Repository, branch: str) -> None:
        """Let a clone start with another branch."""
        repository.default_branch = branch
        git.git(repository.git, "symbolic-ref", "HEAD", f"refs/heads/{branch}")

    def rename_branch(self, repository: Repository, old: str, new: str) -> None:
        """Rename a branch, and with it what refers to it; its former name leads here over REST, never for git.

        Rulesets stay as they are: GitHub speaks of "branch protection policies" only, which rulesets are not.
        docs.github.com, "Renaming a branch".
        """
        branches = self._github.branches(repository)
        if new in branches:
            raise RefusedError(422, "Validation Failed", [f"Branch {new} already exists"])
        git.git(repository.git, "update-ref", f"refs/heads/{new}", branches[old])
        if repository.default_branch == old:
            self.set_default_branch(repository, new)
        git.git(repository.git, "update-ref", "-d", f"refs/heads/{old}", branches[old])
        former = {name: new if present == old else present for name, present in repository.former_branches.items()}
        repository.former_branches = {**former, old: new}
        repository.former_branches.pop(new, None)
        for pull in repository.pulls.values():
            if pull.state == "OPEN" and pull.base == old:
                pull.base = new
            elif pull.state == "OPEN" and pull.head == old:
                pull.state, pull.closed_at = "CLOSED", now()

    def delete(self, repository: Repository) -> None:
        del self._github.repositories[repository.full_name.lower()]
        former = self._github.former_names
        for name in [name for name, each in former.items() if each is repository]:
            del former[name]
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
                self.set_default_branch(repository, next(iter(branches)))
            repository.pushed_at = now()
            for old, new, ref in updates:
                github.changed(str(push), f"push {repository.full_name} {ref} {old}..{new}")
                github.merging.pushed(push, ref.removeprefix("refs/heads/"), new)
                github.webhooks.pushed(repository, push.owner, ref, old, new)
                for hears in github.listeners:
                    hears(repository, ref, old, new)
                if push.starts_workflows:
                    github.triggers.pushed(repository, push.owner, ref, old, new)
