"""The workflows, as the two linters of GitHub Actions see them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deployment.workspace import TEMPLATE

pytestmark = pytest.mark.lint

WORKFLOWS = TEMPLATE / ".github/workflows"


def linter(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"no {name} in PATH")


@linter("zizmor")
def test_zizmor_finds_nothing_as_an_auditor() -> None:
    command = ["zizmor", "--offline", "--no-progress", "--color=never", "--persona", "auditor", WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "No findings to report. Good job!"), done.stderr
    assert not [path for path in WORKFLOWS.iterdir() if "zizmor:" in path.read_text()], "nothing is passed over"


@linter("actionlint")
def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    shutil.copytree(WORKFLOWS, tmp_path / ".github/workflows")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    done = subprocess.run(["actionlint"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
