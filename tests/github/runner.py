"""Runs of workflows (not yet there: pushes start nothing)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .model import Account, Repository
from .runs import Job, Run
from .wire import Response, UnmodelledError

if TYPE_CHECKING:
    from .stand_in import GitHub


class Runner:
    def __init__(self, github: "GitHub", env: Mapping[str, str], labels: frozenset[str]) -> None:
        self._github = github

    def close(self) -> None:
        pass

    def wait(
        self, repository: Repository, workflow: str | None, event: str | None, sha: str | None, timeout: float
    ) -> Run:
        raise UnmodelledError("runs")

    def checks(self, repository: Repository, sha: str) -> dict[str, Job]:
        return {}

    def pushed(self, repository: Repository, who: Account, ref: str, old: str, new: str) -> None:
        pass

    def log_page(self, ticket: str) -> Response:
        raise UnmodelledError("logs")
