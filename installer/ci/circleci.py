"""CircleCI, as the CI of a repository at GitHub."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..config.settings import CI_TOKENS, MAIN, Settings
from ..forges.credentials import Credentials
from ..forges.github.repository import GitHub
from ..support.errors import reading
from ..support.secret import Secret
from .base import DEPLOY, NOTHING, Connect, Pipeline, parameters
from .external import ExternalCI, JsonApi, Shown


def _statuses(*jobs: str) -> tuple[str, ...]:
    return tuple(f"ci/circleci: {job}" for job in jobs)


class CircleCI(ExternalCI):
    """Its file has a workflow for each thing to do; parameters choose between them."""

    title = "CircleCI"
    checks = _statuses("test", "image", "chart")
    test = "ci/circleci: test"
    token_variable = CI_TOKENS["circleci"]
    # `Build Error` is what CircleCI calls a file that it cannot read
    jobs = _statuses("Build Error", "test", "push", "deploy")

    def __init__(self, settings: Settings, github: GitHub, credentials: Credentials) -> None:
        super().__init__(settings, github, credentials)
        self._project = f"/v2/project/gh/{settings.repository}"
        headers = {"Circle-Token": credentials.ci_token.reveal()}
        self._api = JsonApi(self.title, "https://circleci.com/api", headers, self.token_variable)
        app = "https://app.circleci.com"
        self.building = f"Set Up Project at {app}/projects/project-dashboard/github/{settings.owner}/"
        self.page = f"{app}/pipelines/github/{settings.repository}"
        self.settings_page = f"{app}/settings/project/github/{settings.repository}/environment-variables"

    @reading("CircleCI's answer")
    def who(self) -> str:
        """Return whose the token is."""
        return str(self._api.call("GET", "/v2/me")["login"])

    def build(self) -> None:
        """Follow the project, as its button does: a hook and a key that reads are made at GitHub."""
        self._api.call("POST", f"/v1.1/project/github/{self._settings.repository}/follow")

    def request(self) -> None:
        """Trigger a pipeline on main."""
        self._api.call("POST", f"{self._project}/pipeline", {"branch": MAIN, "parameters": {"action": "init"}})

    def manual_step(self, pipeline: Pipeline, inputs: Mapping[str, str] = NOTHING) -> str:
        """Return where a pipeline is triggered."""
        given = ", ".join(f"{name}: {value}" for name, value in parameters(pipeline, inputs).items())
        first = "" if pipeline != DEPLOY else " (init the first time)"
        return f"Trigger Pipeline on {MAIN} with the parameters {given}{first}: {self.page}"

    def secrets(self) -> frozenset[str]:
        """Return the names of the variables: CircleCI hides them all."""
        return frozenset(self.variables() or ())

    @reading("CircleCI's answer")
    def variables(self) -> Mapping[str, Shown] | None:
        """Return the variables with the four last characters of each; None where the project is not followed."""
        if self._api.get(self._project) is None:
            return None
        return {each["name"]: Shown(each["value"].removeprefix("xxxx")) for each in self._listed()}

    def _listed(self) -> Iterator[dict[str, Any]]:
        """Read the whole list, page by page; empty where it is not there."""
        asked: dict[str, str] = {}
        while found := self._api.get(f"{self._project}/envvar", **asked):
            yield from found["items"]
            if not found["next_page_token"]:
                return
            asked = {"page-token": found["next_page_token"]}

    def set_variable(self, name: str, value: Secret, *, shown: bool) -> None:
        """Create or replace a variable."""
        self._api.call("POST", f"{self._project}/envvar", {"name": name, "value": value.reveal()})

    def delete_variable(self, name: str) -> bool:
        """Delete one."""
        return self._api.delete(f"{self._project}/envvar/{name}")


connect: Connect = CircleCI
