"""The GitLab project and its settings."""

from typing import Any

from ..config.settings import FILE, MAIN, Settings
from ..engine.resource import Change, Lane, Resource, Words, blocked, differences, worded
from ..forges.credentials import Credentials
from ..forges.gitlab.api_errors import GitLabApiError
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
