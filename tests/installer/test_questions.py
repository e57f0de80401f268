"""The questions of `new` at a terminal: a wrong answer is asked again at once, and no answer is ever lost."""

import io
import shlex
import sys
from pathlib import Path

import pytest
import yaml

from installer.ui import console

from .typed import Run

ENTER = ""


@pytest.fixture(autouse=True)
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "interactive", lambda: True)
    monkeypatch.setenv("GITOPS_FLASK_INSTALL", "no")


def type_in(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Type lines; then nobody is there any more, as after Ctrl-D."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def settings(folder: Path) -> dict[str, dict[str, str]]:
    tree: dict[str, dict[str, str]] = yaml.safe_load((folder / "gitops.yaml").read_text())
    return tree


def test_each_wrong_answer_is_asked_again_at_once_and_the_others_stay(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    wrong = ["Web_x", "class", "there"]
    rest = ["1", "gitlab-ci", "circleci", "https://github.com/octo", "octo", *[ENTER] * 5, "default", ENTER, ENTER]
    type_in(monkeypatch, "Orders", *wrong, "orders", "About orders", *rest)
    done = run("new", "--no-check", cwd=tmp_path, code=0)
    told = [line.partition("' ")[0] for line in done.stderr.splitlines() if line.startswith("✗")]
    assert told[0] == "✗ project_slug: 'Web_x"
    assert told[1].startswith("✗ project_slug: Python knows 'class")
    assert told[2].endswith("there is there already. Write another name, or move that folder away.")
    assert told[3:] == ["✗ ci: 'gitlab-ci", "✗ owner: 'https://github.com/octo", "✗ namespace: 'default"]
    written = settings(tmp_path / "orders")
    assert (written["project"]["name"], written["github"]["owner"]) == ("Orders", "octo")
    assert written["cluster"]["namespace"] == "orders-dev"


def test_a_group_of_gitlab_is_checked_as_one(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, *[ENTER] * 3, "2", ENTER, "acme/backend", *[ENTER] * 7)
    done = run("new", "--no-check", cwd=tmp_path, code=0)
    assert done.stderr == ""
    written = settings(tmp_path / "hello-api")
    assert (written["gitlab"]["owner"], written["registry"]["account"]) == ("acme/backend", "acme")


def test_who_stops_in_the_middle_gets_a_command_that_keeps_the_answers(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(monkeypatch, "Hello you", ENTER, ENTER, "2")
    done = run("new", "--no-check", "owner=acme/web", "project_name=x", cwd=tmp_path, code=130)
    command = done.stderr.splitlines()[-2]
    assert command.endswith("new --no-check owner=acme/web 'project_name=Hello you' scm=gitlab")
    assert list(tmp_path.glob("hello*")) == []
    type_in(monkeypatch, *[ENTER] * 13)
    run(*shlex.split(command)[shlex.split(command).index("new") :], cwd=tmp_path, code=0)
    assert settings(tmp_path / "hello-you")["gitlab"]["owner"] == "acme/web"


def test_who_stops_before_the_first_answer_is_told_nothing_else(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(monkeypatch)
    assert run("new", cwd=tmp_path, code=130).stderr == "\n✗ Stopped.\n"


def test_where_the_project_cannot_be_written_the_answers_are_kept(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    type_in(monkeypatch, "Orders", *[ENTER] * 12)
    done = run("new", "--no-check", "--output-dir", "file/deeper", cwd=tmp_path, code=1)
    assert "No project was written" in done.stderr
    assert done.stderr.splitlines()[-1].endswith("new --no-check --output-dir file/deeper project_name=Orders")
