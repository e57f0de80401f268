"""GitLab CI, as the CI of a project at GitLab: one file, whose pipelines on main deploy, roll back or release.

A deployment may push to the environment's branch with the job's own token, or with one of the project's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from ..config.settings import MAIN, Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource
from ..forges.gitlab.project import MAINTAINER, GitLab
from ..support.errors import reading
from ..support.secret import Secret
from .base import CI, NOTHING, Connect, Pipeline, Run, end_of_log, parameters
from .variables import RegistryToken, Variables

OVER = ("success", "failed", "canceled", "skipped", "manual")
DEPLOYING_ACTIONS = ("deploy", "init", "release")
"""The values of the pipeline's variable ACTION with which it deploys; a push's pipeline has none and does."""
_LOOK_BACK = 20
"""Newest pipelines of main among which one of a kind is looked for."""

BY_JOB = (18, 4)
"""Since then every GitLab lets a project allow its jobs' own tokens to push; before, an administrator's flag did."""
SETTING = "ci_push_repository_for_job_token_allowed"
NAME = "PUSH_TOKEN"
NUMBER = "PUSH_TOKEN_NUMBER"
"""The variable that names the token by its number, which is no secret."""
LASTS = timedelta(days=364)
RENEWED_BEFORE = timedelta(days=30)


class GitLabCI(CI):
    """Its pipelines differ by their variable ACTION; what they need is kept in the project's variables."""

    title = "GitLab CI"
    checks = ("test", "build", "chart")
    test = "test"
    deployment = "pipeline deploy"
    runs = "/-/pipelines"
    _forge: GitLab

    def resources(self) -> list[Resource[Any]]:
        """Return the variables and secrets that jobs read, and what lets them push to the environment's branch."""
        own = self._settings.own_registry
        return [
            Variables(self._settings, self._forge, self._credentials),
            *([] if own else [RegistryToken(self._settings, self._forge, self._credentials)]),
            PushAccess(self._settings, self._forge),
        ]

    def secrets(self) -> frozenset[str]:
        """Return the names of the masked variables."""
        return self._forge.secrets()

    @reading("GitLab's answer")
    def newest(self) -> Run | None:
        """Return the newest pipeline of main that deploys, or None."""
        asked = {"ref": MAIN, "order_by": "id", "sort": "desc", "per_page": _LOOK_BACK}
        found = self._forge.get(self._forge.path("pipelines"), **asked) or []
        return next((_run(each) for each in found if self._action(each) in DEPLOYING_ACTIONS), None)

    def _action(self, found: dict[str, Any]) -> str:
        if found["source"] == "push":
            return "deploy"
        given = self._forge.get(self._forge.path("pipelines", str(found["id"]), "variables")) or []
        return next((each["value"] for each in given if each["key"] == "ACTION"), "deploy")

    def start(self) -> None:
        """Create a pipeline of main."""
        first = [{"key": "ACTION", "value": "init"}]
        self._forge.call("POST", self._forge.path("pipeline"), {"ref": MAIN, "variables": first})

    def manual_step(self, pipeline: Pipeline, inputs: Mapping[str, str] = NOTHING) -> str:
        """Return the page that starts a pipeline, filled in."""
        # GitLab reads `$` as the start of another variable's name
        given = {
            f"var[{name.upper()}]": value.replace("$", "$$") for name, value in parameters(pipeline, inputs).items()
        }
        return f"{self.page}/new?{urlencode({'ref': MAIN, **given}, quote_via=quote)}"

    @reading("GitLab's answer")
    def failing_logs(self, run: Run, lines: int = 15) -> str:
        """Return the last lines of the logs of the jobs that failed, or what is wrong with the file."""
        path = self._forge.path("pipelines", str(run.number))
        wrong = (self._forge.get(path) or {}).get("yaml_errors")
        reported = [f".gitlab-ci.yml: {wrong}"] if wrong else []
        for job in self._forge.pages(f"{path}/jobs"):
            if job["status"] in ("failed", "canceled"):
                log = self._forge.text(self._forge.path("jobs", str(job["id"]), "trace"))
                reported.append(end_of_log(job["name"], log, lines))
        return "\n".join(reported)


def _run(found: dict[str, Any]) -> Run:
    state = found["status"]
    over, name = state in OVER, f"run {found['id']}"
    return Run(found["id"], found["sha"], found["web_url"], state, over, state == "success", name)


