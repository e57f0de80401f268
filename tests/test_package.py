"""What is published: a wheel with the template in it, which needs no clone beside it."""

import email
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from installer import __version__
from tests.conftest import PROJECT, ROOT
from tests.documented import BY_OTHERS
from tests.newcomer import UNREACHABLE, shell, typed, with_packages

__all__ = ["shell"]

SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
INFO = f"gitops_flask-{__version__}.dist-info"
WHERE = {"installer/": "gitops_flask/", "hooks/": "gitops_flask/template/hooks/"}
"""Where in the wheel a folder of the repository goes."""


def kept_files() -> set[str]:
    """Return the files that git has, or would have with the next commit."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}


def in_the_wheel(name: str) -> str | None:
    if name.startswith(f"{PROJECT}/") or name in ("CHANGELOG.md", "cookiecutter.json"):
        return f"gitops_flask/template/{name}"
    return next((there + name.removeprefix(here) for here, there in WHERE.items() if name.startswith(here)), None)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with what `python -m build` makes: the wheel is built from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--installer", "uv", "--outdir", str(folder), str(ROOT)]
    for offline in ("1", "0"):
        environment = {"UV_OFFLINE": offline}
        done = subprocess.run(["env", *map("=".join, environment.items()), *command], capture_output=True, text=True)
        if done.returncode == 0:
            return folder
    if UNREACHABLE.search(done.stdout + done.stderr):
        pytest.skip("uv cannot reach the registry")
    raise AssertionError(done.stdout + done.stderr)


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found


def test_the_version_is_a_semantic_one() -> None:
    assert SEMVER.fullmatch(__version__)


def test_the_wheel_holds_the_installer_the_template_and_the_hooks_and_nothing_else(wheel: Path) -> None:
    assert wheel.name == f"gitops_flask-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
        executable = {name for name in names if opened.getinfo(name).external_attr >> 16 & 0o100}
    info = {f"{INFO}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")}
    expected = {there: name for name in kept_files() if (there := in_the_wheel(name))}
    assert names == expected.keys() | info
    assert executable == {there for there, name in expected.items() if (ROOT / name).stat().st_mode & 0o100}


def test_the_wheel_says_what_it_is_and_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        about = email.message_from_bytes(opened.read(f"{INFO}/METADATA"))
        entry_points = opened.read(f"{INFO}/entry_points.txt").decode()
    assert (about["Name"], about["Version"]) == ("gitops-flask", __version__)
    assert about["License-Expression"] == "Apache-2.0"
    assert about["Requires-Python"] == ">=3.11"
    assert "gitops-flask = gitops_flask.cli:main" in entry_points


def test_the_source_distribution_holds_the_repository(dist: Path) -> None:
    (found,) = dist.glob("*.tar.gz")
    top = f"gitops_flask-{__version__}"
    with tarfile.open(found) as opened:
        names = {member.name.removeprefix(f"{top}/") for member in opened.getmembers() if member.isfile()}
    assert names == kept_files() | {"PKG-INFO"}


@pytest.mark.slow
def test_the_wheel_alone_writes_a_project_says_how_to_resume_and_updates_it(
    wheel: Path, tmp_path: Path, shell: dict[str, str]
) -> None:
    command = f"uvx --from {wheel} gitops-flask new --no-input --no-check project_name=Orders owner=acme"
    done = with_packages(command, tmp_path, shell)
    assert done.returncode == 0, done
    project = tmp_path / "orders"
    assert f"Written: {project}\n" in done.stdout
    assert yaml.safe_load((project / "gitops.yaml").read_text())["github"]["owner"] == "acme"
    log = subprocess.check_output(["git", "log", "--format=%s"], cwd=project, text=True)
    assert log == "Generated\n"
    assert done.stdout.splitlines()[-1].strip() == f"cd orders && uvx --from {wheel} gitops-flask up"

    template = f"uvx --from {wheel} gitops-flask template"
    done = with_packages(f"{template} check", project, shell)
    assert done.stdout == f"Current: the project has all of the template, {__version__}.\n", done
    done = with_packages(f"{template} update --set owner=octo", project, shell)
    assert done.returncode == 0, done
    settings = subprocess.check_output(["git", "show", "gitops-flask/update:gitops.yaml"], cwd=project, text=True)
    assert yaml.safe_load(settings)["github"]["owner"] == "octo"


@pytest.mark.all
@pytest.mark.timeout(1200)
def test_the_wheel_alone_runs_the_checks_of_the_project_that_it_wrote(
    wheel: Path, tmp_path: Path, shell: dict[str, str]
) -> None:
    done = with_packages(f"uvx --from {wheel} gitops-flask new --no-input", tmp_path, shell)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "✓ ci/test: tests, types and style\n" in done.stdout
    assert "✓ uv run python -m hello_api: started, answered /version" in done.stdout


def test_one_command_makes_all_that_a_release_has(dist: Path, tmp_path: Path) -> None:
    command = [ROOT / ".ci/release", "build", tmp_path / "release"]
    for offline in ("1", "0"):
        done = subprocess.run(["env", f"UV_OFFLINE={offline}", *command], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
    made = {str(file.relative_to(tmp_path / "release")) for file in (tmp_path / "release").rglob("*") if file.is_file()}
    assert made == {"notes.md", "sbom.cdx.json", *(f"dist/{file.name}" for file in dist.iterdir())}
    assert "### Added" in (tmp_path / "release/notes.md").read_text(encoding="utf-8")
    sbom = json.loads((tmp_path / "release/sbom.cdx.json").read_text(encoding="utf-8"))
    assert (sbom["bomFormat"], sbom["metadata"]["component"]["name"]) == ("CycloneDX", "gitops-flask")
    listed = {component["name"] for component in sbom["components"]}
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert {canonicalize_name(Requirement(each).name) for each in wanted} <= listed
    assert not listed & {"pytest", "ruff", "mypy"}, "what only tests need is not shipped"


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    """Return the repository of a fork, with what stands here as its release v1.2.3, and work that came after it."""
    origin = tmp_path / "acme/gitops-flask"
    for name in kept_files():
        if in_the_wheel(name) or "/" not in name:
            (origin / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, origin / name)
    git = ["git", "-C", str(origin), "-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    for line in ("init -q", "add .", "commit -qm Release", "tag v1.2.3", "commit -qm Later --allow-empty"):
        subprocess.run([*git, *line.split()], check=True, capture_output=True)
    return origin


@pytest.mark.all
def test_a_forks_tag_is_enough_and_what_is_printed_leads_back_to_that_fork(
    fork: Path, tmp_path: Path, shell: dict[str, str]
) -> None:
    address = f"git+file://{fork}"
    done = with_packages(f"uvx --from {address}@v1.2.3 gitops-flask new --no-input --no-check", tmp_path, shell)
    assert done.returncode == 0, done
    released = subprocess.check_output(["git", "-C", str(fork), "rev-parse", "v1.2.3"], text=True).strip()
    resume = done.stdout.splitlines()[-1].strip()
    assert resume == f"cd hello-api && uvx --from {address}@{released} gitops-flask up"
    fork.rename(tmp_path / "gone")
    resumed = with_packages(resume, tmp_path, shell)
    assert "There is no token for github.com" in resumed.stderr, "uv has kept what that commit was"


@pytest.mark.slow
def test_the_command_by_which_the_tutorial_installs_puts_the_tool_where_the_shell_finds_it(
    fork: Path, tmp_path: Path, shell: dict[str, str]
) -> None:
    (documented,) = (command for command in BY_OTHERS if command.startswith("uv tool install"))
    done = with_packages(documented.replace("https://github.com/org/gitops-flask", f"file://{fork}"), tmp_path, shell)
    assert done.returncode == 0, done
    programs = f"{shell['PATH']}:{tmp_path / 'home/.local/bin'}"
    assert typed("gitops-flask --version", tmp_path, shell | {"PATH": programs}).stdout.split()[-1] == __version__
