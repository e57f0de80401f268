"""`gitops-flask template …` as it is typed, on a project of a small template: without a code host, or with one."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.github import GitHub
from tests.github.git import git as on_server
from tests.gitlab import GitLab
from tests.installer.gitops_yaml import tree
from tests.typed import run_typed

from .story import START, Story

TOKENS = ("GH_TOKEN", "GITHUB_TOKEN", "GITLAB_TOKEN", "REGISTRY_TOKEN", "REGISTRY_USERNAME", "CI")


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


Typed = Callable[..., Done]


def settings(scm: str = "github") -> str:
    good = tree()
    good[scm] = {**good.pop("github"), "host": f"{scm}.com"}
    return yaml.safe_dump(good)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell of somebody who has no token, and whose gh has none."""
    for name in TOKENS:
        monkeypatch.delenv(name, raising=False)
    for name, value in {"GH_CONFIG_DIR": str(tmp_path / "gh"), "COLUMNS": "200", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def story(tmp_path: Path, shell: None, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A project, and its template as the one at hand."""
    made = Story(tmp_path / "story", {**START, "gitops.yaml": settings()})
    monkeypatch.setattr("installer.commands.template.at_hand", lambda: made.template)
    return made


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Run a command in a project's folder, in this process."""

    def typed(project: Path, *arguments: str, code: int = 0) -> Done:
        done = Done(*run_typed(monkeypatch, capsys, project, "template", *arguments))
        assert done.code == code, done
        return done

    return typed


# --- at a code host -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """A request as its code host has it."""

    number: int
    title: str
    text: str
    draft: bool
    state: str
    head: str


@dataclass
class Host:
    """A code host with the project in it, whichever it is."""

    story: Story
    bare: Path
    requests: Callable[[], list[Shown]]
    close: Callable[[int], None]
    changes: Callable[[], list[Any]]

    def branches(self) -> dict[str, str]:
        listed = on_server(self.bare, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads")
        return dict(line.split(" ") for line in listed.splitlines())

    def file(self, branch: str, path: str) -> str:
        return on_server(self.bare, "show", f"{branch}:{path}")

    def push(self, *refs: str) -> None:
        """Let the host have branches of the project's folder, as people push them."""
        on_server(self.bare, "fetch", "--quiet", "--force", str(self.story.project), *refs)

    def merge(self) -> None:
        """Squash the update into main, and delete its branch, as a host does."""
        on_server(self.bare, "update-ref", "refs/heads/main", self._squashed())
        on_server(self.bare, "update-ref", "-d", "refs/heads/gitops-flask/update")

    def _squashed(self) -> str:
        merged = on_server(self.bare, "merge-tree", "--write-tree", "main", "gitops-flask/update").split()[0]
        who = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        words = ["git", "-C", str(self.bare), "commit-tree", merged, "-p", "main", "-m", "Update (#1)"]
        return subprocess.run(
            words, check=True, capture_output=True, text=True, env={**os.environ, **who}
        ).stdout.strip()


@pytest.fixture
def at_github(story: Story, github: GitHub, monkeypatch: pytest.MonkeyPatch) -> Host:
    github.user("octo")
    github.organization("acme", plan="team", members={"octo": "admin"})
    for name, value in {**github.env, "GH_TOKEN": github.token("octo")}.items():
        monkeypatch.setenv(name, value)
    subprocess.run(["gh", "repo", "create", "acme/web", "--private"], check=True, capture_output=True)
    repository = github.repository("acme/web")

    def requests() -> list[Shown]:
        return [
            Shown(p.number, p.title, p.body or "", p.draft, p.state.lower(), p.head_sha)
            for p in repository.pulls.values()
        ]

    def close(number: int) -> None:
        repository.pulls[number].state = "CLOSED"

    host = Host(story, repository.git, requests, close, lambda: github.changes)
    host.push("main:main")
    github.changes.clear()
    return host


@pytest.fixture
def at_gitlab(story: Story, gitlab: GitLab, monkeypatch: pytest.MonkeyPatch) -> Host:
    story.work({"gitops.yaml": settings("gitlab")})
    gitlab.user("octo")
    group = gitlab.group("acme", members={"octo": 50})
    token = gitlab.token("octo")
    for name, value in {**gitlab.env, "GITLAB_TOKEN": token}.items():
        monkeypatch.setenv(name, value)
    about = {"path": "web", "name": "web", "namespace_id": group.id, "visibility": "private"}
    gitlab.hosting.create(gitlab.tokens[token], about)
    project = gitlab.project("acme/web")
    states = {"opened": "open"}

    def requests() -> list[Shown]:
        return [
            Shown(
                *(each.iid, each.title, each.description, each.title.startswith("Draft: ")),
                *(states.get(each.state, each.state), each.sha),
            )
            for each in project.merge_requests.values()
        ]

    def close(number: int) -> None:
        project.merge_requests[number].state = "closed"

    host = Host(story, project.git, requests, close, lambda: gitlab.changes)
    host.push("main:main")
    gitlab.changes.clear()
    return host


each_host = pytest.mark.parametrize("host", ["at_github", "at_gitlab"], indirect=True)
"""For what a code host's own API does; the rest is git, which GitLab does only in the long run."""


@pytest.fixture(params=["at_github", pytest.param("at_gitlab", marks=pytest.mark.all)])
def host(request: pytest.FixtureRequest) -> Host:
    made: Host = request.getfixturevalue(request.param)
    return made
