"""The GitLab project and its settings."""

from typing import Any

from ..credentials import Credentials
from ..errors import InstallerError
from ..gitlab import GitLab
from ..gitlab_refused import RefusedByGitLab
from ..resource import Change, Field, Lane, Resource, blocked, differences
from ..settings import FILE, Settings
from ..turn import turn

_ONLY_CHANGED = {"ci_pipeline_variables_minimum_override_role"}
"""What GitLab takes of a project that is there, and passes over where one is made."""


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
        return found and {**found, "description": found["description"] or ""}

    def blank(self) -> dict[str, Any] | None:
        """Return what is seen where nothing was made yet."""
        return None

    def diff(self, seen: dict[str, Any] | None) -> Change | None:
        """Compare the settings that are ours; what an older GitLab does not know is left."""
        if seen is None:
            return Change("create", tuple(Field(name, None, new) for name, new in self._desired.items()))
        if seen["path_with_namespace"].casefold() != self._settings.repository.casefold():
            where = seen["path_with_namespace"]
            return blocked(f"it is {where} now", f"Correct gitlab.owner or project.slug in {FILE}.")
        if seen.get("marked_for_deletion_on"):
            return blocked("it waits to be deleted", f"Restore it at {self._settings.url}/edit")
        if seen["archived"]:
            return blocked("it is archived", f"Unarchive it at {self._settings.url}/edit")
        fields = differences({name: new for name, new in self._desired.items() if name in seen}, seen)
        return Change("change", fields) if fields else None

    def apply(self, seen: dict[str, Any] | None, change: Change) -> None:
        """Create the project where it is missing, then set what differs."""
        if seen is None:
            with turn(f"project {self._settings.url}", 60):
                seen = self.observe() or self._create()
        body = {f.name: f.new for f in differences({n: v for n, v in self._desired.items() if n in seen}, seen)}
        if body:
            self._gitlab.call("PUT", self._gitlab.path(), body)

    def _create(self) -> dict[str, Any]:
        """Create it; where the answer was lost, look whether it is there."""
        namespace = self._gitlab.call("GET", f"/namespaces/{self._settings.owner.replace('/', '%2F')}")
        body = {"name": self._settings.slug, "path": self._settings.slug, "namespace_id": namespace["id"]}
        body |= {name: new for name, new in self._desired.items() if name not in _ONLY_CHANGED}
        try:
            self._gitlab.call("POST", "/projects", {**body, "initialize_with_readme": False})
        except RefusedByGitLab as error:
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

    def remove(self) -> str:
        """Delete the project where that was asked for by name; it stays otherwise."""
        if not self._remove_it:
            return f"stays: {self._settings.url} with its branches (--repository deletes it)"
        if not self._gitlab.delete(self._gitlab.path()):
            return "was not there"
        left = self._gitlab.find()
        if left is None:
            return "deleted (GitLab may keep it for some days, under another name)"
        if left.get("marked_for_deletion_on"):
            return f"will be deleted by GitLab, marked on {left['marked_for_deletion_on']}"
        raise InstallerError(f"{self._settings.url} is still there.", f"Delete it at {self._settings.url}/edit.")
