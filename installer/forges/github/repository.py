"""GitHub, as the place that keeps the code: one repository, what is in it and what is stored with it."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar
from urllib.parse import quote

from ...config.settings import MAIN
from ...support.errors import reading, text
from ...support.secret import Secret
from ..base import ChangeRequest, Commit, Delivery, DeployKey, DeployKeys, Hook, Requests, Webhooks
from .api import GitHubApiError, GitHubRest

_ACTIVE = ("queued", "in_progress", "waiting", "requested", "pending")
"""The states in which a check or a status is not over."""


@dataclass(frozen=True)
class Reported:
    """One check or status of a commit, by whichever CI; `number` grows with each new one."""

    number: int
    name: str
    state: str
    """GitHub's word: of a check its conclusion, once there is one."""
    url: str
    """The page that the CI names; empty where it names none."""

    @property
    def over(self) -> bool:
        """Return whether it does not change by itself any more."""
        return self.state not in _ACTIVE

    @property
    def green(self) -> bool:
        """Return whether it is a success."""
        return self.state == "success"


class GitHub(GitHubRest):
    """`repository` is the full name, `owner/name`, that paths begin with."""

    variables_are = "Actions variables"
    secret_is = "Actions secret"  # noqa: S105 - a word

    def path(self, *parts: str) -> str:
        """Return a path below the repository, each part escaped but for its slashes."""
        return "/".join([f"/repos/{self.repository}", *(quote(part, safe="/") for part in parts)])

    @reading("GitHub's answer")
    def who(self) -> str:
        """Return whose the token is."""
        return text(self.call("GET", "/user")["login"])

    def find(self) -> dict[str, Any] | None:
        """Return the repository, or None."""
        found: dict[str, Any] | None = self.get(self.path())
        return found

    @reading("GitHub's answer")
    def redirects_here(self, address: str) -> bool:
        """Return whether GitHub leads another address to this repository: it was renamed or transferred."""
        host, _, name = address.partition("://")[2].partition("/")
        found = self.get(f"/repos/{quote(name)}") if host == self.host and name.count("/") == 1 else None
        return found is not None and str(found["full_name"]).casefold() == self.repository.casefold()

    @reading("GitHub's answer")
    def head(self, branch: str) -> str | None:
        """Return the commit at a branch's head, or None."""
        try:
            found = self.get(self.path("git/ref/heads", branch))
        except GitHubApiError as error:
            if error.status == 409:  # an empty repository
                return None
            raise
        return found["object"]["sha"] if found else None

    @reading("GitHub's answer")
    def file(self, path: str, ref: str) -> str | None:
        """Return a file's text at a commit or branch, or None."""
        found = self.get(self.path("contents", path), ref=ref)
        if not isinstance(found, dict):  # a folder is a list
            return None
        return base64.b64decode(found["content"]).decode(errors="replace")

    @reading("GitHub's answer")
    def top(self, ref: str) -> dict[str, str]:
        """Return the names at the top of a commit or branch, each with what it is; none where it is not there."""
        return {text(each["name"]): text(each["type"]) for each in self.get(self.path("contents", ""), ref=ref) or []}

    @reading("GitHub's answer")
    def branches(self) -> dict[str, str]:
        """Return the branches, each with the commit at its head."""
        return {text(each["name"]): text(each["commit"]["sha"]) for each in self.pages(self.path("branches"))}

    @reading("GitHub's answer")
    def tags(self) -> list[str]:
        """Return the names of the tags."""
        found = self.get(self.path("git/matching-refs/tags/")) or []
        return [each["ref"].removeprefix("refs/tags/") for each in found]

    def commits(self, branch: str) -> Iterator[Commit]:
        """Walk along a branch, newest first."""
        with reading("GitHub's answer"):
            for found in self.pages(self.path("commits"), sha=branch):
                commit = found["commit"]
                yield Commit(found["sha"], commit["message"], commit["committer"]["date"])

    @reading("GitHub's answer")
    def count(self, newer: str, older: str) -> int:
        """Return how many commits one has that an older one has not."""
        # not the first page: that one has all the files
        found = self.call("GET", self.path("compare", f"{older}...{newer}"), per_page=1, page=2)
        return int(found["ahead_by"])

    @reading("GitHub's answer")
    def statuses(self, commit: str) -> list[Reported]:
        """Return the statuses of a commit, the newest of each name."""
        found = self.pages(self.path("commits", commit, "status"), "statuses")
        return [Reported(each["id"], each["context"], each["state"], each["target_url"] or "") for each in found]

    @reading("GitHub's answer")
    def checks(self, commit: str, app: str) -> list[Reported]:
        """Return the checks of a commit by an App, known by its short name; the newest of each name."""
        found = self.pages(self.path("commits", commit, "check-runs"), "check_runs")
        return [
            Reported(each["id"], each["name"], each["conclusion"] or each["status"], each["details_url"] or "")
            for each in found
            if (each["app"] or {}).get("slug") == app
        ]

    def check(self, revision: str, name: str, app: str = "") -> str:
        """Return the state of a commit's newest check by an App, or else status, of this name; empty: there is none."""
        reported = self.checks(revision, app) if app else self.statuses(revision)
        newest = max((each for each in reported if each.name == name), key=lambda each: each.number, default=None)
        return newest.state if newest else ""

    # --- what is stored with it ----------------------------------------------------------------

    def note(self, name: str) -> "VariableNote":
        """Return the note of a name: an Actions variable."""
        return VariableNote(self, name)

    @reading("GitHub's answer")
    def notes(self, prefix: str) -> dict[str, tuple[str, float]]:
        """Return the texts of all notes whose names begin so, and their ages: both times are GitHub's own."""
        found = {}
        for headers, page in self.answers(self.path("actions/variables"), "variables"):
            now = parsedate_to_datetime(headers["date"])
            for v in page:
                if v["name"].startswith(prefix):
                    found[v["name"]] = (v["value"], (now - datetime.fromisoformat(v["updated_at"])).total_seconds())
        return found

    @reading("GitHub's answer")
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

    @reading("GitHub's answer")
    def set_secret(self, name: str, value: Secret, environment: str = "") -> None:
        """Create or replace an Actions secret, sealed with the public key of the repository or of an environment."""
        from github.PublicKey import encrypt  # here: it loads all of PyGithub, and few commands set a secret

        path = self._secrets_of(environment)
        key = self.call("GET", f"{path}/public-key")
        body = {"encrypted_value": encrypt(key["key"], value.reveal()), "key_id": key["key_id"]}
        self.call("PUT", f"{path}/{name}", body)

    @reading("GitHub's answer")
    def secrets(self, environment: str = "") -> frozenset[str]:
        """Return the names of the Actions secrets of the repository, or of an environment that is there."""
        return frozenset(s["name"] for s in self.pages(self._secrets_of(environment), "secrets"))

    def _secrets_of(self, environment: str) -> str:
        return self.path("environments", environment, "secrets") if environment else self.path("actions/secrets")

    def delete_variable(self, name: str) -> bool:
        """Delete a variable; False where there was none."""
        return self.delete(self.path("actions/variables", name))

    def delete_secret(self, name: str, environment: str = "") -> bool:
        """Delete a secret; False where there was none."""
        return self.delete(f"{self._secrets_of(environment)}/{name}")

    # --- environments --------------------------------------------------------------------------

    @reading("GitHub's answer")
    def plan_protects(self) -> bool:
        """Return whether the plan has rules and environments for this repository; both begin with the same plans."""
        try:
            self.call("GET", self.path("rulesets"))
        except GitHubApiError as error:
            if error.status == 403 and "Upgrade" in error.reason:
                return False
            if error.status != 404:
                raise
            owner = self.get(f"/orgs/{self.repository.partition('/')[0]}") or {}  # before there is a repository
            return (owner.get("plan") or {}).get("name") != "free"
        return True

    @reading("GitHub's answer")
    def branches_let_in(self, environment: str) -> dict[str, int] | None:
        """Return the branches and tags that an environment lets in, with their numbers; None where it lets in all."""
        found = self.get(self.path("environments", environment))
        if not ((found or {}).get("deployment_branch_policy") or {}).get("custom_branch_policies"):
            return None
        path = self.path("environments", environment, "deployment-branch-policies")
        listed = self.pages(path, "branch_policies")
        return {f"{each.get('type', 'branch')} {each['name']}": each["id"] for each in listed}

    def let_in_only(self, environment: str, branch: str) -> None:
        """Make an environment, or change it, so that it lets in this branch and no other; its other rules stay."""
        there = self.branches_let_in(environment)
        if there is None:
            policy = {"protected_branches": False, "custom_branch_policies": True}
            self.call("PUT", self.path("environments", environment), {"deployment_branch_policy": policy})
            there = self.branches_let_in(environment) or {}
        path = self.path("environments", environment, "deployment-branch-policies")
        if f"branch {branch}" not in there:
            self.call("POST", path, {"name": branch, "type": "branch"})
        for name, number in there.items():
            if name != f"branch {branch}":
                self.delete(f"{path}/{number}")

    @reading("GitHub's answer")
    def delete_environment(self, environment: str) -> None:
        """Delete an environment, unless others keep something in it: secrets, variables, reviewers."""
        path = self.path("environments", environment)
        rules = (self.get(path) or {}).get("protection_rules", [])
        kept = [*self.secrets(environment), *self.pages(f"{path}/variables", "variables")]
        if not kept and all(rule["type"] == "branch_policy" for rule in rules):
            self.delete(path)


