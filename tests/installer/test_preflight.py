"""What is missing or wrong is told before the first write, all of it at once, each with its fix."""

import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from installer.commands.up import up
from installer.engine.reconcile import plan
from installer.preflight.checks import before_reading, before_writing, refuse
from installer.project.project import Project
from installer.support.errors import InstallerError
from tests.github import GitHub as StandIn
from tests.github.git import git as on_server
from tests.github.model import Stored

from . import gitops_yaml
from .clones import start
from .shells import octos

Make = Callable[..., Project]


@pytest.fixture
def opened(github: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A project of acme's, octo's token, and a cluster that nobody started."""
    octos(github, monkeypatch, tmp_path, KUBECONFIG="/nowhere")
    github.user("someone")

    def make(owner: str = "acme", slug: str = "web") -> Project:
        gitops_yaml.write(tmp_path, owner=owner, slug=slug)
        return Project.open(tmp_path)

    return make


def told(opened: Project, *keys: str) -> list[str]:
    """Return what would be told before writing, as if these resources were to change."""
    resources = [r for r in opened.resources() if r.key in keys]
    return [str(problem) for problem in before_writing(opened, plan(resources)) if problem.lane == "github"]


def push(github: StandIn, repository: str, branch: str, files: dict[str, str], folder: Path) -> None:
    """Put a branch with these files where another developer would have pushed it."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    on_server(github.repository(repository).git, "fetch", "-q", str(start(folder)), f"main:refs/heads/{branch}")


def create(github: StandIn, name: str) -> None:
    subprocess.run(["gh", "repo", "create", name, "--private"], check=True, capture_output=True)
    github.changes.clear()


def test_with_nothing_at_hand_each_missing_thing_is_reported_with_what_it_is_for(
    opened: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = opened()
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("GH_TOKEN")
    problems = before_reading(Project.open(here.folder))
    text = "\n".join(map(str, problems))
    for words in (
        "git is not installed: it commits and pushes",
        "gh is not installed: it creates the repository",
        "kubectl is not installed: it reads the cluster",
        "helm is not installed: it installs Argo CD",
        "argocd is not installed: it refreshes",
        "There is no token for github.com",
    ):
        assert words in text
    with pytest.raises(InstallerError, match=r"Nothing was changed\."):
        refuse(problems)


def test_up_without_programs_also_names_what_it_would_ask_for_next(
    opened: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = opened()
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("REGISTRY_TOKEN", raising=False)
    with pytest.raises(InstallerError) as refused:
        up(here, yes=True)
    assert refused.value.message.startswith("Nothing was changed.\ngit is not installed")
    assert "REGISTRY_TOKEN: no token at hand (not needed if it is stored)\n  → Set REGISTRY_TOKEN" in str(refused.value)
    monkeypatch.setenv("REGISTRY_TOKEN", "dckr_pat_x")
    with pytest.raises(InstallerError) as refused:
        up(Project.open(here.folder), yes=True)
    assert "REGISTRY_TOKEN" not in str(refused.value)


def test_a_wrong_token_is_reported(opened: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", "ghp_wrong")
    (problem,) = [p for p in before_reading(opened()) if p.lane == "github"]
    assert "does not work" in problem.what
    assert "gh auth login" in problem.fix
    assert "ghp_wrong" not in str(problem)


def test_a_fine_grained_token_shows_no_scopes_and_is_not_refused_for_that(
    opened: Make, github: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", github.token("octo", "fine-grained"))
    assert told(opened(), "variables") == []


@pytest.mark.parametrize(("owner", "words"), [("nobody-there", "no user or organisation"), ("someone", "another user")])
def test_an_owner_that_cannot_be_is_reported(opened: Make, owner: str, words: str) -> None:
    (problem,) = told(opened(owner), "repository")
    assert words in problem
    assert "github.owner" in problem


SAME = "project: {slug: web, name: Another name}"
EXISTING: dict[str, tuple[dict[str, dict[str, str]], str]] = {
    "nothing in it": ({}, ""),
    "the same project": ({"main": {"gitops.yaml": SAME}}, ""),
    "what a form makes": ({"main": {"README.md": "x", "LICENSE": "x"}}, ""),
    "something else": ({"main": {"README.md": "x", "a": "x"}}, "holds something else: no gitops.yaml of a project"),
    "another project": ({"main": {"gitops.yaml": "project: {slug: other}"}}, "something else: the project other"),
    "a gitops.yaml of something else": ({"main": {"gitops.yaml": "project: web"}}, "no gitops.yaml of a project"),
    "a gitops.yaml that is no YAML": ({"main": {"gitops.yaml": "project: ["}}, "no gitops.yaml of a project"),
    "an older branch only": ({"master": {"app.rb": "x"}}, "exists and has no main, but master"),
}


@pytest.mark.parametrize(("branches", "refused"), EXISTING.values(), ids=EXISTING)
def test_a_repository_that_is_there_is_adopted_or_refused_with_the_reason(
    opened: Make, github: StandIn, tmp_path: Path, branches: dict[str, dict[str, str]], refused: str
) -> None:
    create(github, "acme/web")
    for branch, files in branches.items():
        push(github, "acme/web", branch, files, tmp_path / branch)
    found = told(opened(), "variables")
    assert len(found) == bool(refused)
    assert all("https://github.com/acme/web exists" in problem and refused in problem for problem in found)
    assert github.changes == []


def test_one_that_carries_our_label_is_ours_whatever_became_of_its_content(
    opened: Make, github: StandIn, tmp_path: Path
) -> None:
    create(github, "acme/web")
    push(github, "acme/web", "main", {"README.md": "x"}, tmp_path / "other")
    github.repository("acme/web").variables["GITOPS_FLASK"] = Stored("GITOPS_FLASK", "https://github.com/Acme/web")
    assert told(opened(), "variables") == []


def test_a_kubeconfig_that_is_not_there_is_reported(opened: Make) -> None:
    if any("kubectl is not" in p.what for p in before_reading(opened())):
        pytest.skip("needs kubectl")
    (problem,) = [p for p in before_reading(opened()) if p.lane == "cluster" and "KUBECONFIG" in p.what]
    assert problem.what == "KUBECONFIG names /nowhere, which is not there."
    assert "unset it" in problem.fix


def test_a_cluster_that_does_not_answer_is_reported(
    opened: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if any("kubectl is not" in p.what for p in before_reading(opened())):
        pytest.skip("needs kubectl")
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = f"https://127.0.0.1:{server.getsockname()[1]}"
    tree = {
        "apiVersion": "v1", "kind": "Config", "current-context": "kind",
        "contexts": [{"name": "kind", "context": {"cluster": "kind", "user": "me"}}],
        "clusters": [{"name": "kind", "cluster": {"server": there}}], "users": [{"name": "me", "user": {"token": "x"}}],
    }  # fmt: skip
    (tmp_path / "kubeconfig").write_text(json.dumps(tree))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    (problem,) = [p for p in before_reading(opened()) if p.lane == "cluster" and "cannot be reached" in p.what]
    assert "kubectl config" in problem.fix
