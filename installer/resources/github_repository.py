"""The GitHub repository and its settings."""

from dataclasses import dataclass
from typing import Any

from ..ci.github_actions import APP, CHECKS
from ..config.settings import FILE, MAIN, TEMPLATE, Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource, Words, blocked, covers, differences, worded
from ..forges.credentials import Credentials
from ..forges.github.api import GitHubApiError, said_to_a_program
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


# --- rules of branches: main takes pull requests with green checks only, no other is rewritten ----

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

    lane: Lane = "github"
    key = "rules"
    needs = ("initial-push",)

    def __init__(self, settings: Settings, github: GitHub, checks: tuple[str, ...] = CHECKS, app: str = APP) -> None:
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
        path = self._github.path("rulesets")
        names = self._desired(None)
        try:
            every = self._github.pages(path)
            ours = [r for r in every if r["name"] in names or r["name"].startswith(_OF_AN_ENVIRONMENT)]
            rulesets = {r["name"]: self._github.call("GET", f"{path}/{r['id']}") for r in ours}
        except GitHubApiError as error:
            if error.status == 403 and "Upgrade" in error.reason:
                return Seen(None)
            raise
        app = self._github.get(f"/apps/{self._app}") if self._app else None
        return Seen(rulesets, app and app["id"])

    def blank(self) -> Seen:
        """Return what is seen where nothing was made yet."""
        return Seen({})

    def diff(self, seen: Seen) -> Change | None:
        """Compare each ruleset with ours; parameters that GitHub adds of itself do not count."""
        if seen.rulesets is None:
            return Change("skipped", note=f"this plan has no rules for a private repository; {MAIN} stays unprotected")
        fields = [
            Field(name, _shown(seen.rulesets.get(name)), _shown(ruleset))
            for name, ruleset in self._desired(seen.app).items()
            if not _stands(seen.rulesets.get(name), ruleset)
        ]
        fields += [Field(name, "set", None) for name in seen.rulesets if name not in self._desired(seen.app)]
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
        desired = self._desired(seen.app)
        for field in change.fields:
            present = (seen.rulesets or {}).get(field.name)
            path = self._github.path("rulesets", *([str(present["id"])] if present else []))
            if field.name not in desired:  # of an environment that there is no more
                self._github.delete(path)
                continue
            try:
                self._github.call("PUT" if present else "POST", path, {"name": field.name, **desired[field.name]})
            except GitHubApiError as error:
                if error.status == 422 and "integration id" in error.reason:
                    raise InstallerError(error.message, self._unknown_app()) from None
                raise

    def _unknown_app(self) -> str:
        return (
            f"GitHub does not know the App {self._app} here yet, whose checks alone are to count: let it run once for "
            f"{self._url} (see {self._url}/settings/installations), then run this again."
        )

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
            f"gitops-flask: {MAIN}": _ruleset(MAIN, [_reviewed(self._reviews), _checked(self._checks, app)]),
            **{f"gitops-flask: {branch}": _ruleset(branch, []) for branch in (*self._branches, TEMPLATE)},
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


def _ruleset(branch: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "target": "branch",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": [f"refs/heads/{branch}"], "exclude": []}},
        "rules": [*_KEPT, *rules],
        "bypass_actors": [],  # nobody is excepted, administrators neither
    }


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
