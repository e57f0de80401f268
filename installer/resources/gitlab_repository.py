"""The GitLab project and its settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..config.settings import FILE, MAIN, TEMPLATE, Settings
from ..engine.resource import Change, Field, Resource
from ..forges.credentials import Credentials
from ..forges.gitlab.api import GitLabApiError
from ..forges.gitlab.project import GitLab, GitLabDeployKeys, GitLabMergeRequests, GitLabWebhooks
from ..support.errors import InstallerError
from ..support.file_lock import Files
from .hosted_repository import ForgeKind, Found, HostedRepository, Words

_ONLY_CHANGED = {"ci_pipeline_variables_minimum_override_role"}
"""What GitLab takes of a project that is there, and passes over where one is made."""
_WORDS: Words = {
    "remove_source_branch_after_merge": ("branches, once merged", {True: "deleted", False: "kept"}),
    "only_allow_merge_if_pipeline_succeeds": ("merges", {True: "after a green pipeline", False: "after any pipeline"}),
    "auto_devops_enabled": ("Auto DevOps", {True: "on", False: "off"}),
    "ci_pipeline_variables_minimum_override_role": ("least role that gives a pipeline variables", {}),
    "default_branch": ("default branch", {}),
}


class GitLabProject(HostedRepository):
    """Made and changed through the API."""

    called = "GitLab project"
    full_name = "path_with_namespace"
    changes_by = "PUT"
    page = "edit"
    requests = "merge requests"
    words = _WORDS

    def desired(self, seen: Found | None) -> Found:
        """Return the fields that are ours; what an older GitLab does not know is left."""
        fields = {
            "visibility": self._settings.visibility,
            "description": self._settings.description,
            "remove_source_branch_after_merge": True,
            "only_allow_merge_if_pipeline_succeeds": True,
            "auto_devops_enabled": False,  # it would build env/dev, which has no .gitlab-ci.yml
            "ci_pipeline_variables_minimum_override_role": "maintainer",  # a rollback takes variables
        }
        return {name: new for name, new in fields.items() if seen is None or name in seen}

    def main_again(self, old: str) -> str:
        """Return where the branch is made."""
        return f"Make {MAIN} again from {old} at {self._settings.url}/-/branches/new, and then run this."

    def renamed_back(self, now: str) -> str:
        """Return where it is moved, or where to write its new group."""
        page = f"https://{self._settings.host}/{now}/edit"
        return f"Move it back at {page} (Advanced), or write its new group into {FILE}, gitlab.owner."

    def create(self, inherit: Files) -> Found:
        """Create it; where the answer was lost, look whether it is there."""
        namespace = self._client.call("GET", f"/namespaces/{self._settings.owner.replace('/', '%2F')}")
        body = {"name": self._settings.slug, "path": self._settings.slug, "namespace_id": namespace["id"]}
        body |= {name: new for name, new in self.desired(None).items() if name not in _ONLY_CHANGED}
        try:
            self._client.call("POST", "/projects", {**body, "initialize_with_readme": False})
        except InstallerError as error:
            refused = isinstance(error, GitLabApiError) and error.status < 500
            if refused or (made := self.observe()) is None:
                raise
            return made
        if (seen := self.observe()) is None:
            raise InstallerError(f"{self._settings.url} was created but cannot be seen.", "Run this again.")
        return seen

    def deleted(self, left: Found | None) -> str:
        """Say what GitLab makes of that: it keeps a project for some days."""
        if left and left.get("marked_for_deletion_on"):
            return f"will be deleted by GitLab, marked on {left['marked_for_deletion_on']}"
        return f"{super().deleted(left)} (GitLab may keep it for some days, under another name)"


# --- protected branches ---------------------------------------------------------------------------

NO_ONE, MAINTAINERS = 0, 40
_LEVELS = {NO_ONE: "no one", 30: "developers", MAINTAINERS: "maintainers", 60: "administrators"}


@dataclass(frozen=True)
class Rule:
    """Who may push to a branch, who may merge into it, and whether anybody may rewrite it."""

    push: int
    merge: int
    force: bool = False

    def __str__(self) -> str:
        reported = f"push: {_LEVELS.get(self.push, self.push)}, merge: {_LEVELS.get(self.merge, self.merge)}"
        return f"{reported}, and it can be rewritten" if self.force else reported


FOR_MAIN = Rule(NO_ONE, MAINTAINERS)


class GitLabRules(Resource[dict[str, Rule | None]]):
    """One rule a branch, made before the branch is: whoever may merge is who may deploy, and secrets need a rule.

    GitLab lets a maintainer make the default branch of an empty project although no one may push to it.
    """

    lane = "gitlab"
    key = "rules"
    needs = ("repository", "variables")

    def __init__(self, settings: Settings, gitlab: GitLab, _: tuple[str, ...], __: str) -> None:
        self.nothing: dict[str, Rule | None] = {}
        self._gitlab = gitlab
        self._desired = {MAIN: FOR_MAIN, **dict.fromkeys((*settings.branches, TEMPLATE), Rule(MAINTAINERS, NO_ONE))}
        self.title = f"protected branches {MAIN} and {' and '.join(settings.branches)} (maintainers can deploy)"

    def observe(self) -> dict[str, Rule | None]:
        """Return the rules of our branches by name. Another environment's stays: so does its branch, the record."""
        found = {each["name"]: each for each in self._gitlab.pages(self._gitlab.path("protected_branches"))}
        return {name: _rule(found[name]) for name in self._desired if name in found}

    def diff(self, seen: dict[str, Rule | None]) -> Change | None:
        """Compare each rule with ours."""
        fields = [
            Field(name, _shown(seen, name), str(rule))
            for name, rule in self._desired.items()
            if name not in seen or seen[name] != rule
        ]
        return Change("change" if seen else "create", tuple(fields)) if fields else None

    def apply(self, seen: dict[str, Rule | None], change: Change) -> None:
        """Make those that are missing, and those that differ."""
        for field in change.fields:
            _protect(self._gitlab, field.name, self._desired[field.name], there=field.name in seen)

    def remove(self) -> str:
        """Delete our rules; main keeps one that is GitLab's own usual one."""
        gone = [name for name in self._desired if self._gitlab.delete(self._gitlab.path("protected_branches", name))]
        return f"deleted {', '.join(gone)}" if gone else "were not there"


