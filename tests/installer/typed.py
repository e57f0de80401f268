"""Verbs as they are typed, in this process: a project, octo's shell, and programs that answer as a test says."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.github import GitHub as StandIn
from tests.typed import run_typed

from . import gitops_yaml
from .clones import start
from .programs import Programs, put_on_path
from .shells import octos, unset

Run = Callable[..., "Done"]
NOT_FOUND = 'Error from server (NotFound): deployments.apps "x" not found'


@dataclass(frozen=True)
class Done:
    code: int
    stdout: str
    stderr: str


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """A cluster that is there and empty, in which everything is allowed."""
    (tmp_path / "bin").mkdir()
    here = put_on_path(tmp_path / "bin", monkeypatch)
    view = {"current-context": "kind", "clusters": [{"cluster": {"server": "https://127.0.0.1:6443"}}]}
    here.answer("kubectl", "config view", view)
    versions = {"clientVersion": {"gitVersion": "v1.34.4"}, "serverVersion": {"gitVersion": "v1.34.2"}}
    here.answer("kubectl", "version", versions)
    here.answer("kubectl", "version --client", "Client Version: v1.34.4\nKustomize Version: v5.7.1\n")
    here.answer("kubectl", "auth can-i", "yes\n")
    here.answer("kubectl", "get", err=NOT_FOUND, status=1)
    here.answer("helm", "version", "v4.3.1")
    here.answer("argocd", "version", "argocd: v3.5.3+unknown\n")
    return here


@pytest.fixture
def project(tmp_path: Path, github: StandIn, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of acme's with a commit, and octo's shell."""
    state = str(tmp_path / "state")
    octos(github, monkeypatch, tmp_path, NO_COLOR="1", COLUMNS="200", XDG_STATE_HOME=state)
    unset(monkeypatch, "CI", "REGISTRY_TOKEN", "REGISTRY_USERNAME")
    folder = tmp_path / "web"
    folder.mkdir()
    gitops_yaml.write(folder)
    return start(folder)


@pytest.fixture
def run(project: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a verb in this process, as a script does: nobody to ask."""

    def run(*arguments: str, code: int | None = None, cwd: Path = project) -> Done:
        done = Done(*run_typed(monkeypatch, capsys, cwd, *arguments))
        assert code in (None, done.code), done
        return done

    return run
