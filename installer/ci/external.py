"""A CI that is not the code host's own: it builds the repository and keeps variables; what runs, GitHub shows."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

from ..config.settings import CLOUD, MAIN, Settings
from ..engine.resource import Resource
from ..forges.credentials import Credentials
from ..forges.github.repository import GitHub, Reported
from ..support.errors import InstallerError
from .base import Pipeline, Run, Stored
from .external_variables import CIVariables, Named, Store
from .variables import Variables

_LOOK_BACK = 10
"""Commits of main among which a run is looked for that was there before: main may have moved on since."""
_FINE_GRAINED = "github_pat_"


@dataclass(frozen=True)
class Jobs:
    """What GitHub shows of a pipeline: the names of its checks or statuses, apart those that end it."""

    first: tuple[str, ...]
    last: tuple[str, ...]


class ExternalCI(Store):
    """Of its own API it takes what lets it build the repository and keeps its variables, where there is a token."""

    checks: tuple[str, ...]
    check_app: str
    jobs: ClassVar[Mapping[Pipeline, Jobs]]
    page: str

    def __init__(self, settings: Settings, github: GitHub, credentials: Credentials) -> None:
        self._settings = settings
        self._github = github
        self._credentials = credentials
        self.stored: Stored = Named(self)
        # of a server of its own nothing is known here
        self.no_token = not credentials.ci_token or settings.host != CLOUD
        hidden = self.check_app and settings.private and credentials.token.reveal().startswith(_FINE_GRAINED)
        self.unseen = "GitHub lets no fine-grained token read checks of a private repository" if hidden else ""

    # --- what its API does ---------------------------------------------------------------------

    @abstractmethod
    def who(self) -> str:
        """Return whose the token is."""

    @abstractmethod
    def request(self, action: str, given: Mapping[str, str]) -> None:
        """Have it build main, with the parameters that the project's file knows."""

    @abstractmethod
    def secrets(self) -> frozenset[str]:
        """Return the names of the variables that it hides."""

    @abstractmethod
    def manual_step(self, pipeline: Pipeline) -> str:
        """Return the page where a pipeline is started, and how."""

    # --- what is kept there --------------------------------------------------------------------

    def resources(self) -> list[Resource[Any]]:
        """Return the mark at GitHub, and the variables at the CI."""
        return [
            Variables(self._settings, self._github, self._credentials),
            CIVariables(self._settings, self._github, self._credentials, self),
        ]

    # --- what runs -----------------------------------------------------------------------------

    def named(self, pipeline: Pipeline) -> str:
        """Return what people would call it."""
        return f"{self.title}'s {pipeline}"

    def newest(self, pipeline: Pipeline) -> Run | None:
        """Return what GitHub shows of a pipeline at the head of main, or None."""
        head = None if self.unseen else self._github.head(MAIN)
        return self._at(head, pipeline) if head else None

    def run(self, number: int, pipeline: Pipeline) -> Run | None:
        """Return a run again: what GitHub shows since it began."""
        return next((run for commit in self._commits() if (run := self._at(commit, pipeline, number))), None)

    def start(self, pipeline: Pipeline, inputs: Mapping[str, str]) -> None:
        """Request a build of main; which run that becomes GitHub shows later."""
        if self.no_token:
            what = f"There is no {self.token_variable} in the environment, so {self.title} cannot be asked."
            raise InstallerError(what, f"Set it, or {self.manual_step(pipeline)}")
        if self.unseen:
            raise InstallerError(f"Nobody here would see how that goes: {self.unseen}.", self.manual_step(pipeline))
        action = "release" if "release" in inputs else "init" if "init" in inputs else pipeline
        self.request(action, {name: value for name, value in inputs.items() if name in ("to", "why")})

    def failing_logs(self, run: Run, lines: int = 15) -> str:
        """Return nothing: the log is on the page that GitHub links."""
        return ""

    def _commits(self) -> Iterator[str]:
        if head := self._github.head(MAIN):
            yield head
            yield from (commit.sha for commit in islice(self._github.commits(MAIN), 1, _LOOK_BACK))

    def _at(self, commit: str, pipeline: Pipeline, number: int = 0) -> Run | None:
        """Return the run that a commit's checks or statuses come from; None where it has none of this pipeline's."""
        jobs = self.jobs[pipeline]
        found = self._github.checks(commit, self.check_app) if self.check_app else self._github.statuses(commit)
        known = [each for each in found if each.name in jobs.first + jobs.last and each.number >= number]
        reported = list({each.name: each for each in sorted(known, key=_number)}.values())  # the newest of each name
        if not reported:
            return None
        newest = max(reported, key=_number)
        running = max((each for each in reported if not each.over), key=_number, default=None)
        failed = max((each for each in reported if each.over and not each.green), key=_number, default=None)
        if failed and (running is None or failed.number > running.number):  # else another run has begun since
            job, over = failed, True
        elif running:
            job, over = running, False
        else:
            job, over = newest, newest.name in jobs.last
        state = "pending" if job.over and not over else job.state
        return Run(newest.number, commit, job.url or self.page, state, over, over and job.green, job.name)


def _number(reported: Reported) -> int:
    return reported.number
