"""A fork that keeps one code host and one CI, by docs/how-to/forking.md: one commit, and all that is left works."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_cookies.plugin import Cookies

from tests.conftest import ROOT, TEMPLATE, BakedProject


@dataclass(frozen=True)
class Kept:
    """What a fork keeps, and the files that may not be left in it."""

    scm: str
    ci: str
    prunes: set[str]
    """The choices whose files are pruned from generated projects."""
    gone: re.Pattern[str]

    def __str__(self) -> str:
        return self.scm


KEPT = [
    Kept("github", "github-actions", {"github", "github-actions"}, re.compile(r"circle-?ci|travis|gitlab")),
    Kept("gitlab", "gitlab-ci", {"github", "gitlab-ci"}, re.compile(r"circle-?ci|travis|workflows|on-github|tested")),
]


@pytest.fixture(scope="module", params=KEPT, ids=str)
def kept(request: pytest.FixtureRequest) -> Kept:
    kept: Kept = request.param
    return kept


@pytest.fixture(scope="module")
def fork(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fork of the template after the commands for what it keeps."""
    folder = tmp_path_factory.mktemp("fork")
    copy, archive = folder / "gitops-flask", folder / "all.tar"
    copy.mkdir()
    files = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=True).stdout
    subprocess.run(["tar", "-C", str(ROOT), "-cf", str(archive), "--null", "-T", "-"], input=files, check=True)
    subprocess.run(["tar", "-C", str(copy), "-xf", str(archive)], check=True)
    begin = "git init -q . && git add . && git config user.name Ada && git config user.email a@example.com && "
    run_recipe(copy, kept, f"{begin}git commit -qm Fork")
    return copy


def run_recipe(fork: Path, kept: Kept, begin: str) -> None:
    """Carry the page's commands out."""
    page = (ROOT / "docs/how-to/forking.md").read_text(encoding="utf-8")
    recipes = re.findall(r"```bash\n(p='.*?)```", page, re.DOTALL)
    commands = recipes[KEPT.index(kept)]
    script = f"set -eu\n{begin}\n{commands}"
    done = subprocess.run(["bash", "-c", script], cwd=fork, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_is_one_commit_and_nothing_of_the_others_is_left_to_choose(fork: Path, kept: Kept) -> None:
    git = ["git", "-C", str(fork)]
    assert subprocess.run([*git, "rev-list", "--count", "HEAD"], capture_output=True, text=True).stdout.strip() == "2"
    assert subprocess.run([*git, "status", "--short"], capture_output=True, text=True).stdout == ""
    files = [path.relative_to(fork) for name in TEMPLATE for path in (fork / name).rglob("*")]
    assert files
    assert [path for path in files if kept.gone.search(path.name.lower())] == []
    answers = json.loads((fork / "cookiecutter.json").read_text(encoding="utf-8"))
    assert answers["scm"] == [kept.scm]
    assert answers["_only_for"].keys() == kept.prunes


def test_what_is_left_of_the_installer_knows_what_was_kept_and_says_so(fork: Path, kept: Kept) -> None:
    asked = (
        "import installer.cli, installer.preflight.checks; "
        "from installer.project.project import CONNECT_CI, FORGE_KINDS; print(list(FORGE_KINDS), list(CONNECT_CI))"
    )
    done = subprocess.run([sys.executable, "-c", asked], cwd=fork, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == f"['{kept.scm}', 'local'] ['{kept.ci}', 'local']", done.stderr
    ruff = [sys.executable, "-m", "ruff", "check", "--select", "F", "--no-cache", "installer", "hooks"]
    assert "All checks passed!" in subprocess.run(ruff, cwd=fork, capture_output=True, text=True, check=False).stdout


@pytest.mark.lint
@pytest.mark.all
def test_its_types_agree(fork: Path) -> None:
    mypy = [sys.executable, "-m", "mypy", "--cache-dir", str(fork.parent / "mypy")]
    done = subprocess.run(mypy, cwd=fork, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_generates_the_same_project_and_refuses_what_it_does_not_have(
    fork: Path, kept: Kept, cookies: Cookies, capfd: pytest.CaptureFixture[str]
) -> None:
    project = BakedProject(cookies.bake(extra_context={"scm": kept.scm}).project_path, {})
    baked = BakedProject(cookies.bake(template=str(fork)).project_path, {})
    assert baked.files() == project.files()
    assert [name for name in project.files() if baked.text(name) != project.text(name)] == []
    assert cookies.bake(template=str(fork), extra_context={"ci": "circleci"}).exit_code != 0
    assert f"ci: 'circleci' cannot be used. Write {kept.ci}." in capfd.readouterr().err


def test_doctor_outside_a_project_checks_what_was_kept(fork: Path, kept: Kept) -> None:
    asked = "from installer.project.project import Project; print(Project.without_project().settings.url)"
    done = subprocess.run([sys.executable, "-c", asked], cwd=fork, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(f"https://{kept.scm}.com/"), done.stderr


def test_an_empty_gitops_yaml_is_reported_with_the_settings_of_what_was_kept(fork: Path, kept: Kept) -> None:
    asked = "from installer.config.settings_file import parse; parse({})"
    done = subprocess.run([sys.executable, "-c", asked], cwd=fork, capture_output=True, text=True, check=False)
    assert f"{kept.scm}.owner: must be" in done.stderr


@pytest.mark.lint
@pytest.mark.slow
def test_no_test_that_is_left_imports_what_is_gone(fork: Path) -> None:
    collect = ["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "--collect-only", "tests"]
    env = {**os.environ, "PYTHONPATH": str(fork)}
    done = subprocess.run([sys.executable, *collect], cwd=fork, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


@pytest.mark.all
@pytest.mark.timeout(3600)
def test_the_tests_that_are_left_pass_on_what_is_left(fork: Path) -> None:
    subprocess.run(["uv", "lock", "--quiet"], cwd=fork, check=True)
    marks = "not all and not slow and not e2e"
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", marks, "-p", "no:cacheprovider", "tests"]
    env = {**os.environ, "PYTHONPATH": str(fork)}  # gitops-flask itself is the fork's, too
    done = subprocess.run(pytest_, cwd=fork, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]
    assert re.search(r"\b[1-9]\d\d+ passed", done.stdout), "a hundred and more are left"
