"""The template itself: what an update renders is, byte for byte and mode for mode, what a generation writes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import GENERATED, ROOT, Bake, BakedProject
from tests.e2e.stage import release

from .conftest import Typed

pytestmark = pytest.mark.slow

ODD = 'O\'Neil "x" é \\ 🚀 {curly} $HOME #1: &yes'
RECORD = ".gitops-flask.yaml"
WITHOUT_A_RECORD = "fa370583ac08d96daef76e9b211bcbd8f0375593"
WITH_A_RECORD = "d37d7be98b4056b2a522ca3921d4dcbbf7616aa7"
ANSWER = "description=A service"
COMMIT = ["git", "-c", "user.name=x", "-c", "user.email=x@x", "commit", "--quiet", "--all", "--message", "Ours"]


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
    subprocess.run(COMMIT, cwd=project, check=True)
    fork = shutil.copytree(template, tmp_path / "fork", ignore=GENERATED)
    release(fork, "99.0.0")

    done = typed(project, "update", "--template", str(fork))

    assert "- src/hello_api/example.py: you changed it, so it stays; the template has another one" in done.out
    subprocess.run(["git", "merge", "--quiet", "--squash", "gitops-flask/update"], cwd=project, check=True)
    subprocess.run(COMMIT, cwd=project, check=True)
    assert "    ours: yes\n" in service.read_text()
    assert "appProtocol: http" in service.read_text()
    assert example.read_text().endswith("\n\nOURS = 1\n")
    again = typed(project, "update", "--template", str(fork))
    assert "Nothing to update: the project has all of the template, 99.0.0." in again.out


@pytest.mark.all
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("commit", "options"),
    [(WITH_A_RECORD, ()), (WITHOUT_A_RECORD, ("--init",))],
    ids=["with a record", "of before there was one"],
)
def test_a_project_of_an_older_template_in_which_a_team_worked_passes_its_checks_after_the_update(
    commit: str, options: tuple[str, ...], bake: Bake, typed: Typed, shell: None, tmp_path: Path
) -> None:
    show = ["git", "-C", str(ROOT), "show", "--no-patch", "--format=%cI", commit]
    made = subprocess.run(show, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"the template's history is not here: {made.stderr.strip()}")
    older, date = tmp_path / "older", made.stdout.strip()
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", str(ROOT), str(older)], check=True)
    subprocess.run(["git", "checkout", "--quiet", commit], cwd=older, check=True)
    env = os.environ | {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date, "HOME": str(tmp_path)}
    generate = [sys.executable, "-m", "cookiecutter", str(older), "--no-input", "--output-dir", str(tmp_path), ANSWER]
    subprocess.run(generate, env=env, check=True, capture_output=True)
    project = tmp_path / "hello-api"
    (project / "src/hello_api/ours.py").write_text(
        '"""Ours."""\n\nfrom .example import ABSOLUTE_ZERO\n\nOURS = ABSOLUTE_ZERO + 1\n'
    )
    (project / "tests/test_ours.py").write_text(
        '"""Ours."""\n\nfrom hello_api.ours import OURS\n\n\ndef test_ours() -> None:\n    assert OURS < 0\n'
    )
    script = project / "ci/test"
    script.write_text(script.read_text() + "\n# Ours.\n")
    subprocess.run(["git", "add", "--all"], cwd=project, check=True)
    subprocess.run(COMMIT, cwd=project, check=True)

    done = typed(project, "update", *options)

    assert "Conflict: " not in done.err
    subprocess.run(["git", "merge", "--quiet", "--squash", "gitops-flask/update"], cwd=project, check=True)
    subprocess.run(COMMIT, cwd=project, check=True)
    assert script.read_text().endswith("\n# Ours.\n")
    today = bake(**dict([ANSWER.split("=")]))  # the default of then would stay
    differing = {line.partition("\t")[2] for line in files(project, "HEAD") ^ files(today.path, "main")}
    assert differing == {"ci/test", "src/hello_api/ours.py", "tests/test_ours.py"}
    assert "Current: " in typed(project, "check").out
    alone = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    ended = subprocess.run(["ci/test"], cwd=project, env=alone, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
