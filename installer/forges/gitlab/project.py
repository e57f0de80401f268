"""GitLab, as the place that keeps the code: one project, what is in it and what is stored with it."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from ...config.settings import MAIN
from ...support.errors import reading, text
from ...support.secret import Secret
from ..base import ChangeRequest, Commit, Delivery, DeployKey, DeployKeys, Hook, Requests, Webhooks
from .api import GitLabRest

HIDES = (17, 6)
"""Since then a variable can be written so that nobody reads it again."""
MAINTAINER = 40
"""The access level of that role."""


class GitLab(GitLabRest):
    """`repository` is the full path, `group/subgroup/name`, that paths begin with."""

    variables_are = "CI/CD variables"
    secret_is = "masked and protected variable"  # noqa: S105 - words

    def path(self, *parts: str) -> str:
        """Return a path below the project, each part escaped with its slashes."""
        return "/".join(["/projects", *(quote(part, safe="") for part in (self.repository, *parts))])

    @reading("GitLab's answer")
    def who(self) -> str:
        """Return whose the token is."""
        return text(self.call("GET", "/user")["username"])

    def find(self) -> dict[str, Any] | None:
        """Return the project, or None."""
        found: dict[str, Any] | None = self.get(self.path())
        return found

    @reading("GitLab's answer")
    def redirects_here(self, address: str) -> bool:
        """Return whether GitLab leads another address to this project: it was renamed or transferred."""
        host, _, name = address.partition("://")[2].partition("/")
        found = self.get(f"/projects/{quote(name, safe='')}") if host == self.host and "/" in name else None
        return found is not None and str(found["path_with_namespace"]).casefold() == self.repository.casefold()

    @reading("GitLab's answer")
    def head(self, branch: str) -> str | None:
        """Return the commit at a branch's head, or None."""
        found = self.get(self.path("repository", "branches", branch))
        return found["commit"]["id"] if found else None

    @reading("GitLab's answer")
    def file(self, path: str, ref: str) -> str | None:
        """Return a file's text at a commit or branch, or None."""
        found = self.get(self.path("repository", "files", path), ref=ref)
        return base64.b64decode(found["content"]).decode(errors="replace") if found else None

    @reading("GitLab's answer")
    def top(self, ref: str) -> dict[str, str]:
        """Return the names at the top of a commit or branch, each with what it is; none where it is not there."""
        kinds = {"100644": "file", "100755": "file"}  # a symbolic link is a blob, too
        found = self.pages(self.path("repository", "tree"), ref=ref)
        return {text(each["name"]): text(kinds.get(each["mode"], each["type"])) for each in found}

    @reading("GitLab's answer")
    def branches(self) -> dict[str, str]:
        """Return the branches, each with the commit at its head."""
        return {
            text(each["name"]): text(each["commit"]["id"]) for each in self.pages(self.path("repository", "branches"))
        }

    @reading("GitLab's answer")
    def tags(self) -> list[str]:
        """Return the names of the tags."""
        return [text(each["name"]) for each in self.pages(self.path("repository", "tags"))]

    def commits(self, branch: str) -> Iterator[Commit]:
        """Walk along a branch, newest first."""
        with reading("GitLab's answer"):
            for found in self.pages(self.path("repository", "commits"), ref_name=branch):
                yield Commit(found["id"], found["message"], found["committed_date"])

    def count(self, newer: str, older: str) -> int:
        """Return how many commits one has that an older one has not."""
        if older in (newer, self.head(newer)):
            return 0
        return sum(1 for _ in self.commits(f"{older}..{newer}"))

    @reading("GitLab's answer")
    def check(self, revision: str, name: str, app: str = "") -> str:
        """Return the state of a commit's newest job, or status, of a name; empty where there is none."""
        found = list(self.pages(self.path("repository", "commits", revision, "statuses"), name=name))
        return text(max(found, key=lambda each: int(each["id"]))["status"]) if found else ""

    @reading("GitLab's answer")
    def level(self) -> int:
        """Return the token's access level in the project; 0 where it has none."""
        permissions = (self.find() or {}).get("permissions") or {}
        return max((access["access_level"] for access in permissions.values() if access), default=0)

    # --- what is stored with it: a masked variable is a secret ---------------------------------------

    def note(self, name: str) -> "VariableNote":
        """Return the note of a name: a CI/CD variable."""
        return VariableNote(self, name)

    @reading("GitLab's answer")
    def notes(self, prefix: str) -> dict[str, tuple[str, float]]:
        """Return the texts of all notes whose names begin so, and their ages by GitLab's own clock."""
        found = {v["key"]: v["value"] for v in self.pages(self.path("variables")) if v["key"].startswith(prefix)}
        now = self.now() if found else 0.0
        return {name: (text, now - at) for name, (text, at) in ((n, _noted(v)) for n, v in found.items())}

    @reading("GitLab's answer")
    def variables(self) -> dict[str, str]:
        """Return the project's variables that are no secrets."""
        return {v["key"]: v["value"] for v in self.pages(self.path("variables")) if not v["masked"]}

    @reading("GitLab's answer")
    def secrets(self) -> frozenset[str]:
        """Return the names of the project's masked variables."""
        return frozenset(v["key"] for v in self.pages(self.path("variables")) if v["masked"])

    def set_variable(self, name: str, value: str, known: Mapping[str, str]) -> None:
        """Create or change a variable; `known` are those that are there."""
        body = {"value": value, "raw": True}  # else GitLab would take `$` for the start of another variable's name
        if name in known:
            self.call("PUT", self.path("variables", name), body)
        else:
            self.call("POST", self.path("variables"), {"key": name, **body})

    def set_secret(self, name: str, value: Secret) -> None:
        """Create or replace a variable that logs do not show, for protected branches only."""
        body = {"value": value.reveal(), "raw": True, "masked": True, "protected": True}
        if name in self.secrets():
            self.call("PUT", self.path("variables", name), body)
            return
        self.delete_variable(name)  # one that everybody could read
        hidden = {"masked_and_hidden": True} if self.version() >= HIDES else {}
        self.call("POST", self.path("variables"), {"key": name, **body, **hidden})

    def delete_variable(self, name: str) -> bool:
        """Delete a variable; False where there was none."""
        return self.delete(self.path("variables", name))

    delete_secret = delete_variable


