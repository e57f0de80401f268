"""A program that is started sees no secret but the one that it needs, and keeps nothing in the project."""

import json
import re
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from installer.cluster.kubectl import Cluster
from installer.commands.new import check_project
from installer.forges import credentials
from installer.forges.git import Clone
from installer.support import process, secret
from installer.support.errors import InstallerError
from tests.conftest import ROOT, CommandLine
from tests.listening import Silent, serving

from .clones import git
from .cluster import SETTINGS

CANARY = "a-canary-of-"
OF_OTHERS = {
    "PUSH_TOKEN": "GitLab's jobs read it",
    "CI_JOB_TOKEN": "each job of GitLab's has one of its own",
}


@pytest.fixture(autouse=True)
def canaries(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which every one of our variables is set."""
    for name in secret.SECRETS:
        monkeypatch.setenv(name, CANARY + name)


def seen(noted: str) -> set[str]:
    """Return the variables whose canary a program noted."""
    return set(re.findall(f"{CANARY}([A-Z_]+)", noted))


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_program_inherits_no_secret() -> None:
    noted = process.run(sys.executable, "-c", "import os; print(dict(os.environ))")
    assert "PATH" in noted
    assert seen(noted) == set()


def test_a_program_gets_the_one_secret_that_it_is_handed() -> None:
    found = credentials.find(SETTINGS)
    assert seen(process.run("env", env=found.environment)) == {"GH_TOKEN"}


def test_a_hook_of_git_sees_the_one_token_that_git_pushes_with(tmp_path: Path) -> None:
    project, noted = tmp_path / "web", tmp_path / "noted"
    git(tmp_path, "init", "-q", "--bare", "there.git")
    git(tmp_path, "init", "-q", str(project))
    git(project, "commit", "-q", "--allow-empty", "-m", "x")
    script(project / ".git/hooks/pre-push", f"env >{noted}")
    login = credentials.find(SETTINGS).login
    Clone(project).push(f"file://{tmp_path}/there.git", "main", login)
    assert seen(noted.read_text()) == {"GH_TOKEN"}


def test_a_plugin_that_a_kubeconfig_names_sees_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = script(tmp_path / "plugin", f"env >{tmp_path}/noted; exit 1")
    run = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, "https://127.0.0.1:1", {"exec": run})))
    with pytest.raises(InstallerError):
        Cluster().version()
    assert seen((tmp_path / "noted").read_text()) == set()


def test_the_checks_of_a_generated_project_see_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, noted = tmp_path / "web", tmp_path / "noted"
    script(project / "ci/test", f"env >{noted}")
    script(project / "ci/chart", "")
    script(project / ".venv/bin/python", f"env >{noted}-by-the-service")
    (project / "src/web").mkdir(parents=True)
    (project / "src/web/__main__.py").touch()
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/mine")
    with pytest.raises(InstallerError, match="uv run python -m web did not answer with its revision"):
        check_project(project)
    assert seen(noted.read_text()) == set()
    served = Path(f"{noted}-by-the-service").read_text()
    assert seen(served) == set()
    assert "REVISION=" in served
    assert "DATABASE_URL=postgresql://localhost/mine" in noted.read_text(), "the tests' own database is no secret"


def test_the_program_that_signs_the_first_commit_sees_none(
    template: Path, tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "sign", f"env >{tmp_path}/noted; exit 1")
    (tmp_path / "gitconfig").write_text(f"[commit]\ngpgSign = true\n[gpg]\nprogram = {tmp_path}/sign\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    command_line(tmp_path, str(template), check=True)
    assert "PATH=" in (tmp_path / "noted").read_text()
    assert seen((tmp_path / "noted").read_text()) == set()


def test_every_variable_that_is_read_as_a_secret_is_on_the_list() -> None:
    name = re.compile(r"""["'`]([A-Z][A-Z_]*_(?:TOKEN|KEY_FILE|DATABASE_URL|PASSWORD|SECRET))["'`]""")
    texts = [path.read_text() for path in (ROOT / "installer").rglob("*.py")] + [
        (ROOT / "docs/reference/permissions.md").read_text()
    ]
    found = {word for text in texts for word in name.findall(text)}
    assert found - OF_OTHERS.keys() <= set(secret.SECRETS)
    assert {"REGISTRY_TOKEN", "GITLAB_TOKEN"} <= found, "the pattern finds what there is"


def test_a_secret_that_programs_would_inherit_cannot_be_read() -> None:
    with pytest.raises(LookupError, match="every program that is started would inherit it"):
        secret.private("A_NEW_TOKEN")


def kubeconfig(folder: Path, server: str, user: dict[str, object]) -> Path:
    path = folder / "kubeconfig"
    tree = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": user}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    }
    path.write_text(json.dumps(tree))
    return path


PODS = {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["get", "list"]}
TREES: dict[str, dict[str, object]] = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.4"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [PODS]},
    "/api/v1/namespaces/default/pods": {"kind": "PodList", "apiVersion": "v1", "items": []},
}


class Discovery(Silent, BaseHTTPRequestHandler):
    """As much of an API server as kubectl needs to keep what it found in its cache."""

    def do_GET(self) -> None:
        tree = TREES.get(self.path.partition("?")[0])
        body = json.dumps(tree).encode()
        self.send_response(200 if tree else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Discovery)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, f"http://127.0.0.1:{server.server_port}", {})))
    monkeypatch.delenv("KUBECACHEDIR", raising=False)
    with serving(server):
        yield Cluster()


@pytest.mark.parametrize("home", [None, "", "."])
@pytest.mark.parametrize("listed", [True, False], ids=["a user with a home", "a user on no list"])
def test_without_a_home_kubectl_leaves_nothing_in_the_project(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None, listed: bool
) -> None:
    project, mine = tmp_path / "web", tmp_path / "mine"
    git(tmp_path, "init", "-q", str(project))
    mine.mkdir()
    secret._home.cache_clear()

    def user(_: int) -> object:
        if not listed:
            raise KeyError
        return type("User", (), {"pw_dir": str(mine)})

    monkeypatch.setattr("pwd.getpwuid", user)
    monkeypatch.delenv("HOME") if home is None else monkeypatch.setenv("HOME", home)
    monkeypatch.chdir(project)
    try:
        assert cluster.list("pods", "default") == []
        used = Path(secret.inherited()["HOME"])
        assert (used == mine) == listed
        assert list(used.glob(".kube/cache/*")), "kubectl kept what it found, and there"
    finally:
        secret._home.cache_clear()
    assert git(project, "status", "--porcelain", "--ignored") == ""


def test_a_home_of_ones_own_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "not-made-yet"))
    assert secret.inherited()["HOME"] == str(tmp_path / "not-made-yet")
