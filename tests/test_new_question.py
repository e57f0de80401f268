"""What CONTRIBUTING.md says of adding a question is all that it takes."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import GENERATED, ROOT, TEMPLATE, BakedProject, CommandLine


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fork of the template with that question."""
    copy = tmp_path_factory.mktemp("fork") / "gitops-flask"
    copy.mkdir()
    for name in TEMPLATE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=GENERATED)
        else:
            shutil.copy2(ROOT / name, copy / name)
    (patch,) = re.findall(r"^```diff\n(.*?)^```$", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL | re.MULTILINE)
    command = ["git", "apply", "-C1"]
    done = subprocess.run(command, cwd=copy, input=patch, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return copy


def test_the_answer_arrives_in_the_chart_and_in_the_installer(
    fork: Path, tmp_path: Path, command_line: CommandLine
) -> None:
    command_line(tmp_path, str(fork), "team=orders", check=True)
    project = BakedProject(tmp_path / "hello-api", {})
    assert project.yaml("chart/Chart.yaml")["maintainers"] == [{"name": "orders"}]
    code = "import pathlib; from installer.config.settings_file import load; print(load(pathlib.Path(%r)).team)"
    asked = [sys.executable, "-c", code % str(project.path)]
    assert subprocess.run(asked, cwd=fork, capture_output=True, text=True, check=True).stdout == "orders\n"


def test_an_answer_that_cannot_be_used_is_refused(fork: Path, tmp_path: Path, command_line: CommandLine) -> None:
    refused = command_line(tmp_path, str(fork), "team=The Orders")
    assert refused.returncode
    assert "team: 'The Orders' cannot be used. Write a-z, 0-9 and hyphens" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_project_that_was_made_before_is_still_read(fork: Path, project: BakedProject) -> None:
    code = "import pathlib; from installer.config.settings_file import load; print(repr(load(pathlib.Path(%r)).team))"
    asked = [sys.executable, "-c", code % str(project.path)]
    assert subprocess.run(asked, cwd=fork, capture_output=True, text=True, check=True).stdout == "''\n"
