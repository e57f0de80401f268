"""No traceback: whatever this machine is like, a person is told in a sentence, and where the log is."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from installer.engine.resource import Finding
from installer.forges import lock
from installer.preflight import Check
from installer.preflight import checks as preflight_checks
from installer.support import crash_report, file_lock
from installer.support.errors import InstallerError, reading

ROOT = Path(__file__).parents[2]
BROKEN = """
import sys
from installer import cli
def broken(*_): raise {error}
sys.argv = ["gitops-flask", "plan"]
import installer.project.project
installer.project.project.Project.open = broken
cli.main()
"""


def run(code: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    kept = {name: value for name, value in os.environ.items() if name != crash_report.DEBUG}
    env = {**kept, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(cwd / "state"), **environment}
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, env=env, capture_output=True)


def test_what_nobody_foresaw_ends_in_one_sentence_the_place_of_the_log_and_exit_code_1(tmp_path: Path) -> None:
    done = run(BROKEN.format(error='KeyError("items")'), tmp_path)
    said = done.stderr.decode()
    assert done.returncode == 1
    assert "Something went wrong that nobody foresaw: KeyError: 'items'" in said
    assert "Traceback" not in said
    (log,) = (tmp_path / "state/gitops-flask/logs").iterdir()
    assert f"The log: {log}" in said
    assert "Traceback" in log.read_text()
    assert "command: plan" in log.read_text()


def test_the_traceback_is_shown_to_whoever_asks_for_it(tmp_path: Path) -> None:
    assert b"Traceback" in run(BROKEN.format(error="KeyError(1)"), tmp_path, GITOPS_FLASK_DEBUG="1").stderr


def test_where_no_log_can_be_written_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: str) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(crash_report, "_write", full)
    assert "No log could be written (No space left on device)" in crash_report.report(KeyError("x"))


def test_a_file_that_cannot_be_used_is_named_and_called_no_fault_of_ours() -> None:
    said = crash_report.report(PermissionError(13, "Permission denied", "/etc/kubernetes/admin.conf"))
    assert said.startswith("/etc/kubernetes/admin.conf: Permission denied.")
    assert "fault" not in said


def test_an_answer_of_another_shape_names_who_gave_it() -> None:
    with (
        pytest.raises(InstallerError, match="helm's answer cannot be read: KeyError: 'name'"),
        reading("helm's answer"),
    ):
        {}["name"]


def test_whoever_reads_only_the_first_line_causes_no_traceback(tmp_path: Path) -> None:
    code = """
import os, sys
reads, writes = os.pipe()
os.close(reads)
os.dup2(writes, 1)
sys.argv = ["gitops-flask", "--help"]
from installer.cli import main
main()
"""
    done = run(code, tmp_path)
    assert done.stderr == b""
    assert done.returncode == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_any_message_can_be_printed_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    code = """
from installer.ui import console
console.take_any_encoding()
console.report("✓ web → live … naïve 日本 \\udcff")
console.fail("gone")
"""
    done = run(code, tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert b"live" in done.stdout
    assert b"->" in done.stdout
    assert b"Traceback" not in done.stderr


def test_without_a_project_a_sentence_comes_in_ascii_too(tmp_path: Path) -> None:
    code = 'import sys; sys.argv = ["gitops-flask", "plan"]; from installer.cli import main; main()'
    for environment in ({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        done = run(code, tmp_path, **environment)
        assert done.returncode == 1
        assert b"There is no gitops.yaml" in done.stderr
        assert b"Traceback" not in done.stderr


def test_a_user_who_is_on_no_list_has_a_name_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert lock._user() == f"user {os.getuid()}"


@pytest.mark.skipif(sys.platform == "win32", reason="no locks to rely on there")
@pytest.mark.parametrize("home", ["missing", "a file", "nowhere"])
def test_without_a_home_to_write_to_locks_and_logs_are_among_temporary_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place = tmp_path / "home"
    if home == "a file":
        place.write_text("no folder")  # root may write anywhere else
    if home == "missing":
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    monkeypatch.setenv("HOME", "/proc/nowhere" if home == "nowhere" else str(place))
    assert file_lock.state_folder() == tmp_path / f"gitops-flask-state-{os.getuid()}"
    assert file_lock.state_folder().stat().st_mode & 0o777 == 0o700
    with file_lock.locked("something", 0):
        assert file_lock.machine()


@pytest.mark.skipif(sys.platform == "win32", reason="no locks to rely on there")
def test_a_folder_for_locks_that_somebody_else_laid_out_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / f"gitops-flask-state-{os.getuid()}").symlink_to(tmp_path / "theirs")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    with pytest.raises(InstallerError, match="no folder to keep locks and logs in") as caught:
        file_lock.state_folder()
    assert "XDG_STATE_HOME" in caught.value.fix


def test_a_check_that_stumbles_over_what_nobody_foresaw_does_not_hide_what_the_others_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stumbles(_: object) -> list[Finding]:
        raise KeyError("plan")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    project: Any = SimpleNamespace(
        settings=SimpleNamespace(scm="github", lane="github", ci="github-actions", slug="web")
    )
    checks = [
        Check("host", stumbles, "looking"),
        Check("host", lambda _: [Finding("github", "all is well")], "looking"),
    ]
    first, second = preflight_checks._ask(project, checks)
    assert first.problem
    assert "nobody foresaw: KeyError: 'plan'" in first.what
    assert str(tmp_path) in first.fix
    assert second.what == "all is well"
