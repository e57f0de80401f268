"""A repository with deployments, and what the cluster shows of the newest."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from installer.cluster.kubectl import Cluster
from installer.forges import credentials
from installer.forges.github.repository import GitHub
from installer.project.project import Project
from installer.status import github_deployments
from installer.status.rollout import RunningService
from installer.status.service import DeploymentRecord, DeploymentState
from tests.github import GitHub as StandIn
from tests.github.git import git as on_server
from tests.github.model import Deployment, DeploymentStatus
from tests.installer.bench import SETTINGS
from tests.installer.clones import git

from .shells import octos

LIVE = DeploymentState("success", "all 2 pods answer aaaaaaaaaaaa")
CRASH = DeploymentState("failure", "web ended with exit code 1 (Error), again and again", "crash")
ADDRESS = "https://web.example.com"


@dataclass
class Shop:
    """A repository with deployments, and what the cluster shows of the newest."""

    github: StandIn
    work: Path
    outcome: DeploymentState | None = LIVE
    before_posting: Callable[[], None] = lambda: None

    @property
    def repository(self) -> Any:
        return self.github.repository("acme/web")

    def commit(self, message: str, branch: str) -> str:
        git(self.work, "commit", "-q", "--allow-empty", "-m", message)
        on_server(self.repository.git, "fetch", "--quiet", str(self.work), f"+HEAD:refs/heads/{branch}")
        return str(on_server(self.repository.git, "rev-parse", branch))

    def deploy(self, *, state: str = "in_progress", environment: str = "dev", trailer: bool = True) -> DeploymentRecord:
        """Deploy one commit of main as the workflow does, with a Deployment of this state."""
        revision = self.commit("Sell", "main")
        opened = Deployment(
            sha=revision, ref=revision, task="deploy", environment=environment, description="", payload={},
            transient=False, production=False, creator=self.github.accounts["octo"], created_at="2020-01-01T00:00:00Z",
        )  # fmt: skip
        log = "https://github.com/acme/web/actions/runs/7"
        opened.statuses.append(DeploymentStatus(state, "Handed to Argo CD", opened.creator, log))
        self.repository.deployments[opened.id] = opened
        named = f"\n\nArgocd-reference-commit-sha: {revision}\nGitHub-deployment: {opened.id}" if trailer else ""
        return DeploymentRecord(
            self.commit(f"Deploy{named}", "env/dev"), revision, "", "docker.io/acme/web", "sha256:1"
        )

    def project(self) -> Project:
        found = credentials.find(SETTINGS)
        return Project(self.work, SETTINGS, found, GitHub("github.com", found.token, "acme/web"), Cluster())

    @property
    def states(self) -> list[str]:
        return [each.state for each in self.repository.deployments.values()]

    @property
    def newest(self) -> DeploymentStatus:
        status: DeploymentStatus = list(self.repository.deployments.values())[-1].statuses[-1]
        return status


@pytest.fixture
def shop(github: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    token = octos(github, monkeypatch, tmp_path)
    github.hosting.create(github.tokens[token], "acme", "web", private=True, description=None)
    subprocess.run(["git", "init", "-q", "-b", "main", str(tmp_path / "work")], check=True)
    made = Shop(github, tmp_path / "work")

    def look(*_: object) -> DeploymentState | None:
        made.before_posting()
        return made.outcome

    monkeypatch.setattr(github_deployments, "assess", look)
    monkeypatch.setattr(RunningService, "address", lambda _: ADDRESS)
    monkeypatch.setattr(github_deployments, "pause", lambda _: None)
    return made
