"""Pull requests made, followed and really merged."""

from typing import TYPE_CHECKING, Any

from . import git, results
from .model import Repository, Token, now, number
from .pulls import PullRequest
from .pushes import Push
from .rules import Update, rules_of, violations
from .wire import RefusedError, UnmodelledError

if TYPE_CHECKING:
    from .stand_in import GitHub

ALLOWED = {"merge": "allow_merge_commit", "squash": "allow_squash_merge", "rebase": "allow_rebase_merge"}
REFUSED = {"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}


class Merging:
    """What happens to the pull requests of all repositories."""

    def __init__(self, github: "GitHub") -> None:
        self._github = github

    def create(
        self, repository: Repository, token: Token, *, title: str, body: str | None, base: str, head: str, draft: bool
    ) -> PullRequest:
        branches = self._github.branches(repository)
        head = head.rpartition(":")[2]
        for field, branch in (("base", base), ("head", head)):
            if branch not in branches:
                raise _invalid({"resource": "PullRequest", "field": field, "code": "invalid"})
        if git.is_ancestor(repository.git, branches[head], branches[base]):
            raise _custom(f"No commits between {base} and {head}")
        if any(each.state == "OPEN" and each.head == head and each.base == base for each in repository.pulls.values()):
            raise _custom(f"A pull request already exists for {repository.owner.login}:{head}.")
        if token.kind == "run" and not repository.can_approve_pull_requests:
            raise RefusedError(403, "GitHub Actions is not permitted to create or approve pull requests.")
        pull = PullRequest(
            len(repository.pulls) + 1, number(), title, body, token.owner.login, base, head, now(), draft=draft
        )
        repository.pulls[pull.number] = pull
        self._follow(repository, pull, branches)
        if token.kind != "run":
            self._github.triggers.pull_request(repository, token.owner, pull, "opened")
        return pull

    def _follow(self, repository: Repository, pull: PullRequest, branches: dict[str, str]) -> None:
        """Keep refs/pull/N/head and refs/pull/N/merge where the branches are."""
        pull.head_sha, pull.base_sha = branches[pull.head], branches[pull.base]
        place = f"refs/pull/{pull.number}"
        git.git(repository.git, "update-ref", f"{place}/head", pull.head_sha)
        tree = git.merge_tree(repository.git, pull.base_sha, pull.head_sha)
        if tree is None:
            git.git(repository.git, "update-ref", "-d", f"{place}/merge")
            return
        message = f"Merge {pull.head_sha} into {pull.base_sha}"
        merged = git.commit_tree(repository.git, tree, [pull.base_sha, pull.head_sha], message, git.GITHUB)
        git.git(repository.git, "update-ref", f"{place}/merge", merged)

    def enqueue(self, repository: Repository, token: Token, pull: PullRequest) -> str:
        """Put a pull request into main's merge queue, alone in its group; return the commit that it asks checks for.

        GitHub makes it on a branch of its own, on top of the base as it is, and moves the base to it once it is green:
        docs.github.com, "Managing a merge queue".
        """
        tree = git.merge_tree(repository.git, pull.base_sha, pull.head_sha)
        if tree is None:
            raise RefusedError(405, "Pull Request is not mergeable")
        message = f"Merge pull request #{pull.number} from {pull.head}"
        made = git.commit_tree(repository.git, tree, [pull.base_sha, pull.head_sha], message, git.GITHUB)
        ref = f"refs/heads/gh-readonly-queue/{pull.base}/pr-{pull.number}-{pull.base_sha}"
        git.git(repository.git, "update-ref", ref, made)
        self._github.triggers.pushed(repository, token.owner, ref, git.ZERO, made)
        self._github.triggers.merge_group(repository, token.owner, pull.base, pull.base_sha, ref, made)
        return made

    def merge_ref(self, repository: Repository, pull: PullRequest) -> str | None:
        """Name the commit that GitHub would test: the merge as it would be; None where it conflicts."""
        return git.refs(repository.git, f"refs/pull/{pull.number}/").get("merge")

    def pushed(self, push: Push, branch: str, new: str) -> None:
        """Follow a branch that a pull request comes from or goes to."""
        repository = push.repository
        branches = self._github.branches(repository)
        for pull in [each for each in repository.pulls.values() if each.state == "OPEN"]:
            if branch == pull.head and new == git.ZERO:
                pull.state, pull.closed_at = "CLOSED", now()
            elif branch in {pull.head, pull.base} and pull.base in branches:
                self._follow(repository, pull, branches)
                if branch == pull.head:
                    pull.pushed_by = push.owner.login
                if branch == pull.head and push.starts_workflows:
                    self._github.triggers.pull_request(repository, push.owner, pull, "synchronize")

    def obstacles(self, repository: Repository, token: Token, pull: PullRequest) -> list[str]:
        """Say what the rules of the base branch have against merging now."""
        actor = Push(repository, token).actor
        update = Update(
            pull.base,
            deletes=False,
            creates=False,
            forced=False,
            merges=False,
            passed_checks=self._github.passed_checks(repository, pull.head_sha),
        )
        found = violations(repository, actor, update, pull_request=True)
        for ruleset, rule in rules_of(repository, pull.base):
            parameters = rule.get("parameters", {})
            if actor.bypasses(ruleset):
                continue
            if rule["type"] == "pull_request":
                found += self._unapproved(repository, pull, parameters)
            strict = parameters.get("strict_required_status_checks_policy")
            if strict and not git.is_ancestor(repository.git, pull.base_sha, pull.head_sha):
                found.append("This branch must be up to date with its base before merging.")
        return found

    def _unapproved(self, repository: Repository, pull: PullRequest, wanted: dict[str, Any]) -> list[str]:
        """Say which approvals are lacking: each must come from somebody else who may write."""
        if wanted.get("require_code_owner_review") and any(
            git.show(repository.git, pull.base_sha, f"{folder}CODEOWNERS") for folder in ("", ".github/", "docs/")
        ):
            raise UnmodelledError("who owns which code")
        current = [a for a in pull.approvals if a.sha == pull.head_sha or not wanted["dismiss_stale_reviews_on_push"]]
        people = {
            each.login
            for each in current
            if repository.role(self._github.accounts[each.login.lower()]) in {"admin", "write"}
        }
        count, found = wanted["required_approving_review_count"], []
        if len(people) < count:
            found.append(f"At least {count} approving review is required by reviewers with write access.")
        last = pull.pushed_by or pull.author
        if wanted["require_last_push_approval"] and not any(
            each.sha == pull.head_sha and each.login in people - {last} for each in current
        ):
            found.append("New changes require approval from someone other than the last pusher.")
        return found

    def state(self, repository: Repository, token: Token, pull: PullRequest) -> str:
        """Say in GraphQL's words whether it can be merged."""
        if pull.state != "OPEN":
            return "UNKNOWN"
        if pull.draft:
            return "DRAFT"
        if self.merge_ref(repository, pull) is None:
            return "DIRTY"
        if self.obstacles(repository, token, pull):
            return "BLOCKED"
        return "CLEAN" if all(results.states(repository, pull.head_sha).values()) else "UNSTABLE"

    def merge(
        self,
        repository: Repository,
        token: Token,
        pull: PullRequest,
        method: str = "merge",
        *,
        title: str | None = None,
        message: str | None = None,
        expected_head: str | None = None,
    ) -> str:
        """Merge for real, delete the branch where that is set, and start what listens to the push."""
        if expected_head not in {None, pull.head_sha}:
            raise RefusedError(409, "Head branch was modified. Review and try the merge again.")
        if pull.state != "OPEN" or pull.draft or self.merge_ref(repository, pull) is None:
            raise RefusedError(405, "Pull Request is not mergeable")
        if not repository.settings[ALLOWED[method]]:
            raise RefusedError(405, f"{REFUSED[method]} are not allowed on this repository.")
        if obstacles := self.obstacles(repository, token, pull):
            raise RefusedError(405, "Repository rule violations found\n\n" + "\n\n".join(obstacles) + "\n\n")
        merged = self._merged(repository, token, pull, method, title, message)
        old = pull.base_sha
        git.git(repository.git, "update-ref", f"refs/heads/{pull.base}", merged, old)
        pull.state, pull.merge_commit, pull.merged_by = "MERGED", merged, token.owner.login
        pull.merged_at = pull.closed_at = now()
        push = Push(repository, token)
        self._github.hosting.pushed(push, [(old, merged, f"refs/heads/{pull.base}")])
        if repository.settings["delete_branch_on_merge"] and pull.head in self._github.branches(repository):
            self._github.hosting.delete_branch(repository, token, pull.head)
        return merged

    def _merged(
        self,
        repository: Repository,
        token: Token,
        pull: PullRequest,
        method: str,
        title: str | None,
        message: str | None,
    ) -> str:
        folder, login = repository.git, token.owner.login
        author = (login, f"{login}@users.noreply.{self._github.site.host}")
        if method == "rebase":
            return git.rebase(folder, pull.base_sha, pull.head_sha)
        tree = git.merge_tree(folder, pull.base_sha, pull.head_sha)
        assert tree is not None
        if method == "squash":
            own = git.commits(folder, f"{pull.base_sha}..{pull.head_sha}")
            one = own[0].message.partition("\n")[0] if len(own) == 1 else pull.title  # COMMIT_OR_PR_TITLE
            parents, subject = [pull.base_sha], f"{one} (#{pull.number})"
        else:
            parents = [pull.base_sha, pull.head_sha]
            subject = f"Merge pull request #{pull.number} from {repository.owner.login}/{pull.head}"
        text = (
            f"{title or subject}\n\n{pull.title if message is None and method == 'merge' else message or ''}".rstrip()
        )
        return git.commit_tree(folder, tree, parents, text + "\n", author)

    def merge_what_waits(self, repository: Repository) -> None:
        """Merge the pull requests that were only waiting for their checks."""
        for pull in list(repository.pulls.values()):
            if pull.auto_merge and self.state(repository, pull.auto_merge[0], pull) in {"CLEAN", "UNSTABLE"}:
                self.merge(repository, *(pull.auto_merge[0], pull, pull.auto_merge[1]))


def _invalid(error: object) -> RefusedError:
    return RefusedError(422, "Validation Failed", [error])


def _custom(message: str) -> RefusedError:
    return _invalid({"resource": "PullRequest", "code": "custom", "message": message})
