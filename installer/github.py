"""GitHub, as the place that keeps the code: one repository, what is in it and what is kept beside it."""

import base64
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from github.PublicKey import encrypt

from .github_rest import GitHubRest
from .host import Commit
from .refused import Refused
from .secret import Secret
from .settings import Settings


class GitHub(GitHubRest):
    """`repository` is the full name, `owner/name`, that paths begin with."""

    variables_are = "Actions variables"
    secret_is = "Actions secret"  # noqa: S105 - a word

    def __init__(
        self, host: str, token: Secret, repository: str, *, ca: str = "", api_version: str = Settings.api_version
    ) -> None:
        super().__init__(host, token, ca=ca, api_version=api_version)
        self.repository = repository

    def path(self, *parts: str) -> str:
        """Return a path below the repository, each part escaped but for its slashes."""
        return "/".join([f"/repos/{self.repository}", *(quote(part, safe="/") for part in parts)])

    def find(self) -> dict[str, Any] | None:
        """Return the repository, or None."""
        found: dict[str, Any] | None = self.get(self.path())
        return found

    def head(self, branch: str) -> str | None:
        """Return the commit at a branch's head, or None."""
        try:
            found = self.get(self.path("git/ref/heads", branch))
        except Refused as error:
            if error.status == 409:  # an empty repository
                return None
            raise
        return found["object"]["sha"] if found else None

    def file(self, path: str, ref: str) -> str | None:
        """Return a file's text at a commit or branch, or None."""
        found = self.get(self.path("contents", path), ref=ref)
        if not found:
            return None
        return base64.b64decode(found["content"]).decode()

    def commits(self, branch: str) -> Iterator[Commit]:
        """Walk along a branch, newest first."""
        for found in self.pages(self.path("commits"), sha=branch):
            commit = found["commit"]
            yield Commit(found["sha"], commit["message"], commit["committer"]["date"])

    # --- what is kept beside it ----------------------------------------------------------------

    def note(self, name: str) -> "VariableNote":
        """Return the note of a name: an Actions variable."""
        return VariableNote(self, name)

    def notes(self, prefix: str) -> dict[str, tuple[str, float]]:
        """Return the texts of all notes whose names begin so, and their ages: both times are GitHub's own."""
        found = {}
        for headers, page in self.answers(self.path("actions/variables"), "variables"):
            now = parsedate_to_datetime(headers["date"])
            for v in page:
                if v["name"].startswith(prefix):
                    found[v["name"]] = (v["value"], (now - datetime.fromisoformat(v["updated_at"])).total_seconds())
        return found

    def variables(self) -> dict[str, str]:
        """Return the repository's Actions variables."""
        return {v["name"]: v["value"] for v in self.pages(self.path("actions/variables"), "variables")}

    def set_variable(self, name: str, value: str, known: Mapping[str, str]) -> None:
        """Create or change a variable; `known` are those that are there."""
        body = {"name": name, "value": value}
        if name in known:
            self.call("PATCH", self.path("actions/variables", name), body)
        else:
            self.call("POST", self.path("actions/variables"), body)

    def set_secret(self, name: str, value: Secret) -> None:
        """Create or replace an Actions secret, sealed with the repository's public key."""
        key = self.call("GET", self.path("actions/secrets/public-key"))
        body = {"encrypted_value": encrypt(key["key"], value.reveal()), "key_id": key["key_id"]}
        self.call("PUT", self.path("actions/secrets", name), body)

    def secrets(self) -> frozenset[str]:
        """Return the names of the repository's Actions secrets."""
        return frozenset(s["name"] for s in self.pages(self.path("actions/secrets"), "secrets"))

    def delete_variable(self, name: str) -> bool:
        """Delete a variable; False where there was none."""
        return self.delete(self.path("actions/variables", name))

    def delete_secret(self, name: str) -> bool:
        """Delete a secret; False where there was none."""
        return self.delete(self.path("actions/secrets", name))


class VariableNote:
    """An Actions variable; GitHub keeps the time of its last change."""

    def __init__(self, github: GitHub, name: str) -> None:
        self._github = github
        self._name = name
        self._path = github.path("actions/variables", name)
        self.by_hand = f"gh variable delete {name} --repo {github.repository}"

    def read(self) -> str | None:
        """Return the value, or None."""
        found = self._github.get(self._path)
        return str(found["value"]) if found else None

    def make(self, text: str) -> None:
        """Create it."""
        self._github.call("POST", self._github.path("actions/variables"), {"name": self._name, "value": text})

    def renew(self, text: str) -> bool:
        """Change its value; False where it is gone."""
        try:
            self._github.call("PATCH", self._path, {"name": self._name, "value": text})
        except Refused as error:
            if error.status == 404:
                return False
            raise
        return True

    def take_away(self) -> None:
        """Delete it."""
        self._github.delete(self._path)
