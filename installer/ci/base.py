"""What is asked of a CI, whichever it is; each has a file of its own, like github_actions.py."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

from ..config.settings import Settings
from ..engine.resource import Resource
from ..forges.credentials import Credentials
from ..support.resume_command import command

Pipeline = Literal["deploy", "rollback", "promote"]
"""What a project's CI runs: a deployment of the head of main, ci/rollback, or ci/promote."""
DEPLOY: Pipeline = "deploy"
ROLLBACK: Pipeline = "rollback"
PROMOTE: Pipeline = "promote"


NOTHING: Mapping[str, str] = MappingProxyType({})
"""No inputs."""
END = "…"
"""Begins what is known of a variable's value where a CI shows the end alone."""


class Stored(Protocol):
    """The variables that a CI's jobs read, as their names and values."""

    def variables(self) -> Mapping[str, str]:
        """Return the variables."""

    def set_variable(self, name: str, value: str, known: Mapping[str, str]) -> None:
        """Create or change one."""

    def delete_variable(self, name: str) -> bool:
        """Delete one; False where there was none."""


@dataclass(frozen=True)
class Run:
    """One run of a pipeline; `number` grows from run to run, `state` is in the CI's or the code host's own words."""

    number: int
    revision: str
    url: str
    state: str
    over: bool = False
    green: bool = False
    name: str = ""
    """What people call it: `run 17`."""


class CI(Protocol):
    """The CI of one project."""

    title: str
    """What people call it: `GitHub Actions`."""
    checks: tuple[str, ...]
    """What must be green before a merge, by the names under which the code host shows it."""
    check_app: str
    """The short name of the GitHub App that writes those checks; empty: they are statuses, which no App vouches for."""
    test: str
    """The check that says whether the tests of a commit of main passed."""
    page: str
    """Where its runs are shown."""
    no_token: bool
    """Whether there is no API token: then it is set up and started manually."""
    unseen: str
    """Why its runs cannot be seen; empty where they can."""

    stored: Stored
    """The variables that its jobs read."""

    def who(self) -> str:
        """Return whose the token for its API is; raise where it is refused."""

    def resources(self) -> list[Resource[Any]]:
        """Return what the installer looks after there; all of it must stand before the first push of main."""

    def secrets(self) -> frozenset[str]:
        """Return the names of the secrets that it keeps."""

    def named(self, pipeline: Pipeline) -> str:
        """Return what a pipeline is called there: `deploy.yml`."""

    def newest(self, pipeline: Pipeline) -> Run | None:
        """Return the newest run of a pipeline on main, or None."""

    def start(self, pipeline: Pipeline, inputs: Mapping[str, str]) -> int | None:
        """Start a deployment of main; return the run's number, or None where the CI does not return it.

        `inputs` are the scripts' own: `init` (true).
        """

    def manual_step(self, pipeline: Pipeline, inputs: Mapping[str, str] = NOTHING) -> str:
        """Return the command or the page that starts a pipeline, with these inputs of a rollback or a promotion."""

    def failing_logs(self, run: Run, lines: int = 15) -> str:
        """Return the last lines of the logs of the jobs that failed."""


def parameters(pipeline: Pipeline, inputs: Mapping[str, str]) -> dict[str, str]:
    """Return what a CI that has one pipeline for all is given: the action, and the inputs by the names that it has."""
    if pipeline == PROMOTE:
        first = {"first": "--init"} if "init" in inputs else {}
        to = {"to": inputs["revision"]} if "revision" in inputs else {}
        return {"action": PROMOTE, "environment": inputs["environment"], **to, **first}
    action = next((word for word in ("init", "release") if word in inputs), pipeline)
    return {"action": action, **{name: inputs[name] for name in ("to", "why", "environment") if name in inputs}}


Connect = Callable[[Settings, Any, Credentials], CI]
"""Makes a CI from settings, its code host and credentials; the module of each CI has one."""


def built_anew(folder: Path, ci: CI) -> str:
    """Return what brings an image for the machines that the cluster has, where it has none for them."""
    return f"{command('up', folder)}, then deploy again: {ci.manual_step(DEPLOY)}"
