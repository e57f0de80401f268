"""What is asked of a CI, whichever it is; each has a file of its own, like github_actions.py."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from ..config.settings import Settings
from ..engine.resource import Resource
from ..forges.base import Stored
from ..forges.credentials import Credentials
from ..support.resume_command import command
from ..support.secret import redact

Pipeline = Literal["deploy", "rollback", "promote"]
"""What a project's CI runs: a deployment of the head of main, ci/rollback, or ci/promote."""
DEPLOY: Pipeline = "deploy"
ROLLBACK: Pipeline = "rollback"
PROMOTE: Pipeline = "promote"


NOTHING: Mapping[str, str] = MappingProxyType({})
"""No inputs."""
END = "…"
"""Begins what is known of a variable's value where a CI shows the end alone."""


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


class CI(ABC):
    """The CI of one project; its code host's own, where no more is said."""

    title: str
    """What people call it: `GitHub Actions`."""
    checks: tuple[str, ...]
    """What must be green before a merge, by the names under which the code host shows it."""
    check_app = ""
    """The short name of the GitHub App that writes those checks; empty: they are statuses, which no App vouches for."""
    test: str
    """The check that says whether the tests of a commit of main passed."""
    runs: str
    """Where its runs are shown, below the repository's page."""
    deployment: str
    """What a deployment is called there: `deploy.yml`."""
    no_token = False
    """Whether there is no API token: then it is set up and started manually."""
    unseen = ""
    """Why its runs cannot be seen; empty where they can."""

    def __init__(self, settings: Settings, forge: Any, credentials: Credentials) -> None:
        self._settings = settings
        self._forge = forge
        self._credentials = credentials
        self.page = f"{settings.url}{self.runs}"
        self.stored: Stored = forge  # the variables that its jobs read

    def who(self) -> str:
        """Return whose the token for its API is; raise where it is refused."""
        return str(self._forge.who())

    @abstractmethod
    def resources(self) -> list[Resource[Any]]:
        """Return what the installer looks after there; all of it must stand before the first push of main."""

    @abstractmethod
    def secrets(self) -> frozenset[str]:
        """Return the names of the secrets that it keeps; called only where there is a token."""

    @abstractmethod
    def newest(self) -> Run | None:
        """Return the newest deployment of main, or None."""

    @abstractmethod
    def start(self) -> None:
        """Start the first deployment of main."""

    @abstractmethod
    def manual_step(self, pipeline: Pipeline, inputs: Mapping[str, str] = NOTHING) -> str:
        """Return the command or the page that starts a pipeline, with these inputs of a rollback or a promotion."""

    def failing_logs(self, run: Run, lines: int = 15) -> str:
        """Return the last lines of the logs of the jobs that failed; nothing where they are on a page alone."""
        return ""


def parameters(pipeline: Pipeline, inputs: Mapping[str, str]) -> dict[str, str]:
    """Return what a CI that has one pipeline for all is given: the action, and the inputs by the names that it has."""
    if pipeline == PROMOTE:
        first = {"first": "--init"} if "init" in inputs else {}
        to = {"to": inputs["revision"]} if "revision" in inputs else {}
        return {"action": PROMOTE, "environment": inputs["environment"], **to, **first}
    action = "release" if "release" in inputs else pipeline
    return {"action": action, **{name: inputs[name] for name in ("to", "why", "environment") if name in inputs}}


Connect = Callable[[Settings, Any, Credentials], CI]
"""Makes a CI from settings, its code host and credentials; the module of each CI has one."""


def built_anew(folder: Path, ci: CI) -> str:
    """Return what brings an image for the machines that the cluster has, where it has none for them."""
    return f"{command('up', folder)}, then deploy again: {ci.manual_step(DEPLOY)}"


def end_of_log(job: str, log: str, lines: int) -> str:
    """Return the last lines of a job's log below its name."""
    return "\n".join([f"job {job}:", *(f"    {line}" for line in redact(log).rstrip().splitlines()[-lines:])])


def number(run: Run | None) -> int:
    """Return a run's number, which grows from run to run; 0 where there is none."""
    return run.number if run else 0


def in_words(ci: CI, run: Run | None) -> str:
    """Say where a deployment stands."""
    if ci.unseen:
        return f"{ci.title}'s runs are not seen, {ci.unseen}: see {ci.page}"
    if run is None:
        return f"{ci.deployment}: no run yet"
    return f"{ci.deployment}: {run.name} {run.state.replace('_', ' ')}"
