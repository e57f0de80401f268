"""A command that is printed works where it is printed, and is the shortest that does."""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from installer.support import resume_command
from tests.conftest import ROOT

from .shells import unset

ORIGIN = "git+https://github.com/org/gitops-flask@v1"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project below the folder where the user stands, whose PATH is empty."""
    (tmp_path / "web/src").mkdir(parents=True)
    (tmp_path / "web/gitops.yaml").touch()
    (tmp_path / "bin").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(resume_command, "this_run", resume_command.Run())
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    unset(monkeypatch, "UV", "VIRTUAL_ENV")
    return tmp_path / "web"


def program(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)
    return folder / name


def installed_from(monkeypatch: pytest.MonkeyPatch, direct_url: object) -> None:
    monkeypatch.setattr(resume_command, "package", "gitops_flask")
    text = None if direct_url is None else json.dumps(direct_url)
    monkeypatch.setattr(resume_command, "distribution", lambda name: SimpleNamespace(read_text=lambda file: text))


def test_from_the_hook_it_names_the_template_that_was_used_and_the_project_from_where_the_user_stands(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resume_command.this_run.template, resume_command.this_run.working_dir = ORIGIN, project.parent
    monkeypatch.chdir(project)  # as cookiecutter runs a hook
    assert resume_command.command("up", project) == f"uvx --from {ORIGIN} gitops-flask up --project web"


def test_where_only_pipx_is_at_hand_pipx_runs_it(project: Path) -> None:
    resume_command.this_run.template = ORIGIN
    program(project.parent / "bin", "pipx")
    assert resume_command.command("up", project) == f"pipx run --spec {ORIGIN} gitops-flask up --project web"


def test_it_enters_the_project_so_that_its_last_part_goes_on_working_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = project.parent / "gitops-flask"
    monkeypatch.setattr(resume_command, "_CHECKOUT", checkout)
    in_the_project = "uv run --no-dev --project ../gitops-flask gitops-flask up"
    assert resume_command.entering(project) == f"cd web && {in_the_project}"
    monkeypatch.chdir(project)
    assert resume_command.entering(project) == in_the_project


def test_a_program_that_is_not_on_path_is_named_as_it_was_typed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed_from(monkeypatch, {"url": "https://github.com/org/gitops-flask", "vcs_info": {"vcs": "git"}})
    mine = program(project.parent / "venv/bin", "gitops-flask")
    monkeypatch.setattr(sys, "argv", ["venv/bin/gitops-flask"])
    assert resume_command.entering(project) == f"cd web && {mine} up"


def test_on_path_and_in_the_project_it_is_two_words(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed_from(monkeypatch, {"url": "https://github.com/org/gitops-flask", "vcs_info": {"vcs": "git"}})
    monkeypatch.setattr(sys, "argv", [str(program(project.parent / "bin", "gitops-flask"))])
    for place in (project, project / "src"):
        monkeypatch.chdir(place)
        assert resume_command.command("up", project) == "gitops-flask up"


def test_another_installation_on_path_is_not_the_one_that_is_meant(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed_from(monkeypatch, {"url": "file:///srv/gitops-flask", "dir_info": {}})
    program(project.parent / "bin", "gitops-flask")
    mine = program(project.parent / ".cache/of/pipx/bin", "gitops-flask")
    monkeypatch.setattr(sys, "argv", [str(mine)])
    assert resume_command.command("up", project) == "uvx --from /srv/gitops-flask gitops-flask up --project web"


def test_what_uv_puts_on_path_for_one_command_is_gone_afterwards(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = program(project.parent / "environment/bin", "gitops-flask")
    installed_from(monkeypatch, None)
    monkeypatch.setattr(sys, "argv", [str(mine)])
    monkeypatch.setattr(sys, "prefix", str(mine.parent.parent))
    monkeypatch.setenv("PATH", str(mine.parent), prepend=os.pathsep)
    assert resume_command.command("up", project) == "gitops-flask up --project web", "an environment that is active"
    monkeypatch.setenv("UV", "/bin/uv")
    assert resume_command.command("up", project) == "uvx gitops-flask up --project web"


def test_in_a_checkout_it_names_the_checkout_and_installs_nothing_for_developers(project: Path) -> None:
    where = min(str(ROOT), os.path.relpath(ROOT), key=len)
    expected = f"uv run --no-dev --project {where} gitops-flask up --project web"
    assert resume_command.command("up", project) == expected


def test_standing_in_the_checkout_it_does_not_name_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "installer")
    shortest = min(str(project), os.path.relpath(project), key=len)
    assert resume_command.command("up", project) == f"uv run --no-dev gitops-flask up --project {shortest}"


def test_the_context_that_was_asked_for_is_named_again(project: Path) -> None:
    resume_command.this_run.context = "kind"
    assert resume_command.command("up", project).endswith(" up --project web --context kind")


def test_odd_folders_are_quoted(project: Path) -> None:
    odd = project.parent / "it's here"
    assert resume_command.command("up", odd).endswith("""--project 'it'"'"'s here'""")


def test_gits_commands_and_the_projects_own_scripts_name_the_project_only_where_the_user_is_elsewhere(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resume_command.git(project, "add", ".") == "git -C web add ."
    assert resume_command.script(project, "ci/test") == "web/ci/test"
    monkeypatch.chdir(project)
    assert resume_command.git(project, "add", ".") == "git add ."
    assert resume_command.script(project, "ci/test") == "ci/test"


@pytest.mark.parametrize(
    ("direct_url", "origin"),
    [
        (
            {"url": "https://github.com/org/gitops-flask", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "git+https://github.com/org/gitops-flask@abc",
        ),
        (
            {"url": "https://me:s3cret@ghe.acme.com/org/x", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "git+https://ghe.acme.com/org/x@abc",  # a token is in git's credential helper, or it is nowhere
        ),
        ({"url": "https://me:s3cret@ghe.acme.com/x.zip", "archive_info": {}}, "https://ghe.acme.com/x.zip"),
        ({"url": "file:///home/me/gitops%20flask", "dir_info": {}}, "'/home/me/gitops flask'"),
        ({"url": "https://example.com/gitops-flask.zip", "archive_info": {}}, "https://example.com/gitops-flask.zip"),
    ],
)
def test_run_by_uvx_it_names_where_that_installed_from(
    monkeypatch: pytest.MonkeyPatch, project: Path, direct_url: object, origin: str
) -> None:
    installed_from(monkeypatch, direct_url)
    assert resume_command.command("up", project) == f"uvx --from {origin} gitops-flask up --project web"


def test_in_a_checkouts_own_environment_it_is_the_checkouts_command(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    checkout = project.parent / "gitops-flask"
    checkout.mkdir()
    (checkout / "pyproject.toml").touch()
    installed_from(monkeypatch, {"url": checkout.as_uri(), "dir_info": {}})
    monkeypatch.setattr(sys, "prefix", str(checkout / ".venv"))
    monkeypatch.chdir(checkout)
    assert resume_command.command("up", project) == "uv run --no-dev gitops-flask up --project ../web"
