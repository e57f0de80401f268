"""The Dockerfile and all that is rendered before checkov."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.bars.conftest import VALUES, Judge, known
from tests.conftest import ROOT

pytestmark = [pytest.mark.all, pytest.mark.bars]

UNREACHABLE = re.compile(r"dns error|error sending request|connection refused|network (was )?disabled|timed out", re.I)
LEAST = {"Dockerfile": 50, "with default values.yaml": 85, "with every switch on.yaml": 85}


def checkov(*arguments: object) -> list[dict[str, Any]]:
    """Run checkov in an environment of its own; return its reports."""
    if not shutil.which("uv"):
        pytest.skip("uv is not installed")
    run = ["uv", "run", "--isolated", "--locked", "--only-group=bars"]
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    command = [*run, "checkov", "--skip-download", "--soft-fail", "--output=json", *map(str, arguments)]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode and UNREACHABLE.search(ended.stderr):
        pytest.skip(f"uv cannot reach PyPI: {ended.stderr.strip().splitlines()[-1]}")
    assert ended.returncode == 0, ended.stderr
    reports = json.loads(ended.stdout)
    return reports if isinstance(reports, list) else [reports]


def test_checkov_finds_nothing(judge: Judge) -> None:
    files = []
    for judged in map(judge, known()):  # one run for all: it takes seconds to start
        files += [judged.rendered(values) for values in VALUES]
        files.append(shutil.copy(judged.project.path / "Dockerfile", judged.folder / "Dockerfile"))
    reports = checkov("--framework", "dockerfile", "kubernetes", *(f"--file={file}" for file in files))

    assert sum(len(report["results"]["skipped_checks"]) for report in reports) == 0, "nothing is suppressed"
    for judged in map(judge, known()):
        failed = {check["check_id"] for check in checks(reports, "failed") if of(check, judged.folder)}
        assert failed == set(), judged.name
        for name, least in LEAST.items():
            passed = [c for c in checks(reports, "passed") if of(c, judged.folder / name)]
            assert len(passed) > least, f"{name} of {judged.name}"


def checks(reports: list[dict[str, Any]], outcome: str) -> list[dict[str, Any]]:
    return [check for report in reports for check in report["results"][f"{outcome}_checks"]]


def of(check: dict[str, Any], place: Path) -> bool:
    """Tell whether a check was about this file, or one of this folder."""
    file = Path(check["file_abs_path"]).resolve()
    return file.is_relative_to(place.resolve())
