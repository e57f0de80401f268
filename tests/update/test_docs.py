"""The scheduled workflow of docs/how-to/update.md: valid, and one issue for whatever `template check` says."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import PROJECT, ROOT

PAGE = (ROOT / "docs/how-to/update.md").read_text(encoding="utf-8")
(WORKFLOW,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_workflow_is_valid_and_uses_the_templates_pins(tmp_path: Path) -> None:
    (tmp_path / "template.yml").write_text(WORKFLOW)
    for command in (["actionlint", "template.yml"], ["zizmor", "--offline", "--no-progress", "template.yml"]):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    (pin,) = re.findall(r"actions/checkout@.*", WORKFLOW)
    assert pin in (ROOT / PROJECT / ".github/workflows/deploy.yml").read_text()


@pytest.mark.parametrize(
    ("code", "there", "done"),
    [
        (0, "", []),
        (0, "7", ["issue close 7 --comment The project is current."]),
        (3, "7", ["issue edit 7 --body-file news.md"]),
        (3, "", ["label create template --force",
                 "issue create --title The template has more --label template --body-file news.md"]),
        (1, "7", []),
    ],
)  # fmt: skip
def test_there_is_one_issue_as_long_as_the_template_has_more(
    code: int, there: str, done: list[str], tmp_path: Path
) -> None:
    steps = yaml.safe_load(WORKFLOW)["jobs"]["template"]["steps"]
    (script,) = (step["run"] for step in steps if step.get("name", "").startswith("Keep one issue"))
    programs = {
        "gh": f'case "$*" in "issue list"*) echo "{there}";; *) echo "$*" >>done;; esac',
        "pipx": f"echo news; exit {code}",
    }
    for name, body in programs.items():
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\n{body}\n")
        file.chmod(0o755)
    env = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "TOOL": "tool"}
    bash = shutil.which("bash") or "bash"
    ended = subprocess.run(
        [bash, "-e", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert ended.returncode == (1 if code == 1 else 0), ended.stderr
    file = tmp_path / "done"
    assert (file.read_text().splitlines() if file.exists() else []) == done
