"""The GitHub repository and its settings."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..config.settings import FILE, MAIN, TEMPLATE, Settings
from ..engine.resource import GOES, Change, Field, Resource, covers
from ..forges.credentials import Credentials
from ..forges.github.api import GitHubApiError, said_to_a_program
from ..forges.github.repository import GitHub, GitHubDeployKeys, GitHubPullRequests, GitHubWebhooks
from ..forges.http import PAUSES
from ..support import process
from ..support.errors import CommandFailed, DeadlinePassed, InstallerError
from ..support.file_lock import Files
from ..support.secret import redact
from ..support.wait import pause
from .hosted_repository import ForgeKind, Found, HostedRepository, Words

PATIENCE = 60.0
"""Seconds for `gh` to create a repository."""
_WORDS: Words = {
    "private": ("visibility", {True: "private", False: "public"}),
    "delete_branch_on_merge": ("branches, once merged", {True: "deleted", False: "kept"}),
    "default_branch": ("default branch", {}),
}


class Repository(HostedRepository):
    """Made by `gh`, changed by PATCH."""

    called = "GitHub repository"
    full_name = "full_name"
    changes_by = "PATCH"
    page = "settings"
    requests = "pull requests"
    words = _WORDS

    def desired(self, seen: Found | None) -> Found:
        """Return visibility, description, and that branches go once merged."""
        settings = self._settings
        return {"private": settings.private, "description": settings.description, "delete_branch_on_merge": True}

    def main_again(self, old: str) -> str:
        """Return how to give the branch its name back."""
        return f"Rename it back: gh api -X POST {self._client.path('branches', old, 'rename')} -f new_name={MAIN}"

    def renamed_back(self, now: str) -> str:
        """Return how to rename it, or where to write its new owner."""
        owner, _, name = now.partition("/")
        if owner.casefold() == self._settings.owner.casefold():
            return f"Rename it back: gh repo rename {self._settings.slug} --repo {self._settings.host}/{now}"
        fix = f"Write its new owner into {FILE}, github.owner"
        return f"{fix}." if name == self._settings.slug else f"{fix}, and rename it back to {self._settings.slug}."

    def create(self, inherit: Files) -> Found:
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
                status, said = answer.status, redact(answer.err or answer.out)
                fix, again = said_to_a_program(said)
            except DeadlinePassed as error:
                status, said = 1, error.message
                fix, again = said_to_a_program("timed out")
            lost = lost or again
            seen = self.observe()
            if seen and (status == 0 or (lost and self._client.head(MAIN) is None)):
                return seen
            if status == 0:
                raise InstallerError(f"{self._settings.url} was created but cannot be seen.", "Run this again.")
            if seen:
                raise InstallerError(
                    f"{self._settings.url} appeared just when this run was about to create it.",
                    "Is another `up` at work on it? Run this again when that has ended.",
                )
            if wait is None or not again:
                raise CommandFailed(" ".join(command), status, said, fix)
            pause(wait)
        raise AssertionError


# --- rules of branches: main takes pull requests with green checks only, no other is rewritten ----

Ruleset = dict[str, Any]
_KEPT = ({"type": "deletion"}, {"type": "non_fast_forward"})
_OF_AN_ENVIRONMENT = "gitops-flask: env/"
"""Begins the names of the rulesets of environments."""
_PLAIN = {"deletion": "no deletion", "non_fast_forward": "no force push"}


@dataclass(frozen=True)
class Seen:
    """Our rulesets by name (None: the account's plan has none for this repository), and whose checks count."""

    rulesets: dict[str, dict[str, Any]] | None
    app: int | None = None
    """The number of the CI's GitHub App; None where no App writes its checks, or this GitHub has none of that name."""


class Rules(Resource[Seen]):
    """Three rulesets of the repository, last in the order: a rule must not stand in the way of the first push.

    A check counts only from the CI's own App, whose number differs from one Enterprise Server to another: whoever may
    write can set a status of any name. Nothing here keeps them from changing the workflow; reviews do.
    """

    lane = "github"
    key = "rules"
    nothing = Seen({})
    needs = ("initial-push",)

    def __init__(self, settings: Settings, github: GitHub, checks: tuple[str, ...], app: str) -> None:
        self._github = github
        self._url = settings.url
        self._branches = settings.branches
        self._reviews = settings.reviews
        self._checks = checks
        self._app = app
        self._from_main = settings.deploy_from == MAIN
        who = f"{'merge' if self._from_main else 'write'} can deploy"
        self.title = f"rules of {MAIN} and {' and '.join(self._branches)} (whoever may {who})"

    def observe(self) -> Seen:
        """Return our rulesets, and the number of the App whose checks count."""
        desired = self._desired(None)
        try:
            rulesets = find_rulesets(self._github, lambda name: name in desired or name.startswith(_OF_AN_ENVIRONMENT))
        except GitHubApiError as error:
            if error.status == 403 and "Upgrade" in error.reason:
                return Seen(None)
            raise
        app = self._github.get(f"/apps/{self._app}") if self._app else None
        return Seen(rulesets, app and app["id"])

    def diff(self, seen: Seen) -> Change | None:
        """Compare each ruleset with ours; parameters that GitHub adds of itself do not count."""
        if seen.rulesets is None:
            return Change("skipped", note=f"this plan has no rules for a private repository; {MAIN} stays unprotected")
        desired = self._desired(seen.app)
        fields = [
            Field(name, _shown(seen.rulesets.get(name)), _shown(ruleset))
            for name, ruleset in desired.items()
            if not _stands(seen.rulesets.get(name), ruleset)
        ]
        fields += [Field(name, "set", None) for name in seen.rulesets if name not in desired]
        if not fields:
            return None
        if seen.rulesets:
            return Change("change", tuple(fields))
        return Change("create", tuple(fields), self._note())

    def _note(self) -> str:
        """Say what the rules do not stop: docs/explanation/security.md has the whole of it."""
        lines = [f"write access is deploy access: whoever may write can push {' and '.join(self._branches)}"]
        if self._from_main:
            lines = [f"whoever may merge into {MAIN} can deploy"]
        if not self._reviews:
            lines.append("and merge without a review (github.reviews is 0)")
        if not self._app:
            lines.append("and set the checks manually (this CI's are nobody's App)")
        return ", ".join(lines)

    def apply(self, seen: Seen, change: Change) -> None:
        """Create or replace those that differ."""
        desired, present = self._desired(seen.app), seen.rulesets or {}
        for field in change.fields:
            if field.name not in desired:  # of an environment that there is no more
                self._github.delete(self._github.path("rulesets", str(present[field.name]["id"])))
                continue
            try:
                write_ruleset(self._github, field.name, desired[field.name], present.get(field.name))
            except GitHubApiError as error:
                if error.status != 422 or "integration id" not in error.reason:
                    raise
                fix = (
                    f"GitHub does not know the App {self._app} here yet, whose checks alone are to count: let it run "
                    f"once for {self._url} (see {self._url}/settings/installations), then run this again."
                )
                raise InstallerError(error.message, fix) from None

    def removal(self, seen: Seen) -> str:
        """Say whether there are any of ours."""
        return GOES if seen.rulesets else ""

    def remove(self) -> str:
        """Delete our rulesets."""
        seen = self.observe().rulesets or {}
        gone = [name for name, r in seen.items() if self._github.delete(self._github.path("rulesets", str(r["id"])))]
        return f"deleted {', '.join(gone)}" if gone else "were not there"

    def _desired(self, app: int | None) -> dict[str, dict[str, Any]]:
        return {
            f"gitops-flask: {MAIN}": ruleset([MAIN], [*_KEPT, _reviewed(self._reviews), _checked(self._checks, app)]),
            **{f"gitops-flask: {branch}": ruleset([branch], _KEPT) for branch in (*self._branches, TEMPLATE)},
        }


def _reviewed(count: int) -> dict[str, Any]:
    """Return the rule that asks for a pull request; a review counts for what was reviewed, and for others' pushes."""
    return {
        "type": "pull_request",
        "parameters": {
            "required_approving_review_count": count,  # 0: a team of one must be able to merge
            "dismiss_stale_reviews_on_push": count > 0,
            "require_code_owner_review": count > 0,  # of what a file CODEOWNERS names; without one, of nothing
            "require_last_push_approval": count > 0,
            "required_review_thread_resolution": False,
        },
    }


def _checked(checks: tuple[str, ...], app: int | None) -> dict[str, Any]:
    only_from: dict[str, Any] = {} if app is None else {"integration_id": app}
    return {
        "type": "required_status_checks",
        "parameters": {
            "required_status_checks": [{"context": name, **only_from} for name in checks],
            "strict_required_status_checks_policy": False,
        },
    }


def ruleset(branches: Iterable[str], rules: Iterable[Ruleset], excepted: Iterable[Ruleset] = ()) -> Ruleset:
    """Return the rules of branches; without `excepted` nobody is, administrators neither."""
    return {
        "target": "branch",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": [f"refs/heads/{each}" for each in branches], "exclude": []}},
        "rules": [*rules],
        "bypass_actors": [*excepted],
    }


def find_rulesets(github: GitHub, is_ours: Callable[[str], bool]) -> dict[str, Ruleset]:
    """Return the rulesets whose names are ours."""
    path = github.path("rulesets")
    ours = [each for each in github.pages(path) if is_ours(each["name"])]
    return {each["name"]: github.call("GET", f"{path}/{each['id']}") for each in ours}


def write_ruleset(github: GitHub, name: str, wanted: Ruleset, present: Ruleset | None) -> None:
    """Create a ruleset, or replace the present one."""
    path = github.path("rulesets", *([str(present["id"])] if present else []))
    github.call("PUT" if present else "POST", path, {"name": name, **wanted})


def _stands(seen: dict[str, Any] | None, desired: dict[str, Any]) -> bool:
    """Return whether a ruleset is as it should be; whom it excepts GitHub shows only to those who may change it."""
    shown = seen is None or "bypass_actors" in seen
    return covers(seen, desired if shown else {key: each for key, each in desired.items() if key != "bypass_actors"})


def _shown(ruleset: dict[str, Any] | None) -> str | None:
    """Return a ruleset in a few words."""
    if ruleset is None:
        return None
    enforced = "" if ruleset["enforcement"] == "active" else f"not enforced ({ruleset['enforcement']}): "
    rules = f"{enforced}{', '.join(map(_in_words, ruleset['rules']))}"
    excepted = [_excepted(actor) for actor in ruleset.get("bypass_actors") or ()]
    return f"{rules}; not for {', '.join(excepted)}" if excepted else rules


def _excepted(actor: dict[str, Any]) -> str:
    number = "" if actor.get("actor_id") is None else f" {actor['actor_id']}"
    return f"{actor['actor_type']}{number} ({actor['bypass_mode']})"


def _in_words(rule: dict[str, Any]) -> str:
    parameters = rule.get("parameters") or {}
    if rule["type"] == "pull_request":
        count = parameters["required_approving_review_count"]
        return f"pull requests only ({count} review{'' if count == 1 else 's'})"
    if rule["type"] == "required_status_checks":
        checks = parameters["required_status_checks"]
        apps = sorted(
            {f"of App {each['integration_id']}" if each.get("integration_id") else "of anyone" for each in checks}
        )
        return f"green checks {', '.join(each['context'] for each in checks)} ({', '.join(apps)})"
    return _PLAIN.get(rule["type"], str(rule["type"]))


# --- all that the code host consists of ------------------------------------------------------------


def _connect(settings: Settings, credentials: Credentials) -> GitHub:
    more = {"ca": settings.ca, "api_version": settings.api_version}
    return GitHub(settings.host, credentials.token, settings.repository if settings.slug else "", **more)


FORGE = ForgeKind(_connect, GitHubDeployKeys, Repository, Rules, GitHubWebhooks, GitHubPullRequests)
