"""Travis CI, as the CI of a repository at GitHub."""

import shlex
from collections.abc import Mapping
from typing import Any

from ..config.settings import CI_TOKENS, MAIN, Settings
from ..forges.credentials import Credentials
from ..forges.github.repository import GitHub
from ..support.errors import InstallerError, reading
from ..support.secret import Secret
from ..support.wait import until
from .base import DEPLOY, NOTHING, Connect, Pipeline, parameters
from .external import ExternalCI, JsonApi, Shown

_REPOSITORIES = "https://app.travis-ci.com/account/repositories"
_SYNC = 60.0
"""Seconds that Travis CI is given to find a new repository."""


class TravisCI(ExternalCI):
    """Its file has stages, and conditions on a variable ACTION, which a request for a build sets."""

    title = "Travis CI"
    checks: tuple[str, ...] = ("Travis CI - Pull Request",)
    check_app = "travis-ci"
    token_variable = CI_TOKENS["travis-ci"]
    test = "Travis CI - Branch"
    jobs = (test,)  # one check for all that a build of a branch does: a rollback looks like a deployment

    def __init__(self, settings: Settings, github: GitHub, credentials: Credentials) -> None:
        super().__init__(settings, github, credentials)
        self._repo = f"/repo/{settings.owner}%2F{settings.slug}"
        headers = {"Travis-API-Version": "3", "Authorization": f"token {credentials.ci_token.reveal()}"}
        self._api = JsonApi(self.title, "https://api.travis-ci.com", headers, self.token_variable)
        self.building = f"switch it on at {_REPOSITORIES}"
        self.page = f"https://app.travis-ci.com/github/{settings.repository}"
        self.settings_page = f"{self.page}/settings"

    @reading("Travis CI's answer")
    def who(self) -> str:
        """Return whose the token is."""
        return str(self._api.call("GET", "/user")["login"])

    @reading("Travis CI's answer")
    def build(self) -> None:
        """Have Travis CI look for the repository at GitHub where it does not know it, and switch it on."""
        if self._api.get(self._repo) is None:
            user = self._api.call("GET", "/user")
            self._api.call("POST", f"/user/{user['id']}/sync")
            if not until(lambda: self._api.get(self._repo), _SYNC, every=2.0):
                raise InstallerError(
                    f"Travis CI does not find {self._settings.repository} at GitHub.",
                    f"Let its GitHub App see it: {_REPOSITORIES}; then run this again.",
                )
        self._api.call("POST", f"{self._repo}/activate")

    def request(self) -> None:
        """Request a build of main."""
        request = {"branch": MAIN, "merge_mode": "deep_merge", "config": {"env": {"global": ["ACTION=init"]}}}
        self._api.call("POST", f"{self._repo}/requests", {"request": request})

    def manual_step(self, pipeline: Pipeline, inputs: Mapping[str, str] = NOTHING) -> str:
        """Return where a build is requested."""
        given = parameters(pipeline, inputs).items()
        env = " ".join(f"{name.upper()}={shlex.quote(value)}" for name, value in given)  # a shell reads them
        first = "" if pipeline != DEPLOY else " (ACTION=init the first time)"
        return f"Trigger build of {MAIN} with {env}{first}: {self.page}"

    @reading("Travis CI's answer")
    def secrets(self) -> frozenset[str]:
        """Return the names of the variables that it hides."""
        return frozenset(name for name, each in self._listed().items() if not each["public"])

    @reading("Travis CI's answer")
    def variables(self) -> Mapping[str, Shown] | None:
        """Return the variables, the public ones as they are; None where Travis CI does not build the repository."""
        found = self._api.get(self._repo)
        if found is None or not found["active"]:
            return None
        return {name: Shown(each.get("value") or "", each["public"]) for name, each in self._listed().items()}

    @reading("Travis CI's answer")
    def set_variable(self, name: str, value: Secret, *, shown: bool) -> None:
        """Create or replace a variable."""
        there = self._listed().get(name)
        body = {"env_var.name": name, "env_var.value": value.reveal(), "env_var.public": shown}
        if there:
            self._api.call("PATCH", f"{self._repo}/env_var/{there['id']}", body)
        else:
            self._api.call("POST", f"{self._repo}/env_vars", body)

    @reading("Travis CI's answer")
    def delete_variable(self, name: str) -> bool:
        """Delete one."""
        there = self._listed().get(name)
        return there is not None and self._api.delete(f"{self._repo}/env_var/{there['id']}")

    def _listed(self) -> dict[str, dict[str, Any]]:
        """Return those that are for all branches."""
        found = self._api.get(f"{self._repo}/env_vars") or {"env_vars": []}
        return {each["name"]: each for each in found["env_vars"] if not each.get("branch")}


connect: Connect = TravisCI