class VariableNote:
    """A CI/CD variable. GitLab keeps no time of its last change, so it is in the value."""

    def __init__(self, gitlab: GitLab, name: str) -> None:
        self._gitlab = gitlab
        self._name = name
        self._path = gitlab.path("variables", name)
        self.removed_by = f"delete {name} at https://{gitlab.host}/{gitlab.repository}/-/settings/ci_cd (Variables)"

    @reading("GitLab's answer")
    def read(self) -> str | None:
        """Return the text, or None."""
        found = self._gitlab.get(self._path)
        return _noted(found["value"])[0] if found else None

    def make(self, text: str) -> None:
        """Create it."""
        self._gitlab.call("POST", self._gitlab.path("variables"), {"key": self._name, **self._body(text)})

    def renew(self, text: str) -> bool:
        """Write the text and the time; False where it is gone."""
        return self._gitlab.change("PUT", self._path, self._body(text))

    def delete(self) -> None:
        """Delete it."""
        self._gitlab.delete(self._path)

    def _body(self, text: str) -> dict[str, Any]:
        return {"value": json.dumps({"text": text, "at": self._gitlab.now()}), "raw": True}


def _noted(value: str) -> tuple[str, float]:
    """Return the text of a note and when it was written; one of another form was never."""
    try:
        tree = json.loads(value)
        return str(tree["text"]), float(tree["at"])
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return "", float("-inf")


class GitLabDeployKeys(DeployKeys):
    """What the repository credential needs of GitLab."""

    title, kept_at = "GitLab", "deploy_keys"

    def _read(self, found: dict[str, Any]) -> DeployKey:
        return DeployKey(found["id"], found["title"], found["key"], not found["can_push"])

    def add(self, title: str, public: str) -> None:
        """Register a key that may only read."""
        self._forge.call("POST", self._path(), {"title": title, "key": public, "can_push": False})


_SETTINGS = {"push_events": True, "push_events_branch_filter": "", "enable_ssl_verification": True}


class GitLabWebhooks(Webhooks):
    """GitLab sends the secret itself, in a header, and shows the outcome of each call since 17.3."""

    title = "GitLab"
    wanted: ClassVar[Mapping[str, Any]] = {**_SETTINGS, "alert_status": "executable"}

    def _ours(self, found: dict[str, Any]) -> Hook | None:
        ours = self.unlabelled(found["url"])
        rest = {name: "" if found.get(name) is None else found[name] for name in _SETTINGS}
        given_up = found.get("alert_status") == "disabled"  # after 40 failures; what it disables for a while comes back
        rest["alert_status"] = "disabled" if given_up else "executable"
        return Hook(found["id"], *ours, rest) if ours else None

    def create(self, address: str, secret: Secret | None) -> None:
        """Make a hook with its secret and the fingerprint of that."""
        given = {"token": secret.reveal()} if secret else {}
        self._forge.call("POST", self._path(), {**_SETTINGS, "url": self.labelled(address, secret), **given})

    def page(self, hook: Hook) -> str:
        """Return the address of the page where people see it, and what was answered to its calls."""
        return f"https://{self._forge.host}/{self._forge.repository}/-/hooks/{hook.id}/edit"

    @reading("GitLab's answer")
    def newest(self, hook: Hook) -> Delivery | None:
        """Return the last call; None where there was none, or GitLab is too old to show it."""
        found = self._forge.get(f"{self._path(hook.id)}/events", per_page=1)
        return next(map(_delivery, found or []), None)


def _delivery(found: dict[str, Any]) -> Delivery:
    code = str(found["response_status"])
    said = " ".join(str(found["response_body"] or code).split())[:200]
    return Delivery(int(code) if code.isdigit() else 0, said)


class GitLabMergeRequests(Requests):
    """What an update of the template needs of GitLab."""

    title, kept_at = "GitLab", "merge_requests"
    called = "merge request"

    def _of(self, branch: str) -> dict[str, str]:
        return {"source_branch": branch}

    def _read(self, found: dict[str, Any]) -> ChangeRequest:
        is_open, merged = found["state"] == "opened", found["state"] == "merged"
        return ChangeRequest(found["iid"], found["web_url"], found["description"] or "", is_open, merged)

    @reading("GitLab's answer")
    def open(self, branch: str, title: str, text: str, *, draft: bool) -> ChangeRequest:
        """Open one."""
        body = {"source_branch": branch, "target_branch": MAIN, "title": _titled(title, draft), "description": text}
        return self._read(self._forge.call("POST", self._path(), body))

    def change(self, number: int, title: str, text: str, *, draft: bool) -> None:
        """Change title and text, and whether it is a draft, which the title says."""
        body = {"title": _titled(title, draft), "description": text}
        self._forge.call("PUT", self._path(number), body)

    def close(self, number: int, text: str) -> None:
        """Close one."""
        body = {"state_event": "close", "description": text}
        self._forge.call("PUT", self._path(number), body)


def _titled(title: str, draft: bool) -> str:  # noqa: FBT001 - of this module alone
    return f"Draft: {title}" if draft else title
