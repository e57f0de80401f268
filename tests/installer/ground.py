"""A project of which all is well, until a test makes a fault."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.github import GitHub as StandIn
from tests.github.git import git as on_server

from .clones import git
from .registry import Troubled
from .whole import Helm, push_to


@dataclass
class Ground:
    """A project of which all is well, until a fault is made."""

    github: StandIn
    project: Path
    registry: Troubled
    monkeypatch: pytest.MonkeyPatch

    def git(self, *arguments: str) -> str:
        return git(self.project, *arguments)

    def write(self, **sections: dict[str, str]) -> None:
        """Change settings, and leave that in the folder."""
        tree = yaml.safe_load((self.project / "gitops.yaml").read_text())
        for section, values in sections.items():
            tree.setdefault(section, {}).update(values)
        (self.project / "gitops.yaml").write_text(yaml.safe_dump(tree))

    def repository(self, branch: str = "main", file: str = "") -> None:
        """Let the repository be there: with this project, or with a file of others."""
        if "acme/web" not in self.github.repositories:
            subprocess.run(["gh", "repo", "create", "acme/web", "--private"], check=True, capture_output=True)
        source = self.project
        if file:
            source = self.project.parent / f"theirs-{branch.replace('/', '-')}"
            shutil.copytree(self.project / ".git", source / ".git")
            (source / file).write_text("theirs\n")
            git(source, "rm", "-q", "--cached", "gitops.yaml")
            git(source, "add", file)
            git(source, "commit", "-qm", "Theirs")
        self.push("main", branch, source)
        self.github.changes.clear()

    def push(self, here: str, branch: str, source: Path | None = None) -> None:
        """Let the repository have a branch of the project's folder, or of another one."""
        bare = self.github.repository("acme/web").git
        on_server(bare, "fetch", "-q", str(source or self.project), f"{here}:refs/heads/{branch}")


@pytest.fixture
def ground(
    github: StandIn, project: Path, working_registry: Troubled, helm: Helm, monkeypatch: pytest.MonkeyPatch
) -> Ground:
    push_to(working_registry, project)
    return Ground(github, project, working_registry, monkeypatch)
