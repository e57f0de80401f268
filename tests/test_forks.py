"""What the README says of a fork that keeps one code host and one CI: one commit, and all that is left works."""

import json
import os
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
    begin = "git init -q . && git add . && git config user.name Ada && git config user.email a@example.com && "
    run_recipe(copy, f"{begin}git commit -qm Fork")
    return copy


def run_recipe(fork: Path, begin: str) -> None:
    """Carry the README's commands out."""
    (commands,) = re.findall(r"```sh\n(p='.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    script = f"set -eu\n{begin}\n{commands}"
    done = subprocess.run(["bash", "-c", script], cwd=fork, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_is_one_commit_and_nothing_of_the_others_is_left_to_choose(fork: Path) -> None:
    git = ["git", "-C", str(fork)]
    assert subprocess.run([*git, "rev-list", "--count", "HEAD"], capture_output=True, text=True).stdout.strip() == "2"
    assert subprocess.run([*git, "status", "--short"], capture_output=True, text=True).stdout == ""
    named = [path for path in fork.rglob("*") if ".git" not in path.relative_to(fork).parts and GONE.search(path.name)]
    assert named == []
    answers = json.loads((fork / "cookiecutter.json").read_text(encoding="utf-8"))
    assert answers["scm"] == ["github"]
    assert answers["_only_for"].keys() == {"github", "github-actions"}


def test_what_is_left_of_the_installer_knows_github_actions_and_says_so(fork: Path) -> None:
    asked = (
        "import installer.cli, installer.preflight.checks; "
        "from installer.project.project import CONNECT_CI, FORGE_KINDS; print(list(FORGE_KINDS), list(CONNECT_CI))"
    )
    done = subprocess.run([sys.executable, "-c", asked], cwd=fork, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "['github'] ['github-actions']", done.stderr
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


@pytest.mark.all
@pytest.mark.timeout(3600)
def test_the_tests_that_are_left_pass_on_what_is_left(tmp_path: Path) -> None:
    fork, archive = tmp_path / "fork", tmp_path / "all.tar"
    fork.mkdir()
    files = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=True).stdout
    subprocess.run(["tar", "-C", str(ROOT), "-cf", str(archive), "--null", "-T", "-"], input=files, check=True)
    subprocess.run(["tar", "-C", str(fork), "-xf", str(archive)], check=True)
    begin = "git init -q . && git add . && git config user.name Ada && git config user.email a@example.com"
    run_recipe(fork, f"{begin} && git commit -qm Fork")

    marks = "not all and not slow and not e2e"
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", marks, "-p", "no:cacheprovider", "tests"]
    env = {**os.environ, "PYTHONPATH": str(fork)}  # gitops-flask itself is the fork's, too
    done = subprocess.run(pytest_, cwd=fork, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]
    assert re.search(r"\b[1-9]\d\d+ passed", done.stdout), "hundreds are left"
