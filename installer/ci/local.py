"""The machine of the person, as the CI of a project that is tried on it: nothing builds by itself, `deploy` does."""

from collections.abc import Mapping
from typing import Any

from ..config.settings import Settings
from ..engine.resource import Resource
from ..forges.credentials import Credentials
from ..support import process
from .base import NOTHING, Connect, Pipeline, Run, Stored


class _NoStore:
    """Variables where there is no CI that would read them."""

    def variables(self) -> Mapping[str, str]:
        """Return none."""
        return {}

    def set_variable(self, name: str, value: str, known: Mapping[str, str]) -> None:
        """Do nothing: nobody reads them."""

    def delete_variable(self, name: str) -> bool:
        """Return that there was none."""
        return False


class ThisMachine:
    """A CI without runs, checks and secrets."""

    title = "this machine"
    checks: tuple[str, ...] = ()
    check_app = ""
    test = ""
    page = ""
    no_token = True
    unseen = "since nothing builds by itself here"
    stored: Stored = _NoStore()

    def __init__(self, settings: Settings, forge: Any, credentials: Credentials) -> None:
        pass

    def who(self) -> str:
        """Return whose commits these are."""
        return process.attempt("git", "config", "user.name").out.strip()

    def resources(self) -> list[Resource[Any]]:
        """Return nothing: there is nothing to set up."""
        return []

    def secrets(self) -> frozenset[str]:
        """Return none."""
        return frozenset()

    def named(self, pipeline: Pipeline) -> str:
        """Return the command that does it."""
        return f"gitops-flask {pipeline}"

    def newest(self, pipeline: Pipeline) -> Run | None:
        """Return None: a deployment from here ends before its command does."""
        return None

    def start(self, pipeline: Pipeline, inputs: Mapping[str, str]) -> int | None:
        """Start nothing."""
        return None

    def manual_step(self, pipeline: Pipeline, inputs: Mapping[str, str] = NOTHING) -> str:
        """Return the command that does it."""
        words = ["gitops-flask", pipeline, *(f"--{name}={value}" for name, value in inputs.items())]
        return " ".join(words)

    def failing_logs(self, run: Run, lines: int = 15) -> str:
        """Return nothing: whoever deploys sees it."""
        return ""


connect: Connect = ThisMachine
