"""The Dockerfile, the workflows and the scripts before their linters, and what was told not to be looked at."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.bars.conftest import Judged
from tests.conftest import BakedProject

pytestmark = pytest.mark.bars

# Every exception that the generated project makes, with its place; each has its reason beside it.
SUPPRESSED = {
    **{
        f"ci/{script}": ["shellcheck source-path=SCRIPTDIR source=lib/ci.sh"]
        for script in ("chart", "deploy", "image", "promote", "rollback", "test", "tested")
    },
    "ci/lib/ci.sh": ["shellcheck shell=bash disable=SC2034", "shellcheck source=/dev/null"],
    "ci/lib/on-laptop.sh": ["shellcheck shell=bash disable=SC2034"],
    "ci/lib/on-github-actions.sh": ["shellcheck shell=bash disable=SC2034"],
}


def run(folder: Path, *command: str) -> str:
    """Run a linter of the development dependencies in the project, and return what it says."""
    if not shutil.which(command[0]):
        pytest.fail(f"{command[0]} is among the development dependencies")
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_hadolint_finds_not_even_a_matter_of_style(judged: Judged) -> None:
    assert run(judged.project.path, "hadolint", "--no-fail", "--failure-threshold=style", "Dockerfile") == ""


def test_zizmor_finds_nothing_as_an_auditor(judged: Judged) -> None:
    said = run(
        judged.project.path, "zizmor", "--offline", "--no-progress", "--color=never", "--persona=auditor", ".github"
    )

    assert said.strip() == "No findings to report. Good job!"


def test_actionlint_finds_nothing(judged: Judged) -> None:
    assert run(judged.project.path, "actionlint") == ""


def test_shellcheck_finds_nothing(judged: Judged) -> None:
    found = scripts(judged.project)

    assert len(found) >= 6
    assert run(judged.project.path, "shellcheck", "--external-sources", *found) == ""


def scripts(project: BakedProject) -> list[str]:
    """Return the shell scripts of ci/."""
    return sorted(
        name for name in project.files() if name.startswith("ci/") and not name.endswith((".txt", ".py", ".tpl"))
    )


def suppressed(project: BakedProject) -> dict[str, list[str]]:
    """Return what each file tells linters not to look at."""
    word = re.compile(
        r"(zizmor: ignore\S+|shellcheck(?: [a-z-]+=\S+)+|hadolint ignore\S+|checkov\S*skip\S*|kube-score/ignore\S*)"
    )
    found = {name: word.findall(project.text(name)) for name in project.files() if name != "uv.lock"}
    return {name: words for name, words in found.items() if words}


def test_these_are_all_the_exceptions(judged: Judged) -> None:
    assert suppressed(judged.project) == SUPPRESSED
