"""The GitLab project and its settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..config.settings import FILE, MAIN, TEMPLATE, Settings
from ..engine.resource import Change, Field, Lane, Resource, Words, blocked, differences, worded
from ..forges.credentials import Credentials
from ..forges.gitlab.api import GitLabApiError
from ..forges.gitlab.project import GitLab
from ..support.errors import InstallerError
from ..support.file_lock import locked

_ONLY_CHANGED = {"ci_pipeline_variables_minimum_override_role"}
"""What GitLab takes of a project that is there, and passes over where one is made."""
_WORDS: Words = {
    "remove_source_branch_after_merge": ("branches, once merged", {True: "deleted", False: "kept"}),
    "only_allow_merge_if_pipeline_succeeds": ("merges", {True: "after a green pipeline", False: "after any pipeline"}),
    "auto_devops_enabled": ("Auto DevOps", {True: "on", False: "off"}),
    "ci_pipeline_variables_minimum_override_role": ("least role that gives a pipeline variables", {}),
    "default_branch": ("default branch", {}),
}


class GitLabProject(Resource[dict[str, Any] | None]):
    """Made and changed through the API, one field at a time, and never made anew to change a setting."""

    lane: Lane = "gitlab"
    key = "repository"

    def __init__(self, settings: Settings, gitlab: GitLab, _: Credentials, *, remove_it: bool = False) -> None:
        self._settings = settings
        self._gitlab = gitlab
        self._remove_it = remove_it
        self.title = f"GitLab project {settings.repository}"

    @property
    def _desired(self) -> dict[str, Any]:
        return {
            "visibility": self._settings.visibility,
            "description": self._settings.description,
            "remove_source_branch_after_merge": True,
            "only_allow_merge_if_pipeline_succeeds": True,
            "auto_devops_enabled": False,  # it would build env/dev, which has no .gitlab-ci.yml
            "ci_pipeline_variables_minimum_override_role": "maintainer",  # a rollback takes variables
        }

    def observe(self) -> dict[str, Any] | None:
        """Return GitLab's own description of the project, or None."""
        found = self._gitlab.find()
        if found is None:
            return None
        default = found.get("default_branch") or MAIN  # of an empty project GitLab names none
        branches = [name for name in (MAIN, default) if default != MAIN and self._gitlab.head(name)]
        return {**found, "description": found["description"] or "", "branches": branches}

    def blank(self) -> dict[str, Any] | None:
        """Return what is seen where nothing was made yet."""
        return None

    def diff(self, seen: dict[str, Any] | None) -> Change | None:
        """Compare the settings that are ours; what an older GitLab does not know is left."""
        if seen is None:
            return Change("create", worded(differences(self._desired, {}), _WORDS))
        if seen["path_with_namespace"].casefold() != self._settings.repository.casefold():
            where = seen["path_with_namespace"]
            page = f"https://{self._settings.host}/{where}/edit"
            fix = f"Move it back at {page} (Advanced), or write its new group into {FILE}, gitlab.owner."
            return blocked(f"it is {where} now", fix)
        if seen.get("marked_for_deletion_on"):
            return blocked("it waits to be deleted", f"Restore it at {self._settings.url}/edit")
        if seen["archived"]:
            return blocked("it is archived", f"Unarchive it at {self._settings.url}/edit")
        if seen["branches"] and MAIN not in seen["branches"]:
            old = seen["default_branch"]
            again = f"Make {MAIN} again from {old} at {self._settings.url}/-/branches/new, and then run this."
            return blocked(f"it has no branch {MAIN}, its default branch is {old}", again)
        fields = differences(self._wanted(seen), seen)
        return Change("change", worded(fields, _WORDS), self._note(seen)) if fields else None

    def _wanted(self, seen: dict[str, Any]) -> dict[str, Any]:
        known = {name: new for name, new in self._desired.items() if name in seen}
        return {**known, **({"default_branch": MAIN} if seen["branches"] else {})}

    def _note(self, seen: dict[str, Any]) -> str:
        """Say what the difference means where the fields alone do not."""
        notes = []
        if self._settings.private and seen["visibility"] == "public":
            notes.append(
                f"anyone may have read it since it was made public; to leave it so: gitlab.visibility in {FILE}"
            )
        if seen["branches"]:
            notes.append(f"merge requests and clones start with {seen['default_branch']}, which nothing deploys")
        return "; ".join(notes)

    def apply(self, seen: dict[str, Any] | None, change: Change) -> None:
        """Create the project where it is missing, then set what differs."""
        if seen is None:
            with locked(f"project {self._settings.url}", 60):
                seen = self.observe() or self._create()
        body = {f.name: f.new for f in differences(self._wanted(seen), seen)}
        if body:
            self._gitlab.call("PUT", self._gitlab.path(), body)

    def _create(self) -> dict[str, Any]:
        """Create it; where the answer was lost, look whether it is there."""
        namespace = self._gitlab.call("GET", f"/namespaces/{self._settings.owner.replace('/', '%2F')}")
        body = {"name": self._settings.slug, "path": self._settings.slug, "namespace_id": namespace["id"]}
        body |= {name: new for name, new in self._desired.items() if name not in _ONLY_CHANGED}
        try:
            self._gitlab.call("POST", "/projects", {**body, "initialize_with_readme": False})
        except GitLabApiError as error:
            if error.status < 500:
                raise
            self._must_be_there(error)
        except InstallerError as error:
            self._must_be_there(error)
        seen = self.observe()
        if seen is None:
            raise InstallerError(f"{self._settings.url} was created but cannot be seen.", "Run this again.")
        return seen

    def _must_be_there(self, error: InstallerError) -> None:
        if self.observe() is None:
            raise error

    def removal(self, seen: dict[str, Any] | None) -> str:
        """Say whether it stays, which it does where nobody asked for its end."""
        if seen is None:
            return ""
        stays = f"stays: {self._settings.url} with its branches (--repository deletes it)"
        return "goes, with all its history" if self._remove_it else stays

    def remove(self) -> str:
        """Delete the project where that was asked for by name; it stays otherwise."""
        if not self._remove_it:
            return self.removal(self._gitlab.find()) or "was not there"
        if not self._gitlab.delete(self._gitlab.path()):
            return "was not there"
        left = self._gitlab.find()
        if left is None:
            return "deleted (GitLab may keep it for some days, under another name)"
        if left.get("marked_for_deletion_on"):
            return f"will be deleted by GitLab, marked on {left['marked_for_deletion_on']}"
        raise InstallerError(f"{self._settings.url} is still there.", f"Delete it at {self._settings.url}/edit.")


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

    lane: Lane = "gitlab"
    key = "rules"
    needs = ("repository", "variables")

    def __init__(self, settings: Settings, gitlab: GitLab, _: tuple[str, ...] = (), __: str = "") -> None:
        self._gitlab = gitlab
        self._desired = {MAIN: FOR_MAIN, **dict.fromkeys((*settings.branches, TEMPLATE), Rule(MAINTAINERS, NO_ONE))}
        self.title = f"protected branches {MAIN} and {' and '.join(settings.branches)} (maintainers can deploy)"

    def observe(self) -> dict[str, Rule | None]:
        """Return the rules of our branches by name; those of all environments are, `env/*` aside."""
        found = {each["name"]: each for each in self._gitlab.pages(self._gitlab.path("protected_branches"))}
        ours = (*self._desired, *(name for name in found if name.startswith("env/") and "*" not in name))
        return {name: _rule(found[name]) for name in ours if name in found}

    def blank(self) -> dict[str, Rule | None]:
        """Return what is seen where nothing was made yet."""
        return {}

    def diff(self, seen: dict[str, Rule | None]) -> Change | None:
        """Compare each rule with ours."""
        fields = [
            Field(name, _shown(seen, name), str(rule))
            for name, rule in self._desired.items()
            if name not in seen or seen[name] != rule
        ]
        fields += [Field(name, _shown(seen, name), None) for name in seen if name not in self._desired]
        return Change("change" if seen else "create", tuple(fields)) if fields else None

    def apply(self, seen: dict[str, Rule | None], change: Change) -> None:
        """Make those that are missing, and those that differ."""
        for field in change.fields:
            if rule := self._desired.get(field.name):
                _protect(self._gitlab, field.name, rule, there=field.name in seen)
            else:  # of an environment that there is no more
                self._gitlab.delete(self._gitlab.path("protected_branches", field.name))

    def remove(self) -> str:
        """Delete our rules; main keeps one that is GitLab's own usual one."""
        ours = dict.fromkeys([*self._desired, *self.observe()])
        gone = [name for name in ours if self._gitlab.delete(self._gitlab.path("protected_branches", name))]
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
