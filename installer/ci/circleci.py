"""CircleCI, as the CI of a repository at GitHub."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

import requests

from ..config.settings import CLOUD, MAIN, Settings
from ..config.supported import CI_TOKENS
from ..engine.resource import Resource
from ..forges.credentials import Credentials
from ..forges.github.repository import GitHub
from ..forges.http import TIMEOUT
from ..support.errors import InstallerError
from ..support.http_session import session
from ..support.parsing import reading
from ..support.secret import Secret, redact
from .base import NOTHING, ROLLBACK, Connect, Pipeline, Run, Stored, parameters
from .external_variables import CIVariables, Named, Shown
from .json_api import JsonApi
from .variables import Variables

_WORKFLOWS = {"deploy": ("deploy", "release"), "rollback": ("rollback", "release")}
"""The workflows of .circleci/config.yml that a pipeline is known by."""
_LOOK_BACK = 100
"""Pipelines of main among which the newest of a kind is looked for: each is asked for its workflows."""
_OVER = ("success", "failed", "error", "canceled", "unauthorized", "not_run")
_RED = ("failed", "infrastructure_fail", "timedout", "unauthorized", "terminated-unknown")


class CircleCI:
    """Its file has a workflow for each thing to do; parameters choose between them."""

    title = "CircleCI"
    checks: tuple[str, ...] = ("ci/circleci: test", "ci/circleci: image", "ci/circleci: chart")
    test = "ci/circleci: test"
    check_app = ""  # statuses, which CircleCI sets with the OAuth token of a person
    token_variable = CI_TOKENS["circleci"]

    def __init__(self, settings: Settings, github: GitHub, credentials: Credentials) -> None:
        self._settings = settings
        self._github = github
        self._credentials = credentials
        self._project = f"/v2/project/gh/{settings.repository}"
        self.stored: Stored = Named(self)
        self.no_token = (
            not credentials.ci_token or settings.host != CLOUD
        )  # of a server of your own nothing is known here
        headers = {"Circle-Token": credentials.ci_token.reveal()}
        self._api = JsonApi(self.title, "https://circleci.com/api", headers, self.token_variable)
        app = "https://app.circleci.com"
        self.page = f"{app}/pipelines/github/{settings.repository}"
        self.settings_page = f"{app}/settings/project/github/{settings.repository}/environment-variables"

    @reading("CircleCI's answer")
    def who(self) -> str:
        """Return whose the token is."""
        return str(self._api.call("GET", "/v2/me")["login"])

    # --- what is kept there --------------------------------------------------------------------

    def resources(self) -> list[Resource[Any]]:
        """Return the mark at GitHub, and the variables at CircleCI."""
        return [
            Variables(self._settings, self._github, self._credentials),
            CIVariables(self._settings, self._github, self._credentials, self),
        ]

    def secrets(self) -> frozenset[str]:
        """Return the names of the variables: CircleCI hides them all."""
        return frozenset(self.variables() or ()) if not self.no_token else frozenset()

    @reading("CircleCI's answer")
    def variables(self) -> Mapping[str, Shown] | None:
        """Return the variables with the four last characters of each; None where the project is not followed."""
        if self._api.get(self._project) is None:
            return None
        found = self._pages(f"{self._project}/envvar")
        return {each["name"]: Shown(each["value"].removeprefix("xxxx")) for each in found}

    def build(self) -> None:
        """Follow the project, as its button does: a hook and a key that reads are made at GitHub."""
        self._api.call("POST", f"/v1.1/project/github/{self._settings.repository}/follow")

    def set_variable(self, name: str, value: Secret, *, shown: bool) -> None:
        """Create or replace a variable."""
        self._api.call("POST", f"{self._project}/envvar", {"name": name, "value": value.reveal()})

    def delete_variable(self, name: str) -> bool:
        """Delete one."""
        return self._api.delete(f"{self._project}/envvar/{name}")

    # --- what runs -----------------------------------------------------------------------------

    def named(self, pipeline: Pipeline) -> str:
        """Return the workflow's name."""
        return f"CircleCI's {pipeline}"

    @reading("CircleCI's answer")
    def newest(self, pipeline: Pipeline) -> Run | None:
        """Return the newest pipeline of main with such a workflow; one that has none yet may be it."""
        if self.no_token:
            return None
        for each in islice(self._pages(f"{self._project}/pipeline", branch=MAIN), _LOOK_BACK):
            workflows = self._workflows(each)
            if not workflows or any(workflow["name"] in _WORKFLOWS[pipeline] for workflow in workflows):
                return self._run(each, workflows)
        return None

    @reading("CircleCI's answer")
    def run(self, number: int) -> Run:
        """Return a pipeline's state: that of all of its workflows."""
        found = self._api.call("GET", f"{self._project}/pipeline/{number}")
        return self._run(found, self._workflows(found))

    @reading("CircleCI's answer")
    def start(self, pipeline: Pipeline, inputs: Mapping[str, str]) -> int | None:
        """Trigger a pipeline on main."""
        if self.no_token:
            what = f"There is no {self.token_variable} in the environment, so CircleCI cannot be asked."
            raise InstallerError(what, f"Set it, or {self.manual_step(pipeline)}")
        action = "release" if "release" in inputs else "init" if "init" in inputs else pipeline
        given = {name: value for name, value in inputs.items() if name in ("to", "why")}
        body = {"branch": MAIN, "parameters": {"action": action, **given}}
        return int(self._api.call("POST", f"{self._project}/pipeline", body)["number"])

    def manual_step(self, pipeline: Pipeline, inputs: Mapping[str, str] = NOTHING) -> str:
        """Return where a pipeline is triggered."""
        given = ", ".join(f"{name}: {value}" for name, value in parameters(pipeline, inputs).items())
        first = "" if pipeline == ROLLBACK else " (init the first time)"
        return f"Trigger Pipeline on {MAIN} with the parameters {given}{first}: {self.page}"

    def look_up(self, number: int) -> str:
        """Return the page of a pipeline."""
        return f"See {self.page}/{number}"

    @reading("CircleCI's answer")
    def failing_logs(self, run: Run, lines: int = 15) -> str:
        """Return the last lines of the steps that failed; of a pipeline without any, what is wrong with the file."""
        if self.no_token:
            return ""
        found = self._api.call("GET", f"{self._project}/pipeline/{run.number}")
        reported = [f"{each['type']}: {each['message']}" for each in found["errors"]]
        for workflow in self._workflows(found):
            for job in self._pages(f"/v2/workflow/{workflow['id']}/job"):
                if job["status"] in _RED and "job_number" in job:
                    end = self._log(job["job_number"])[-lines:]
                    reported.append("\n".join([f"job {job['name']}:", *(f"    {line}" for line in end)]))
        return "\n".join(reported)

    def _log(self, job: int) -> list[str]:
        """Return what the failed steps of a job said; their logs are elsewhere, and need no token of ours."""
        detail = self._api.call("GET", f"/v1.1/project/github/{self._settings.repository}/{job}")
        actions = [action for step in detail["steps"] for action in step["actions"]]
        said = ""
        for action in actions:
            if action.get("output_url") and action["status"] in ("failed", "timedout"):
                with suppress(requests.RequestException):  # what went wrong the page shows, too
                    with session() as elsewhere:
                        answer = elsewhere.get(action["output_url"], timeout=TIMEOUT)
                    said += "".join(part["message"] for part in answer.json()) if answer.ok else ""
        return redact(said).replace("\r", "").splitlines()

    def _workflows(self, pipeline: Mapping[str, Any]) -> list[dict[str, Any]]:
        return list(self._pages(f"/v2/pipeline/{pipeline['id']}/workflow"))

    def _pages(self, path: str, **asked: str) -> Iterator[dict[str, Any]]:
        """Read a whole list, page by page; empty where it is not there."""
        while found := self._api.get(path, **asked):
            yield from found["items"]
            if not found["next_page_token"]:
                return
            asked["page-token"] = found["next_page_token"]

    def _run(self, pipeline: Mapping[str, Any], workflows: list[dict[str, Any]]) -> Run:
        states = [workflow["status"] for workflow in workflows]
        state = next((s for s in states if s != "success"), "success" if states else pipeline["state"])
        over = all(s in _OVER for s in states) if states else pipeline["state"] == "errored"
        number = pipeline["number"]
        revision = pipeline["vcs"].get("revision") or ""
        return Run(number, revision, f"{self.page}/{number}", state, over, state == "success")


connect: Connect = CircleCI
