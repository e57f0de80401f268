"""A git server in the cluster without one: a kubectl that runs what it is told to run in a pod on this machine."""

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from installer.cluster.kubectl import Cluster
from installer.config.settings import Settings
from installer.forges.local import repository
from installer.forges.local.repository import LocalGit

from .clones import git, start
from .cluster import SETTINGS

LOCAL = replace(
    SETTINGS,
    scm="local",
    ci="local",
    host="web-git.argocd.svc:9418",
    visibility="public",
    image_visibility="public",
    registry="localhost:5001",
    context="kind-gitops-flask",
    kind_cluster="gitops-flask",
)
RUNNING = {"kind": "Deployment", "metadata": {"name": "web-git", "generation": 1}, "spec": {"replicas": 1},
           "status": {"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1,
                      "availableReplicas": 1}}  # fmt: skip
KUBECTL = """#!/bin/sh
printf '%s\\n' "$*" >>{folder}/calls
case " $* " in
  *" exec "*)
    [ ! -e {folder}/fails ] || {{ cat {folder}/fails >&2; rm {folder}/fails; exit 1; }}
    while [ "$1" != -- ]; do shift; done
    shift
    unset GIT_CONFIG_COUNT GIT_PROTOCOL
    exec "$@" ;;
  *" get deployments.apps "*) [ -e {folder}/deployment ] || {{ echo 'Error from server (NotFound): x' >&2; exit 1; }}
    cat {folder}/deployment ;;
  *) echo "nothing recorded for $*" >&2; exit 1 ;;
esac
"""


@dataclass
class Server:
    """The pod's folder, and the kubectl that leads there."""

    folder: Path
    settings: Settings = field(default_factory=lambda: LOCAL)

    @property
    def git(self) -> LocalGit:
        return LocalGit(Cluster(self.settings.context), self.settings)

    @property
    def bare(self) -> Path:
        return Path(self.git.path)

    def deploy(self, deployment: Any = RUNNING) -> None:
        (self.folder / "deployment").write_text(json.dumps(deployment))

    def fail_once(self, said: str) -> None:
        """Let the next `kubectl exec` fail as if its pod were not there yet."""
        (self.folder / "fails").write_text(said)

    def calls(self, word: str) -> list[str]:
        lines = (self.folder / "calls").read_text().splitlines() if (self.folder / "calls").exists() else []
        return [line for line in lines if f" {word} " in f" {line} "]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A git server that is up, with an empty repository, as its own script makes it."""
    programs = tmp_path / "kubectl-bin"
    programs.mkdir()
    kubectl = programs / "kubectl"
    kubectl.write_text(KUBECTL.format(folder=programs))
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(repository, "FOLDER", str(tmp_path / "git"))
    made = Server(programs)
    made.deploy()
    made.bare.mkdir(parents=True)
    git(made.bare, "init", "--quiet", "--bare", "--initial-branch=main", ".")
    for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant", "receive.denyNonFastForwards"):
        git(made.bare, "config", setting, "true")
    git(made.bare, "config", "transfer.hideRefs", "refs/gitops-flask")
    return made


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A project's folder with one commit."""
    folder = tmp_path / "web"
    (folder / "chart").mkdir(parents=True)
    (folder / "gitops.yaml").write_text("version: 1\n")
    (folder / "chart/Chart.yaml").write_text("name: web\n")
    return start(folder)
