"""Programs are run with a deadline, and secrets never reach a message, an argument or a file."""

import logging
import os
import sys
import time
from pathlib import Path

import pytest

from installer import shell
from installer.errors import CommandFailed, DeadlinePassed, InstallerError
from installer.secret import Secret

PYTHON = sys.executable


def test_returns_what_was_printed(tmp_path: Path) -> None:
    script = "import os, sys; print(sys.stdin.read(), os.environ['X'], os.getcwd())"
    said = shell.run(PYTHON, "-c", script, stdin="in", env={"X": "x"}, cwd=tmp_path)
    assert said.split() == ["in", "x", str(tmp_path)]


def test_a_failure_tells_the_command_and_its_words_without_secrets() -> None:
    secret = Secret("s3cr3t-value")
    with pytest.raises(CommandFailed) as error:
        shell.run(PYTHON, "-c", f"import sys; sys.exit('no: {secret.reveal()}')")
    assert "s3cr3t-value" not in str(error.value)
    assert "no: ***" in error.value.output
    assert error.value.status == 1


def test_a_deadline_ends_the_program_and_tells_what_it_said_last() -> None:
    script = "import os, sys, time; print('half way', flush=True); print(os.getpid(), flush=True); time.sleep(60)"
    began = time.monotonic()
    with pytest.raises(DeadlinePassed) as error:
        shell.run(PYTHON, "-c", script, timeout=1)
    assert time.monotonic() - began < 10
    assert "half way" in error.value.last_seen
    with pytest.raises(ProcessLookupError):
        os.kill(int(error.value.last_seen.split()[-1]), 0)


def test_a_missing_program_comes_with_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert shell.missing("helm")
    with pytest.raises(InstallerError) as error:
        shell.run("helm", "version")
    assert "helm.sh" in error.value.fix


def test_follows_the_environment_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANGED_AFTER_IMPORT", "yes")
    assert shell.run(PYTHON, "-c", "import os; print(os.environ.get('CHANGED_AFTER_IMPORT'))").strip() == "yes"
    monkeypatch.delenv("CHANGED_AFTER_IMPORT")
    assert shell.run(PYTHON, "-c", "import os; print(os.environ.get('CHANGED_AFTER_IMPORT'))").strip() == "None"


def test_verbose_shows_commands_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret("another-s3cr3t")
    with caplog.at_level(logging.DEBUG, logger="installer"):
        shell.run(PYTHON, "-c", "pass", secret.reveal())
    assert "another-s3cr3t" not in caplog.text
    assert "***" in caplog.text


def test_standard_input_is_never_written_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    script = "import os, stat, sys; print(stat.S_ISFIFO(os.fstat(0).st_mode))"
    assert shell.run(PYTHON, "-c", script, stdin="secret").strip() == "True"
    assert not list(tmp_path.iterdir())