class VariableNote:
    """An Actions variable; GitHub keeps the time of its last change."""

    def __init__(self, github: GitHub, name: str) -> None:
        self._github = github
        self._name = name
        self._path = github.path("actions/variables", name)
        self.removed_by = f"gh variable delete {name} --repo {github.repository}"

    @reading("GitHub's answer")
    def read(self) -> str | None:
        """Return the value, or None."""
        found = self._github.get(self._path)
        return str(found["value"]) if found else None

    def make(self, text: str) -> None:
        """Create it."""
        self._github.call("POST", self._github.path("actions/variables"), {"name": self._name, "value": text})

    def renew(self, text: str) -> bool:
        """Change its value; False where it is gone."""
        return self._github.change("PATCH", self._path, {"name": self._name, "value": text})

    def delete(self) -> None:
        """Delete it."""
        self._github.delete(self._path)


class GitHubDeployKeys(DeployKeys):
    """What the repository credential needs of GitHub."""

    title, kept_at = "GitHub", "keys"

    def _read(self, found: dict[str, Any]) -> DeployKey:
        return DeployKey(found["id"], found["title"], found["key"], found["read_only"])

    def add(self, title: str, public: str, *, read_only: bool = True) -> None:
        """Register a key that may only read, unless told otherwise."""
        body = {"title": title, "key": public, "read_only": read_only}
        self._forge.call("POST", self._path(), body)


