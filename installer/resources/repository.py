"""The GitHub repository and its settings."""

from typing import Any

from .. import shell
from ..credentials import Credentials
from ..errors import InstallerError
from ..github import GitHub
from ..resource import Change, Field, Lane, Resource, differences
from ..settings import Settings


class Repository(Resource[dict[str, Any] | None]):
    """Made by `gh`; changed by PATCH, one field at a time, and never made anew to change a setting."""

    lane: Lane = "github"
    key = "repository"

    def __init__(
        self, settings: Settings, github: GitHub, credentials: Credentials, *, remove_it: bool = False
    ) -> None:
        self._settings = settings
        self._github = github
        self._credentials = credentials
        self._remove_it = remove_it
        self.title = f"GitHub repository {settings.repository}"

    @property
    def _desired(self) -> dict[str, Any]:
        return {
            "private": self._settings.private,
            "description": self._settings.description,
            "delete_branch_on_merge": True,
        }

    def observe(self) -> dict[str, Any] | None:
        """Return GitHub's own description of the repository, or None."""
        found = self._github.find()
        return found and {**found, "description": found["description"] or ""}

    def blank(self) -> dict[str, Any] | None:
        """Return what is seen where nothing was made yet."""
        return None

    def diff(self, seen: dict[str, Any] | None) -> Change | None:
        """Compare the settings that are ours: visibility, description, branches that go once merged."""
        if seen is None:
            return Change("create", tuple(Field(name, None, new) for name, new in self._desired.items()))
        if seen["archived"]:
            return Change("unavailable", note=f"it is archived: {self._settings.url}/settings")
        fields = differences(self._desired, seen)
        return Change("change", fields) if fields else None

    def apply(self, seen: dict[str, Any] | None, change: Change) -> None:
        """Create the repository where it is missing, then set what differs."""
        if seen is None:
            flags = ["--private" if self._settings.private else "--public", "--disable-wiki"]
            if self._settings.description:
                flags += [f"--description={self._settings.description}"]
            shell.run("gh", "repo", "create", self._settings.repository, *flags, env=self._credentials.environment)
            seen = self.observe()
            if seen is None:
                raise InstallerError(f"{self._settings.url} was created but cannot be seen.", "Run this again.")
        body = {field.name: field.new for field in differences(self._desired, seen)}
        if body:
            self._github.call("PATCH", self._github.path(), body)

    def remove(self) -> str:
        """Delete the repository where that was asked for by name; it stays otherwise."""
        if not self._remove_it:
            return f"stays: {self._settings.url} with its branches (--repository deletes it)"
        if not self._github.delete(self._github.path()):
            return "was not there"
        if self._github.find():
            raise InstallerError(f"{self._settings.url} is still there.", "Delete it on its settings page.")
        return "deleted"
