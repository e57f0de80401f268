"""Travis CI, as the CI of a repository at GitHub."""

import shlex
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from ..config.settings import CLOUD, MAIN, Settings
from ..config.supported import CI_TOKENS
from ..engine.resource import Resource
from ..forges.credentials import Credentials
from ..forges.github.repository import GitHub
from ..support.errors import InstallerError
from ..support.parsing import reading
from ..support.secret import Secret, redact
from ..support.wait import until
from .base import NOTHING, ROLLBACK, Connect, Pipeline, Run, Stored, parameters
from .external_variables import CIVariables, Named, Shown
from .json_api import JsonApi
from .variables import Variables

_STAGES = {"deploy": "deploy", "rollback": "rollback"}
"""The stage of .travis.yml that a build is known by."""
_LOOK_BACK = 100
"""Builds of main among which the newest of a kind is looked for."""
_ACTIVE = ("created", "received", "started")
_SYNC = 60.0
"""Seconds that Travis CI is given to find a new repository."""


class TravisCI:
    """Its file has stages, and conditions on a variable ACTION, which a request for a build sets."""

    title = "Travis CI"
    checks: tuple[str, ...] = ("Travis CI - Pull Request",)
    check_app = "travis-ci"
    test = "Travis CI - Branch"
    token_variable = CI_TOKENS["travis-ci"]

    def __init__(self, settings: Settings, github: GitHub, credentials: Credentials) -> None:
        self._settings = settings
        self._github = github
        self._credentials = credentials
        self._repo = f"/repo/{settings.owner}%2F{settings.slug}"
        self.stored: Stored = Named(self)
        self.no_token = (
            not credentials.ci_token or settings.host != CLOUD
        )  # of a server of your own nothing is known here
        headers = {"Travis-API-Version": "3", "Authorization": f"token {credentials.ci_token.reveal()}"}
        self._api = JsonApi(self.title, "https://api.travis-ci.com", headers, self.token_variable)
        self.page = f"https://app.travis-ci.com/github/{settings.repository}"
        self.settings_page = f"{self.page}/settings"

    @reading("Travis CI's answer")
    def who(self) -> str:
        """Return whose the token is."""
        return str(self._api.call("GET", "/user")["login"])

    # --- what is kept there --------------------------------------------------------------------

    def resources(self) -> list[Resource[Any]]:
        """Return the mark at GitHub, and the variables at Travis CI."""
        return [
            Variables(self._settings, self._github, self._credentials),
            CIVariables(self._settings, self._github, self._credentials, self),
        ]

    @reading("Travis CI's answer")
    def secrets(self) -> frozenset[str]:
        """Return the names of the variables that it hides."""
        found = None if self.no_token else self._listed()
        return frozenset(name for name, each in (found or {}).items() if not each["public"])

    @reading("Travis CI's answer")
    def variables(self) -> Mapping[str, Shown] | None:
        """Return the variables, the public ones as they are; None where Travis CI does not build the repository."""
        found = self._api.get(self._repo)
        if found is None or not found["active"]:
            return None
        return {name: Shown(each.get("value") or "", each["public"]) for name, each in (self._listed() or {}).items()}

    @reading("Travis CI's answer")
    def build(self) -> None:
        """Have Travis CI look for the repository at GitHub where it does not know it, and switch it on."""
        if self._api.get(self._repo) is None:
            user = self._api.call("GET", "/user")
            self._api.call("POST", f"/user/{user['id']}/sync")
            if not until(lambda: self._api.get(self._repo), _SYNC, every=2.0):
                raise InstallerError(
                    f"Travis CI does not find {self._settings.repository} at GitHub.",
                    "Let its GitHub App see it: https://app.travis-ci.com/account/repositories; then run this again.",
                )
        self._api.call("POST", f"{self._repo}/activate")

    @reading("Travis CI's answer")
    def set_variable(self, name: str, value: Secret, *, shown: bool) -> None:
        """Create or replace a variable."""
        there = (self._listed() or {}).get(name)
        body = {"env_var.name": name, "env_var.value": value.reveal(), "env_var.public": shown}
        if there:
            self._api.call("PATCH", f"{self._repo}/env_var/{there['id']}", body)
        else:
            self._api.call("POST", f"{self._repo}/env_vars", body)

    @reading("Travis CI's answer")
    def delete_variable(self, name: str) -> bool:
        """Delete one."""
        there = (self._listed() or {}).get(name)
        return there is not None and self._api.delete(f"{self._repo}/env_var/{there['id']}")

    def _listed(self) -> dict[str, dict[str, Any]] | None:
        """Return those that are for all branches."""
        found = self._api.get(f"{self._repo}/env_vars")
        return found and {each["name"]: each for each in found["env_vars"] if not each.get("branch")}

    # --- what runs -----------------------------------------------------------------------------

    def named(self, pipeline: Pipeline) -> str:
        """Return what people would call it."""
        return f"Travis CI's {pipeline}"

    @reading("Travis CI's answer")
    def newest(self, pipeline: Pipeline) -> Run | None:
        """Return the newest build of main with such a stage."""
        if self.no_token:
            return None
        for each in islice(self._builds(), _LOOK_BACK):
            if any(stage["name"].lower() == _STAGES[pipeline] for stage in each["stages"]):
                return self._run(each)
        return None

    def _builds(self) -> Iterator[dict[str, Any]]:
        """Walk along the builds of main, newest first."""
        asked = {"branch.name": MAIN, "build.event_type": "push,api", "include": "build.stages,build.commit"}
        offset: int | None = 0
        while offset is not None:
            found = self._api.get(f"{self._repo}/builds", **asked, offset=offset) or {"builds": [], "@pagination": {}}
            yield from found["builds"]
            offset = (found["@pagination"].get("next") or {}).get("offset")

    @reading("Travis CI's answer")
    def run(self, number: int) -> Run:
        """Return a build."""
        return self._run(self._api.call("GET", f"/build/{number}", include="build.commit"))

    def start(self, pipeline: Pipeline, inputs: Mapping[str, str]) -> int | None:
        """Request a build of main; which one it becomes shows later."""
        if self.no_token:
            what = f"There is no {self.token_variable} in the environment, so Travis CI cannot be asked."
            raise InstallerError(what, f"Set it, or {self.manual_step(pipeline)}")
        action = "release" if "release" in inputs else "init" if "init" in inputs else pipeline
        given = {"ACTION": action, **{name.upper(): inputs[name] for name in ("to", "why") if name in inputs}}
        env = {"global": [f"{name}={shlex.quote(value)}" for name, value in given.items()]}  # a shell reads them
        request = {"branch": MAIN, "merge_mode": "deep_merge", "config": {"env": env}}
        self._api.call("POST", f"{self._repo}/requests", {"request": request})
        return None

    def manual_step(self, pipeline: Pipeline, inputs: Mapping[str, str] = NOTHING) -> str:
        """Return where a build is requested."""
        given = parameters(pipeline, inputs).items()
        env = " ".join(f"{name.upper()}={shlex.quote(value)}" for name, value in given)  # a shell reads them
        first = "" if pipeline == ROLLBACK else " (ACTION=init the first time)"
        return f"Trigger build of {MAIN} with {env}{first}: {self.page}"

    def look_up(self, number: int) -> str:
        """Return the page of a build."""
        return f"See {self.page}/builds/{number}"

    @reading("Travis CI's answer")
    def failing_logs(self, run: Run, lines: int = 15) -> str:
        """Return the last lines of the logs of the jobs that failed."""
        if self.no_token:
            return ""
        reported = []
        for job in self._api.call("GET", f"/build/{run.number}/jobs")["jobs"]:
            if job["state"] in ("failed", "errored"):
                log = (self._api.get(f"/job/{job['id']}/log") or {}).get("content") or ""
                end = redact(log).replace("\r", "").splitlines()[-lines:]
                reported.append("\n".join([f"job {job['number']}:", *(f"    {line}" for line in end)]))
        return "\n".join(reported)

    def _run(self, build: Mapping[str, Any]) -> Run:
        number, state = build["id"], build["state"]
        url = f"{self.page}/builds/{number}"
        return Run(number, build["commit"]["sha"], url, state, state not in _ACTIVE, state == "passed")


connect: Connect = TravisCI
