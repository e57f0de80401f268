"""`new`: what cannot be is told before anything is written, without a traceback."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from installer.commands import new
from installer.support.errors import InstallerError
from tests.conftest import ROOT

from .typed import Run

QUESTIONS = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("onwer=acme", "onwer: is not a question. Write owner."),
        ("colour=blue", "colour: is not a question. There are project_name, project_slug,"),
        ("_copy_without_render=x", "_copy_without_render: is not a question."),
        ("__database=yes", "__database: is not a question. Write database."),
        ("visibility=pub", "visibility: 'pub' cannot be used. Write private or public."),
        ("database=mysql", "database: 'mysql' cannot be used. Write none or postgresql."),
        ("scm=bitbucket", "scm: 'bitbucket' cannot be used. Write github or gitlab."),
        ("python_version=2.7", "python_version: '2.7' cannot be used. Write 3.13 or 3.14 or 3.12."),
        ("project_name={{x}}", "project_name: '{{x}}' has braces that the template would fill in."),
        (
            "project_slug=",
            "project_slug: '' cannot be used. Write a-z, 0-9 and single hyphens, from a letter: web-api.",
        ),
        ("project_slug=..", "project_slug: '..' cannot be used."),
        ("project_slug=a/b", "project_slug: 'a/b' cannot be used."),
        ("description={% raw %}", "description: '{% raw %}' has braces that the template would fill in."),
    ],
)
def test_an_answer_that_cannot_be_used_is_reported_before_the_first_question(answer: str, told: str) -> None:
    name, _, value = answer.partition("=")
    with pytest.raises(InstallerError) as error:
        new.check_answers({"owner": "acme", name: value}, QUESTIONS)
    assert str(error.value).splitlines()[0] == "No project was written."
    assert f"- {told}" in str(error.value)


def test_all_wrong_answers_are_reported_at_once() -> None:
    with pytest.raises(InstallerError) as error:
        new.check_answers({"onwer": "a", "visibility": "pub", "owner": "acme"}, QUESTIONS)
    assert str(error.value).count("\n- ") == 2


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("visibility=pub", "✗ No project was written.\n  - visibility: 'pub' cannot be used."),
        ("project_slug=null", "- project_slug: YAML knows 'null' as something else. Write a longer name: null-api."),
    ],
)
def test_a_refused_answer_is_the_last_word_and_no_traceback_follows(tmp_path: Path, answer: str, told: str) -> None:
    command = [sys.executable, "-m", "installer", "new", "--no-input", "--output-dir", tmp_path / "out", answer]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert len(done.stderr.splitlines()) <= 4
    assert list((tmp_path / "out").glob("*")) == []


def test_a_folder_that_is_there_is_reported_with_what_to_do(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hello-api").mkdir()
    done = run("new", "--no-check", cwd=tmp_path, code=1)
    assert "hello-api" in done.stderr
    assert "Choose another name or --output-dir, or move that folder away." in done.stderr


def test_a_home_that_cannot_be_written_is_reported_with_what_to_do(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "installer", "new", "--no-input", "--output-dir", tmp_path]
    environment = {**os.environ, "HOME": "/dev/null"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "No project was written: Unable to create directory at /dev/null/" in done.stderr
    assert "HOME, where cookiecutter keeps what was answered" in " ".join(done.stderr.split())
    assert "fault of gitops-flask" not in done.stderr


def test_without_a_terminal_the_defaults_and_what_is_given_are_taken_and_it_says_so(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITOPS_FLASK_INSTALL", "no")
    done = run("new", "--no-check", "owner=octo", "project_name=Orders", cwd=tmp_path, code=0)
    assert "There is no terminal: the defaults are taken, but for owner=octo, project_name=Orders." in done.stdout
    assert "new project_name=… project_slug=…" in done.stdout
    assert 'owner: "octo"' in (tmp_path / "orders/gitops.yaml").read_text()
    assert re.search(r"^  cd orders && .*gitops-flask up\n\Z", done.stdout, re.MULTILINE)


def test_what_a_check_says_of_this_machine_is_shown_although_it_passed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ci").mkdir()
    said = "Python 3.13 cannot be had here; testing with 3.11. For uv run: export UV_PYTHON=3.11"
    (tmp_path / "ci/test").write_text(f"echo 'test: {said}' >&2; echo 'Resolved 34 packages' >&2")
    new._check(tmp_path, tmp_path, "ci/test", "tests")
    assert capsys.readouterr().out == f"✓ ci/test: tests\n  {said}\n"


@pytest.mark.parametrize("port", ["0", "65536", "99999"])
def test_a_port_that_there_is_not_is_refused(run: Run, port: str) -> None:
    done = run("open", "--port", port, code=2)
    assert f"{port} is not in the range 1<=x<=65535" in done.stderr
