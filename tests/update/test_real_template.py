"""The template itself: what an update renders is, byte for byte and mode for mode, what a generation writes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import GENERATED, Bake, BakedProject
from tests.e2e.stage import release

from .conftest import Typed

ODD = 'O\'Neil "x" é \\ 🚀 {curly} $HOME #1: &yes'
RECORD = ".gitops-flask.yaml"


def own(project: BakedProject, folder: Path) -> Path:
    """Return a copy of a project that a test may change."""
    return shutil.copytree(project.path, folder / project.slug)


def files(folder: Path, revision: str) -> set[str]:
    listed = subprocess.check_output(["git", "ls-tree", "-r", revision], cwd=folder, text=True)
    return {line for line in listed.splitlines() if not line.endswith(f"\t{RECORD}")}


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"scm": "gitlab", "owner": "acme/back.end"},
        {"database": "postgresql"},
        {"project_name": ODD, "description": ODD},
    ],
    ids=["defaults", "GitLab", "a database", "odd texts"],
)
def test_a_project_that_was_just_generated_is_current(
    bake: Bake, answers: dict[str, str], typed: Typed, shell: None, tmp_path: Path
) -> None:
    project = own(bake(**answers), tmp_path)
    assert "Current: " in typed(project, "check").out


def test_other_answers_give_the_project_that_would_have_been_generated_with_them(
    bake: Bake, typed: Typed, shell: None, tmp_path: Path
) -> None:
    project = own(bake(), tmp_path)
    done = typed(project, "update", "--set", "scm=gitlab", "--set", "owner=Octo")
    assert "- ci: gitlab-ci, before github-actions" in done.out
    assert "- host: gitlab.com, before github.com" in done.out
    other = bake(scm="gitlab", owner="Octo").path
    assert files(project, "gitops-flask/update") == files(other, "main")


def test_a_better_template_reaches_a_project_in_which_a_team_worked(
    bake: Bake, template: Path, typed: Typed, shell: None, tmp_path: Path
) -> None:
    """The story's chapter, without its code host and cluster."""
    project = own(bake(), tmp_path)
    service, example = project / "chart/templates/service.yaml", project / "src/hello_api/example.py"
    service.write_text(service.read_text().replace("metadata:\n", "metadata:\n  annotations:\n    ours: yes\n", 1))
    example.write_text(example.read_text() + "\n\nOURS = 1\n")
    commit = ["git", "-c", "user.name=x", "-c", "user.email=x@x", "commit", "--quiet", "--all", "--message", "Ours"]
    subprocess.run(commit, cwd=project, check=True)
    fork = shutil.copytree(template, tmp_path / "fork", ignore=GENERATED)
    release(fork, "99.0.0")

    done = typed(project, "update", "--template", str(fork))

    assert "- src/hello_api/example.py: you changed it, so it stays; the template has another one" in done.out
    subprocess.run(["git", "merge", "--quiet", "--squash", "gitops-flask/update"], cwd=project, check=True)
    subprocess.run(commit, cwd=project, check=True)
    assert "    ours: yes\n" in service.read_text()
    assert "appProtocol: http" in service.read_text()
    assert example.read_text().endswith("\n\nOURS = 1\n")
    again = typed(project, "update", "--template", str(fork))
    assert "Nothing to update: the project has all of the template, 99.0.0." in again.out
