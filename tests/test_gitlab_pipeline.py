"""The generated `.gitlab-ci.yml`: valid by GitLab's schema, and which jobs run when."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, Bake, BakedProject
from tests.gitlab.ci_local import Place
from tests.gitlab.file import PROBE, File

pytestmark = pytest.mark.slow

ON_MAIN = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main"}
BY_HAND = {**ON_MAIN, "CI_PIPELINE_SOURCE": "web"}
IN_A_REQUEST = {**ON_MAIN, "CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_BRANCH": ""}


@pytest.fixture(scope="module")
def baked(bake: Bake) -> BakedProject:
    """The project of somebody who chose GitLab and accepts every other default."""
    return bake(scm="gitlab")


@pytest.fixture(scope="module")
def file(baked: BakedProject) -> File:
    return File(baked.yaml(".gitlab-ci.yml"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("pipeline"))
    place.tree.mkdir()
    for command in ("init -q", "remote add origin https://gitlab.com/acme/web.git", "commit -q --allow-empty -m Start"):
        who = ["-c", "user.name=dev", "-c", "user.email=dev@example.com"]
        subprocess.run(["git", *who, *command.split()], cwd=place.tree, check=True)
    return place


def jobs(place: Place, file: File, variables: dict[str, str]) -> dict[str, str]:
    """Return the jobs that run, and how; nothing where there is no pipeline."""
    place.write(file.to_look_at(), {name: (value, True) for name, value in variables.items()})
    listed = {each["name"]: each["when"] for each in place.look({}) if each["when"] != "never"}
    rules = {name for name in listed if name.startswith(PROBE)}
    return {name: when for name, when in listed.items() if name not in rules} if rules else {}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (IN_A_REQUEST, "test build chart"),
        (ON_MAIN, "test build deploy rollback?"),
        ({**BY_HAND, "ACTION": "init"}, "test build deploy"),
        ({**BY_HAND, "ACTION": "rollback"}, "rollback"),
        ({**BY_HAND, "ACTION": "promote"}, "promote"),
        ({**BY_HAND, "ACTION": "release"}, "release test build deploy"),
        ({**ON_MAIN, "CI_COMMIT_BRANCH": "env/dev"}, ""),
        ({**ON_MAIN, "CI_COMMIT_BRANCH": "greeting"}, ""),
        ({**ON_MAIN, "CI_COMMIT_BRANCH": "", "CI_COMMIT_TAG": "v1"}, ""),
    ],
    ids=["merge request", "main", "init", "rollback", "promote", "release", "env/dev", "another branch", "tag"],
)
def test_each_pipeline_has_the_jobs_that_it_needs_and_no_other(
    place: Place, file: File, variables: dict[str, str], expected: str
) -> None:
    found = {f"{name}{'?' if when == 'manual' else ''}" for name, when in jobs(place, file, variables).items()}
    assert found == set(expected.split())


def test_the_button_that_promotes_is_there_once_there_is_something_to_promote_to(place: Place, file: File) -> None:
    values = place.tree / "deploy/test.yaml"
    values.parent.mkdir()
    values.touch()
    try:
        assert jobs(place, file, ON_MAIN)["promote"] == "manual"
        assert "promote" not in jobs(place, file, IN_A_REQUEST)
    finally:
        values.unlink()
        values.parent.rmdir()


def test_it_says_nothing_that_the_stand_in_would_run_otherwise(file: File) -> None:
    file.check()


def test_a_merge_ends_no_pipeline_and_a_push_to_a_merge_request_ends_the_one_before(file: File) -> None:
    assert [file.interruptible(rule) for rule in (0, 1)] == [True, False]


def test_jobs_run_the_scripts_of_ci_and_hand_them_what_people_typed_quoted(file: File, baked: BakedProject) -> None:
    scripts = [line for job in file.jobs.values() for line in job["script"]]
    for line in scripts:
        program = baked.path / re.split(r"[ $]", re.sub('^(test -n "\\$PUSH" .. |ENVIRONMENT=dev )', "", line))[0]
        assert program.read_text().startswith("#!"), line
    typed = [line for line in scripts if "$WHY" in line or "$TO" in line]
    assert typed == ['ci/rollback ${TO:+--to "$TO"} ${WHY:+--why "$WHY"}', 'ci/promote $FIRST ${TO:+--revision "$TO"}']


def test_only_gitlabs_files_are_there(baked: BakedProject, project: BakedProject) -> None:
    files = baked.files()
    assert files >= {".gitlab-ci.yml", "ci/lib/on-gitlab-ci.sh"}
    assert not [name for name in files if ".github" in name or "github" in name.rpartition("/")[2]]
    assert not [name for name in project.files() if "gitlab" in name]
    assert baked.yaml("gitops.yaml")["gitlab"] == {
        "host": "gitlab.com", "owner": "acme", "visibility": "private", "ca": "",
    }  # fmt: skip


def test_what_people_read_of_it_speaks_of_no_github(baked: BakedProject) -> None:
    tool = BakedProject(ROOT, {}).json("cookiecutter.json")["_tool"]
    assert tool in baked.text("README.md")
    for name in ("README.md", "gitops.yaml", ".gitlab-ci.yml", "ci/lib/on-gitlab-ci.sh", "pyproject.toml"):
        text = baked.text(name).replace(tool, "")  # which is where it is, whoever uses it
        assert not re.search("github", text, re.IGNORECASE), name
    assert "/-/pipelines/new" in baked.text("README.md")
    assert "pull request" not in baked.text("README.md")


def test_what_the_file_calls_the_scripts_job_is_in_the_installers_checks(file: File) -> None:
    from installer.ci.gitlab_ci import GitLabCI

    assert set(GitLabCI.checks) <= set(file.jobs)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"scm": "gitlab", "ci": "circleci"}, "ci: 'circleci' builds for github, not for gitlab. Write gitlab-ci."),
        ({"scm": "github", "ci": "gitlab-ci"}, "ci: 'gitlab-ci' builds for gitlab, not for github."),
        ({"scm": "gitlab", "owner": "acme/"}, "owner: 'acme/' cannot be used. Write the group's full path"),
    ],
)
def test_answers_that_do_not_go_together_are_refused(
    template: Path, command_line: Any, tmp_path: Path, answers: dict[str, str], told: str
) -> None:
    done = command_line(tmp_path, str(template), *(f"{name}={value}" for name, value in answers.items()))
    assert done.returncode
    assert told in done.stderr + done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_subgroup_may_own_it(bake: Bake) -> None:
    from installer.config.settings_file import load

    settings = load(bake(scm="gitlab", owner="acme/back.end").path)
    assert settings.repository == "acme/back.end/hello-api"
    assert settings.source_url == "ssh://git@gitlab.com/acme/back.end/hello-api.git"
    assert (settings.scm, settings.ci) == ("gitlab", "gitlab-ci")


def test_the_file_in_the_template_is_copied_as_it_stands(baked: BakedProject) -> None:
    source = ROOT / "{{cookiecutter.project_slug}}" / ".gitlab-ci.yml"
    assert yaml.safe_load(source.read_text()) == baked.yaml(".gitlab-ci.yml")
