"""What the README says of a fork that keeps one code host and one CI: one commit, and all that is left works."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_cookies.plugin import Cookies

from tests.conftest import GENERATED, ROOT, TEMPLATE, BakedProject

GONE = re.compile(r"circle-?ci|travis|gitlab", re.IGNORECASE)


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fork of the template after the README's commands."""
    copy = tmp_path_factory.mktemp("fork") / "gitops-flask"
    for name in TEMPLATE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=GENERATED)
        else:
            copy.mkdir(exist_ok=True)
            shutil.copy2(source, copy / name)
    (commands,) = re.findall(r"```sh\n(p='.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    begin = "git init -q . && git add . && git config user.name Ada && git config user.email a@example.com && "
    script = f"set -eu\n{begin}git commit -qm Fork\n{commands}"
    done = subprocess.run(["bash", "-c", script], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return copy


def test_it_is_one_commit_and_nothing_of_the_others_is_left_to_choose(fork: Path) -> None:
    git = ["git", "-C", str(fork)]
    assert subprocess.run([*git, "rev-list", "--count", "HEAD"], capture_output=True, text=True).stdout.strip() == "2"
    assert subprocess.run([*git, "status", "--short"], capture_output=True, text=True).stdout == ""
    named = [path for path in fork.rglob("*") if ".git" not in path.relative_to(fork).parts and GONE.search(path.name)]
    assert named == []
    answers = json.loads((fork / "cookiecutter.json").read_text(encoding="utf-8"))
    assert (answers["scm"], answers["ci"]) == (["github"], "github-actions")
    assert answers["_only_for"].keys() == {"github", "github-actions"}


def test_what_is_left_of_the_installer_knows_github_actions_and_says_so(fork: Path) -> None:
    asked = (
        "import installer.cli, installer.preflight.checks; from installer.config.settings import CIS; "
        "from installer.project.forges import HOSTS; print(sorted(HOSTS), CIS)"
    )
    done = subprocess.run([sys.executable, "-c", asked], cwd=fork, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "['github'] {'github': ('github-actions',)}", done.stderr
    ruff = [sys.executable, "-m", "ruff", "check", "--select", "F", "--no-cache", "installer", "hooks"]
    assert "All checks passed!" in subprocess.run(ruff, cwd=fork, capture_output=True, text=True, check=False).stdout


@pytest.mark.slow
def test_its_types_agree(fork: Path) -> None:
    mypy = [sys.executable, "-m", "mypy", "--cache-dir", str(fork.parent / "mypy")]
    done = subprocess.run(mypy, cwd=fork, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_bakes_the_same_project_and_refuses_what_it_does_not_have(
    fork: Path, project: BakedProject, cookies: Cookies, capfd: pytest.CaptureFixture[str]
) -> None:
    baked = BakedProject(cookies.bake(template=str(fork)).project_path, project.answers)
    assert baked.files() == project.files()
    assert [name for name in project.files() if baked.text(name) != project.text(name)] == []
    assert cookies.bake(template=str(fork), extra_context={"ci": "circleci"}).exit_code != 0
    assert "ci: 'circleci' cannot be used. Write one of github-actions." in capfd.readouterr().err
