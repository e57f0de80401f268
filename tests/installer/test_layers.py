"""The order of the installer's packages, as pyproject.toml gives it to import-linter."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import GENERATED, ROOT

pytestmark = pytest.mark.lint


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["lint-imports", "--no-cache", "--config", "pyproject.toml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_every_import_runs_downward() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kept, 0 broken" in done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the installer that a test may spoil."""
    shutil.copytree(ROOT / "installer", tmp_path / "installer", ignore=GENERATED)
    shutil.copy2(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_an_upward_import_is_found_and_named(copy: Path) -> None:
    with (copy / "installer/cluster/kubectl.py").open("a", encoding="utf-8") as file:
        file.write("from ..resources import namespace\n")
    done = lint(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "installer.cluster.kubectl -> installer.resources.namespace" in done.stdout


def test_a_package_without_a_place_in_the_order_is_found(copy: Path) -> None:
    (copy / "installer/misc.py").write_text('"""Nobody knows where this belongs."""\n', encoding="utf-8")
    done = lint(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "misc" in done.stdout + done.stderr


SHARED = ("installer", "hooks", "cookiecutter.json", "pyproject.toml", "{{cookiecutter.project_slug}}")
NOT_SAID = {"forges/__init__.py", "forges/base.py", "support/resume_command.py"}
"""They have it in a comment, or in a list of many vendors."""


def test_the_list_of_what_a_code_host_needs_names_every_file_that_knows_gitlab() -> None:
    text = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    listed = text[text.index("## A code host, file by file") : text.index("## What holds everywhere")]
    found = ["git", "grep", "-liF", "gitlab", "--", *SHARED]
    files = subprocess.run(found, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    shared = {
        "/".join(file.split("/")[1:] or [file]) for file in files if "gitlab" not in file and "uv.lock" not in file
    }
    assert {file for file in shared if file not in listed and Path(file).name not in listed} - NOT_SAID == set()