@contextmanager
def allow_maintainers_to_push(gitlab: GitLab) -> Iterator[None]:
    """Let maintainers push to main for the length of a block.

    GitLab lets them make the default branch of an empty project whatever its rule says, but not add to one.
    """
    _protect(gitlab, MAIN, Rule(MAINTAINERS, MAINTAINERS))
    try:
        yield
    finally:
        _protect(gitlab, MAIN, FOR_MAIN)


def _protect(gitlab: GitLab, branch: str, rule: Rule, *, there: bool = True) -> None:
    """Give a branch a rule; one that may be there is made anew, since the free tier changes no rule."""
    if there:
        gitlab.delete(gitlab.path("protected_branches", branch))
    body = {"name": branch, "push_access_level": rule.push, "merge_access_level": rule.merge}
    gitlab.call("POST", gitlab.path("protected_branches"), {**body, "allow_force_push": rule.force})


def _rule(found: dict[str, Any]) -> Rule | None:
    """Read a rule; None where it also names users, groups or keys, as a paid tier can."""
    levels = [[each.get("access_level") for each in found[f"{kind}_access_levels"]] for kind in ("push", "merge")]
    if any(len(each) != 1 or each[0] is None for each in levels):
        return None
    return Rule(levels[0][0], levels[1][0], bool(found["allow_force_push"]))


def _shown(seen: dict[str, Rule | None], name: str) -> str | None:
    return str(seen[name] or "another rule") if name in seen else None


# --- all that the code host consists of ------------------------------------------------------------


def _connect(settings: Settings, credentials: Credentials) -> GitLab:
    return GitLab(settings.host, credentials.token, settings.repository if settings.slug else "", ca=settings.ca)


FORGE = ForgeKind(
    _connect,
    GitLabDeployKeys,
    GitLabProject,
    GitLabRules,
    GitLabWebhooks,
    GitLabMergeRequests,
    allows_initial_push=allow_maintainers_to_push,
)
