"""The template itself: what an update renders is, byte for byte and mode for mode, what a generation writes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Bake, BakedProject

from .conftest import Typed

pytestmark = pytest.mark.slow

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
