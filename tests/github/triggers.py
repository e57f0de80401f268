"""What starts runs: pushes, pull requests and dispatches, through the filters of each workflow."""

from typing import TYPE_CHECKING, Any

from . import events, git
from .model import Account, Repository, Token
from .pulls import PullRequest
from .runs import Run
from .wire import RefusedError
from .workflows import workflows

if TYPE_CHECKING:
    from .stand_in import GitHub

SKIP = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")


class Triggers:
    """Start what listens."""

    def __init__(self, github: "GitHub") -> None:
        self._github = github

    def pushed(self, repository: Repository, who: Account, ref: str, old: str, new: str) -> None:
        if new == git.ZERO or not ref.startswith("refs/heads/") or not repository.actions["enabled"]:
            return
        head = git.commits(repository.git, new, "-1")[0]
        if any(mark in head.message for mark in SKIP):
            return
        changed = git.changed(repository.git, old, new)
        payload = events.push(self._github.site, repository, who, ref, old, new)
        branch = ref.removeprefix("refs/heads/")
        for workflow in workflows(repository, new):
            if workflow.wants("push", branch, changed):
                title = head.message.partition("\n")[0]
                self._github.runner.start(
                    repository, workflow, "push", payload, who.login, branch, new, new, ref, title
                )

    def pull_request(self, repository: Repository, who: Account, pull: PullRequest, action: str) -> None:
        for hears in self._github.reviewers:
            hears(repository, pull)
        sha = self._github.merging.merge_ref(repository, pull)
        if sha is None or not repository.actions["enabled"]:
            return
        if any(mark in git.commits(repository.git, pull.head_sha, "-1")[0].message for mark in SKIP):
            return
        payload = events.pull_request(self._github.site, repository, who, pull, action, sha)
        changed = git.changed(repository.git, pull.base_sha, sha)
        for workflow in workflows(repository, sha):
            if workflow.wants("pull_request", pull.base, changed, action):
                ref = f"refs/pull/{pull.number}/merge"
                self._github.runner.start(
                    repository,
                    workflow,
                    "pull_request",
                    payload,
                    who.login,
                    pull.head,
                    pull.head_sha,
                    sha,
                    ref,
                    pull.title,
                )

    def merge_group(self, repository: Repository, who: Account, base: str, old: str, ref: str, new: str) -> None:
        """A merge queue asks for the checks of a commit that it made; workflows are those of that commit."""
        payload = events.merge_group(self._github.site, repository, who, base, old, ref, new)
        title = git.commits(repository.git, new, "-1")[0].message.partition("\n")[0]
        branch = ref.removeprefix("refs/heads/")
        for workflow in workflows(repository, new):
            if workflow.wants("merge_group", base, git.changed(repository.git, old, new)):
                self._github.runner.start(
                    repository, workflow, "merge_group", payload, who.login, branch, new, new, ref, title
                )

    def dispatch(self, repository: Repository, token: Token, path: str, ref: str, inputs: dict[str, Any]) -> Run:
        branch = ref.removeprefix("refs/heads/")
        sha = self._github.branches(repository).get(branch)
        if sha is None:
            raise RefusedError(422, f"No ref found for: {ref}")
        workflow = next((each for each in workflows(repository, sha) if each.path == path), None)
        if workflow is None or "workflow_dispatch" not in workflow.events:
            raise RefusedError(422, "Workflow does not have 'workflow_dispatch' trigger")
        complete = workflow.inputs(inputs)
        who = token.owner
        login = "github-actions[bot]" if token.kind == "run" else who.login
        payload = events.dispatch(self._github.site, repository, who, f"refs/heads/{branch}", path, complete)
        return self._github.runner.start(
            repository,
            workflow,
            "workflow_dispatch",
            payload,
            login,
            branch,
            sha,
            sha,
            f"refs/heads/{branch}",
            workflow.name,
        )
