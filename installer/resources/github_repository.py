"""The GitHub repository and its settings."""

from typing import Any

from ..config.settings import FILE, MAIN, Settings
from ..engine.resource import Change, Lane, Resource, Words, blocked, differences, worded
from ..forges.credentials import Credentials
from ..forges.github.api_errors import said_to_a_program
from ..forges.github.repository import GitHub
from ..forges.http import PAUSES
from ..support import process
from ..support.errors import CommandFailed, DeadlinePassed, InstallerError
from ..support.file_lock import Files, locked
from ..support.secret import redact
from ..support.wait import pause

PATIENCE = 60.0
"""Seconds for `gh` to create a repository."""
_WORDS: Words = {
    "private": ("visibility", {True: "private", False: "public"}),
    "delete_branch_on_merge": ("branches, once merged", {True: "deleted", False: "kept"}),
    "default_branch": ("default branch", {}),
}


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

    def _desired(self, seen: dict[str, Any] | None) -> dict[str, Any]:
        there = seen and seen["branches"]  # of an empty repository the first push says which branch is the default
        return {
            "private": self._settings.private,
            "description": self._settings.description,
            "delete_branch_on_merge": True,
            **({"default_branch": MAIN} if there and MAIN in there else {}),
        }

    def observe(self) -> dict[str, Any] | None:
        """Return GitHub's own description of the repository, with the branches that matter; or None."""
        found = self._github.find()
        if found is None:
            return None
        other = found["default_branch"] != MAIN
        branches = [name for name in (MAIN, found["default_branch"]) if other and self._github.head(name)]
        return {**found, "description": found["description"] or "", "branches": branches}

    def blank(self) -> dict[str, Any] | None:
        """Return what is seen where nothing was made yet."""
        return None

    def diff(self, seen: dict[str, Any] | None) -> Change | None:
        """Compare the settings that are ours: visibility, description, branches that go once merged."""
        if seen is None:
            return Change("create", worded(differences(self._desired(None), {}), _WORDS))
        if seen["full_name"].casefold() != self._settings.repository.casefold():  # GitHub leads old names to the new
            return blocked(f"it is {seen['full_name']} now", self._back(seen["full_name"]))
        if seen["archived"]:
            return blocked("it is archived", f"Unarchive it at {self._settings.url}/settings")
        if seen["branches"] and MAIN not in seen["branches"]:
            old = seen["default_branch"]
            rename = f"gh api -X POST {self._github.path('branches', old, 'rename')} -f new_name={MAIN}"
            return blocked(f"it has no branch {MAIN}, its default branch is {old}", f"Rename it back: {rename}")
        fields = differences(self._desired(seen), seen)
        return Change("change", worded(fields, _WORDS), self._note(seen)) if fields else None

    def _back(self, now: str) -> str:
        """Return the way out for a repository that was renamed or transferred."""
        owner, _, name = now.partition("/")
        if owner.casefold() == self._settings.owner.casefold():
            return f"Rename it back: gh repo rename {self._settings.slug} --repo {self._settings.host}/{now}"
        fix = f"Write its new owner into {FILE}, github.owner"
        return f"{fix}." if name == self._settings.slug else f"{fix}, and rename it back to {self._settings.slug}."

    def _note(self, seen: dict[str, Any]) -> str:
        """Say what the difference means where the fields alone do not."""
        notes = []
        if self._settings.private and not seen["private"]:
            notes.append(
                f"anyone may have read it since it was made public; to leave it so: github.visibility in {FILE}"
            )
        if seen["branches"]:
            notes.append(f"pull requests and clones start with {seen['default_branch']}, which nothing deploys")
        return "; ".join(notes)

    def apply(self, seen: dict[str, Any] | None, change: Change) -> None:
        """Create the repository where it is missing, then set what differs."""
        if seen is None:
            with locked(f"repository {self._settings.url}", 2 * PATIENCE) as files:
                seen = self.observe() or self._create(files)  # a gh that a killed run left behind may have made it
        body = {field.name: field.new for field in differences(self._desired(seen), seen)}
        if body:
            self._github.call("PATCH", self._github.path(), body)

    def _create(self, inherit: Files) -> dict[str, Any]:
        """Let `gh` create it; where its answer was lost, look whether it is there before asking again."""
        flags = ["--private" if self._settings.private else "--public", "--disable-wiki"]
        if self._settings.description:
            flags += [f"--description={self._settings.description}"]
        command = ("gh", "repo", "create", self._settings.repository)
        lost = False
        for wait in (*PAUSES, None):
            try:
                answer = process.attempt(
                    *command, *flags, env=self._credentials.environment, timeout=PATIENCE, inherit=inherit
                )
                said = redact(answer.err or answer.out)
                fix, again = said_to_a_program(said)
            except DeadlinePassed as error:
                answer, said, (fix, again) = None, error.message, said_to_a_program("timed out")
            lost = lost or again
            seen = self.observe()
            if seen and ((answer and answer.status == 0) or (lost and self._github.head(MAIN) is None)):
                return seen
            if answer and answer.status == 0:
                raise InstallerError(f"{self._settings.url} was created but cannot be seen.", "Run this again.")
            if seen:
                raise InstallerError(
                    f"{self._settings.url} appeared just when this run was about to create it.",
                    "Is another `up` at work on it? Run this again when that has ended.",
                )
            if wait is None or not again:
                raise CommandFailed(" ".join(command), answer.status if answer else 1, said, fix)
            pause(wait)
        raise AssertionError

    def removal(self, seen: dict[str, Any] | None) -> str:
        """Say whether it stays, which it does where nobody asked for its end."""
        if seen is None:
            return ""
        stays = f"stays: {self._settings.url} with its branches (--repository deletes it)"
        return "goes, with all its history" if self._remove_it else stays

    def remove(self) -> str:
        """Delete the repository where that was asked for by name; it stays otherwise."""
        if not self._remove_it:
            return self.removal(self._github.find()) or "was not there"
        if not self._github.delete(self._github.path()):
            return "was not there"
        if self._github.find():
            raise InstallerError(f"{self._settings.url} is still there.", "Delete it on its settings page.")
        return "deleted"
