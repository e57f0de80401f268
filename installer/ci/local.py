"""The machine of the person, as the CI of a project that is tried on it: nothing builds by itself, `deploy` does."""

from collections.abc import Mapping
from typing import Any

from ..engine.resource import Resource
from .base import CI, NOTHING, Connect, Pipeline, Run


class ThisMachine(CI):
    """A CI without runs, checks and secrets."""

    title = "this machine"
    checks = ()
    test = ""
    runs = ""
    deployment = "gitops-flask deploy"
    no_token = True
    unseen = "since nothing builds by itself here"

    def resources(self) -> list[Resource[Any]]:
        """Return nothing: there is nothing to set up."""
        return []

    def secrets(self) -> frozenset[str]:
        """Return none."""
        return frozenset()

    def newest(self) -> Run | None:
        """Return None: a deployment from here ends before its command does."""
        return None

    def start(self) -> None:
        """Start nothing."""

    def manual_step(self, pipeline: Pipeline, inputs: Mapping[str, str] = NOTHING) -> str:
        """Return the command that does it."""
        words = ["gitops-flask", pipeline, *(f"--{name}={value}" for name, value in inputs.items())]
        return " ".join(words)


connect: Connect = ThisMachine
