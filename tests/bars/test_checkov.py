"""The Dockerfile and all that is rendered before checkov."""

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from typing import Any

import pytest

from tests.bars.conftest import VALUES, Judged
from tests.conftest import ROOT

UNREACHABLE = re.compile(r"dns error|error sending request|connection refused|network (was )?disabled|timed out", re.I)
LEAST = {"Dockerfile": 50, "as it is delivered": 85, "with every switch on": 85}
# What it finds and we do not follow, by the set of answers, with the reason.
ACCEPTED = {
    # The address of the database, with its password, is a variable, as every library for databases expects it; the pod
    # has no shell to print it, and a file in the same container would be as readable for the same process.
    "database": {"CKV_K8S_35"},
}


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


def test_checkov_finds_nothing(judged: Judged) -> None:
    dockerfile = judged.folder / "Dockerfile"
    shutil.copy(judged.project.path / "Dockerfile", dockerfile)
    files = [f"--file={file}" for file in (dockerfile, *(judged.rendered(values) for values in VALUES))]
    reports = checkov("--framework", "dockerfile", "kubernetes", *files)

    failed = {check["check_id"]: check for report in reports for check in report["results"]["failed_checks"]}
    assert failed.keys() == ACCEPTED.get(judged.name, set()), failed
    assert sum(len(report["results"]["skipped_checks"]) for report in reports) == 0, "nothing is suppressed"
    passed = Counter(
        name
        for report in reports
        for check in report["results"]["passed_checks"]
        for name in LEAST
        if name in check["file_path"]
    )
    assert {name: count > LEAST[name] for name, count in passed.items()} == dict.fromkeys(LEAST, True), passed
