"""GitHub Actions, as the CI of a repository at GitHub."""

import shlex
from collections.abc import Mapping
from typing import Any

from ..config.settings import MAIN
from ..engine.resource import Resource
from ..forges.github.repository import GitHub
from ..support import process
from ..support.errors import reading
from .base import CI, NOTHING, Connect, Pipeline, Run, end_of_log
from .variables import WHERE, EnvironmentToken, Variables, environment_of

CHECKS = ("test", "image", "chart")  # the jobs of pull-request.yml
APP = "github-actions"
"""The short name of the App that writes the checks."""


class GitHubActions(CI):
    """Each pipeline is a workflow, and what it needs is kept in the repository's variables and secrets."""

    title = "GitHub Actions"
    checks = CHECKS
    check_app = APP
    test = "test"
    deployment = "deploy.yml"
    runs = "/actions"
    _forge: GitHub

    def resources(self) -> list[Resource[Any]]:
        """Return the variables and the secret that workflows read."""
        return [
            Variables(self._settings, self._forge, self._credentials),
            EnvironmentToken(self._settings, self._forge, self._credentials),
        ]

    def secrets(self) -> frozenset[str]:
        """Return the names of the Actions secrets, those of the environment for deployments included."""
        of_repository = self._forge.secrets()
        if WHERE not in self._forge.variables():
            return of_repository
        return of_repository | self._forge.secrets(environment_of(self._settings))

    @reading("GitHub's answer")
    def newest(self) -> Run | None:
        """Return the newest run of the workflow on main, or None."""
        path = self._forge.path("actions/workflows", self.deployment, "runs")
        found = self._forge.get(path, branch=MAIN, per_page=1)
        runs = found["workflow_runs"] if found else []
        return _run(runs[0]) if runs else None

    def start(self) -> None:
        """Dispatch the workflow."""
        path = self._forge.path("actions/workflows", self.deployment, "dispatches")
        self._forge.call("POST", path, {"ref": MAIN, "inputs": {"init": "true"}})

    def manual_step(self, pipeline: Pipeline, inputs: Mapping[str, str] = NOTHING) -> str:
        """Return the command that dispatches a workflow."""
        fields = (word for name, value in inputs.items() for word in ("-f", f"{name}={value}"))
        return shlex.join(["gh", "workflow", "run", f"{pipeline}.yml", "--repo", self._forge.repository, *fields])

    @reading("GitHub's answer")
    def failing_logs(self, run: Run, lines: int = 15) -> str:
        """Return the last lines of the logs of the jobs that failed."""
        reported = []
        for job in self._forge.pages(self._forge.path("actions/runs", str(run.number), "jobs"), "jobs"):
            if job["conclusion"] in ("success", "skipped", None):
                continue
            path = self._forge.path("actions/jobs", str(job["id"]), "logs")
            # it follows to the log's host
            answer = process.attempt("gh", "api", path, env=self._credentials.environment)
            reported.append(end_of_log(job["name"], answer.out, lines))
        return "\n".join(reported)


def _run(found: dict[str, Any]) -> Run:
    state, over = found["conclusion"] or found["status"], found["status"] == "completed"
    return Run(found["id"], found["head_sha"], found["html_url"], state, over, state == "success", f"run {found['id']}")


connect: Connect = GitHubActions