@dataclass(frozen=True)
class Seen:
    """What the instance can do, and what there is of either way."""

    by_job: bool
    allowed: bool = False
    tokens: tuple[dict[str, Any], ...] = ()
    stored: str = ""
    """The number of the token in the variable; empty where there is no such variable."""


class PushAccess(Resource[Seen]):
    """A job's token ends with the job, so it is taken wherever GitLab can; the other ends in a year, and is renewed."""

    lane: Lane = "gitlab"
    key = "push-access"
    nothing = Seen(by_job=True)
    needs = ("repository", "variables", "rules")

    def __init__(self, settings: Settings, gitlab: GitLab) -> None:
        self._gitlab = gitlab
        self._title = f"gitops-flask: {settings.branch}"
        self.title = f"right of deployments to push to {settings.branch}"
        self._note = (
            f"a maintainer who runs a pipeline of another's branch lets its code push to {settings.branch}, too"
        )

    def observe(self) -> Seen:
        """Ask for GitLab's version, the project's setting, our tokens and the variable."""
        by_job = self._gitlab.version() >= BY_JOB
        project = self._gitlab.find()
        if project is None:
            return Seen(by_job)
        tokens = self._gitlab.pages(self._gitlab.path("access_tokens"), state="active")
        ours = tuple(token for token in tokens if token["name"] == self._title)
        stored = self._gitlab.variables().get(NUMBER, "") if NAME in self._gitlab.secrets() else ""
        return Seen(by_job, bool(project.get(SETTING)), ours, stored)

    def diff(self, seen: Seen) -> Change | None:
        """Compare with the way that this GitLab has; what the other way left behind goes."""
        fields = []
        if seen.by_job and not seen.allowed:
            fields.append(Field("pushes by jobs' own tokens", "refused", "allowed"))
        if not seen.by_job and not self._good(seen):
            fields.append(
                Field("project access token", "another, or one that ends soon" if seen.stored else None, "new")
            )
        if seen.by_job and (seen.tokens or seen.stored):
            fields.append(Field("project access token", "set", None))
        elif len(seen.tokens) > 1:
            fields.append(Field("project access tokens", len(seen.tokens), 1))
        note = self._note if seen.by_job and not seen.allowed else ""
        return Change("change" if seen.stored or seen.allowed else "create", tuple(fields), note) if fields else None

    def _good(self, seen: Seen) -> bool:
        soon = str(date.today() + RENEWED_BEFORE)
        return any(str(t["id"]) == seen.stored and (t["expires_at"] or "9") > soon for t in seen.tokens)

    def apply(self, seen: Seen, change: Change) -> None:
        """Allow jobs to push; or make a token, store it, and only then revoke the others."""
        kept = ""
        if seen.by_job:
            if not seen.allowed:
                self._gitlab.call("PUT", self._gitlab.path(), {SETTING: True})
            self._forget()
        elif self._good(seen):
            kept = seen.stored
        else:
            body = {"name": self._title, "scopes": ["write_repository"], "access_level": MAINTAINER}
            ends = str(date.today() + LASTS)
            made = self._gitlab.call("POST", self._gitlab.path("access_tokens"), {**body, "expires_at": ends})
            kept = str(made["id"])
            self._gitlab.set_secret(NAME, Secret(made["token"]))
            self._gitlab.set_variable(NUMBER, kept, self._gitlab.variables())
        self._revoke(token for token in seen.tokens if str(token["id"]) != kept)

    def _forget(self) -> None:
        for name in (NAME, NUMBER):
            self._gitlab.delete_variable(name)

    def _revoke(self, tokens: Iterable[dict[str, Any]]) -> None:
        for token in tokens:
            self._gitlab.delete(self._gitlab.path("access_tokens", str(token["id"])))

    def removal(self, seen: Seen) -> str:
        """Say whether anything may push."""
        return GOES if seen.allowed or seen.tokens or seen.stored else ""

    def remove(self) -> str:
        """Take the right away again."""
        seen = self.observe()
        self._forget()
        self._revoke(seen.tokens)
        if seen.allowed:
            self._gitlab.call("PUT", self._gitlab.path(), {SETTING: False})
        return "taken away" if seen.allowed or seen.tokens else "was not there"


connect: Connect = GitLabCI