class GitHubWebhooks(Webhooks):
    """GitHub signs what it sends, and keeps what came of each call for some days."""

    title = "GitHub"
    wanted: ClassVar[Mapping[str, Any]] = {
        "content_type": "json",
        "insecure_ssl": "0",
        "events": ["push"],
        "active": True,
    }

    def _ours(self, found: dict[str, Any]) -> Hook | None:
        config = {**found["config"], "insecure_ssl": str(found["config"].get("insecure_ssl", "0"))}  # or a number
        ours = self.unlabelled(str(config.get("url", "")))
        rest = {name: {**found, **config}.get(name) for name in self.wanted}
        return Hook(found["id"], ours[0], ours[1] if config.get("secret") else "", rest) if ours else None

    def create(self, address: str, secret: Secret | None) -> None:
        """Make a hook with its secret and the fingerprint of that."""
        rest: dict[str, Any] = dict(self.wanted)
        body = {name: rest.pop(name) for name in ("events", "active")}
        given = {"secret": secret.reveal()} if secret else {}
        config = {**rest, "url": self.labelled(address, secret), **given}
        self._forge.call("POST", self._path(), {"name": "web", **body, "config": config})

    def page(self, hook: Hook) -> str:
        """Return the address of the page where people see it, and what was answered to its calls."""
        return f"https://{self._forge.host}/{self._forge.repository}/settings/hooks/{hook.id}"

    @reading("GitHub's answer")
    def newest(self, hook: Hook) -> Delivery | None:
        """Return the last call, if it reported a push; None too where GitHub does not know it any more.

        GitHub pings a new hook at once, when Argo CD's server may not have its secret yet: that says nothing.
        """
        found = self._forge.get(f"{self._path(hook.id)}/deliveries", per_page=1)
        pushes = [each for each in found or [] if each["event"] == "push"]
        return Delivery(int(pushes[0]["status_code"] or 0), str(pushes[0]["status"])) if pushes else None


class GitHubPullRequests(Requests):
    """What an update of the template needs of GitHub."""

    title, kept_at = "GitHub", "pulls"
    called = "pull request"

    def _of(self, branch: str) -> dict[str, str]:
        return {"head": f"{self._forge.repository.partition('/')[0]}:{branch}", "base": MAIN}

    def _read(self, found: dict[str, Any]) -> ChangeRequest:
        merged = found["merged_at"] is not None
        return ChangeRequest(found["number"], found["html_url"], found["body"] or "", found["state"] == "open", merged)

    @reading("GitHub's answer")
    def open(self, branch: str, title: str, text: str, *, draft: bool) -> ChangeRequest:
        """Open one; where the plan has no drafts, its title alone says that it is not ready."""
        body = {"title": title, "body": text, "head": branch, "base": MAIN}
        try:
            return self._read(self._forge.call("POST", self._path(), {**body, "draft": draft}))
        except GitHubApiError as error:
            if not (draft and error.status == 422 and "raft" in error.reason):
                raise
        return self._read(self._forge.call("POST", self._path(), body))

    def change(self, number: int, title: str, text: str, *, draft: bool) -> None:
        """Change title and text; REST cannot turn a draft into none, or back, so the title says it."""
        self._forge.call("PATCH", self._path(number), {"title": title, "body": text})

    def close(self, number: int, text: str) -> None:
        """Close one."""
        self._forge.call("PATCH", self._path(number), {"state": "closed", "body": text})
