"""GitLab CI, as the CI of a project at GitLab: one file, whose pipelines on main deploy, roll back or release."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ..config.settings import MAIN, Settings
from ..engine.resource import Resource
from ..forges.credentials import Credentials
from ..forges.gitlab.project import GitLab
from ..support.parsing import reading
from ..support.secret import redact
from .base import DEPLOY, NOTHING, Connect, Pipeline, Run, Stored, parameters
from .gitlab_push_access import PushAccess
from .registry_token import RegistryToken
from .variables import Variables

OVER = ("success", "failed", "canceled", "skipped", "manual")
DEPLOYING_ACTIONS = ("deploy", "init", "release")
"""The values of the pipeline's variable ACTION with which it deploys; a push's pipeline has none and does."""
ROLLS_BACK = ("rollback", "release")
_LOOK_BACK = 20
"""Newest pipelines of main among which one of a kind is looked for."""


class GitLabCI:
    """Its pipelines differ by their variable ACTION; what they need is kept in the project's variables."""

    title = "GitLab CI"
    checks: tuple[str, ...] = ("test", "build", "chart")
    check_app = ""
    test = "test"
    no_token = False

    def __init__(self, settings: Settings, gitlab: GitLab, credentials: Credentials) -> None:
        self._settings = settings
        self._gitlab = gitlab
        self._credentials = credentials
        self.stored: Stored = gitlab
        self.page = f"{settings.url}/-/pipelines"

    @reading("GitLab's answer")
    def who(self) -> str:
        """Return whose the token is: the one for GitLab."""
        return str(self._gitlab.call("GET", "/user")["username"])

    def resources(self) -> list[Resource[Any]]:
        """Return the variables and secrets that jobs read, and what lets them push to the environment's branch."""
        own = self._settings.own_registry
        return [
            Variables(self._settings, self._gitlab, self._credentials),
            *([] if own else [RegistryToken(self._settings, self._gitlab, self._credentials)]),
            PushAccess(self._settings, self._gitlab),
        ]

    def secrets(self) -> frozenset[str]:
        """Return the names of the masked variables."""
        return self._gitlab.secrets()

    def named(self, pipeline: Pipeline) -> str:
        """Return what such a pipeline does."""
        return f"pipeline {pipeline}"

    @reading("GitLab's answer")
    def newest(self, pipeline: Pipeline) -> Run | None:
        """Return the newest pipeline of main that deploys, or that rolls back or releases; or None."""
        wanted = DEPLOYING_ACTIONS if pipeline == DEPLOY else ROLLS_BACK
        return next((_run(found) for found in self._of_main() if self._action(found) in wanted), None)

    def _of_main(self) -> Iterator[dict[str, Any]]:
        path = self._gitlab.path("pipelines")
        yield from self._gitlab.get(path, ref=MAIN, order_by="id", sort="desc", per_page=_LOOK_BACK) or []

    def _action(self, found: dict[str, Any]) -> str:
        if found["source"] == "push":
            return "deploy"
        given = self._gitlab.get(self._gitlab.path("pipelines", str(found["id"]), "variables")) or []
        return next((each["value"] for each in given if each["key"] == "ACTION"), "deploy")

    @reading("GitLab's answer")
    def start(self, pipeline: Pipeline, inputs: Mapping[str, str]) -> int | None:
        """Create a pipeline of main."""
        variables = [{"key": name.upper(), "value": value} for name, value in parameters(pipeline, inputs).items()]
        answer = self._gitlab.call("POST", self._gitlab.path("pipeline"), {"ref": MAIN, "variables": variables})
        return int(answer["id"])

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
        path = self._gitlab.path("pipelines", str(run.number))
        wrong = (self._gitlab.get(path) or {}).get("yaml_errors")
        reported = [f".gitlab-ci.yml: {wrong}"] if wrong else []
        for job in self._gitlab.pages(f"{path}/jobs"):
            if job["status"] in ("failed", "canceled"):
                log = redact(self._gitlab.text(self._gitlab.path("jobs", str(job["id"]), "trace")))
                end = log.rstrip().splitlines()[-lines:]
                reported.append("\n".join([f"job {job['name']}:", *(f"    {line}" for line in end)]))
        return "\n".join(reported)


def _run(found: dict[str, Any]) -> Run:
    state = found["status"]
    return Run(found["id"], found["sha"], found["web_url"], state, state in OVER, state == "success")


connect: Connect = GitLabCI
