"""Programs are run with a deadline, and secrets never reach a message, an argument or a file."""

import logging
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from installer.support import process
from installer.support.errors import CommandFailed, DeadlinePassed, InstallerError
from installer.support.secret import Secret
from installer.support.wait import SLICE, stopped, until
from tests.conftest import ROOT

PYTHON = sys.executable


def test_returns_what_was_printed(tmp_path: Path) -> None:
    script = "import os, sys; print(sys.stdin.read(), os.environ['X'], os.getcwd())"
    said = process.run(PYTHON, "-c", script, stdin="in", env={"X": "x"}, cwd=tmp_path)
    assert said.split() == ["in", "x", str(tmp_path)]


def test_a_failure_reports_the_command_and_its_words_without_secrets() -> None:
    secret = Secret("s3cr3t-value")
    with pytest.raises(CommandFailed) as error:
        process.run(PYTHON, "-c", f"import sys; sys.exit('no: {secret.reveal()}')")
    assert "s3cr3t-value" not in str(error.value)
    assert "no: ***" in error.value.output
    assert error.value.status == 1


def test_a_program_that_reads_late_gets_all_of_its_input() -> None:
    late = 3 * SLICE  # it is looked at more than once before that
    script = f"import sys, time; time.sleep({late}); print(len(sys.stdin.read()))"
    assert process.run(PYTHON, "-c", script, stdin="i" * 10**6).strip() == str(10**6)


def test_a_deadline_ends_the_program_and_reports_what_it_said_last() -> None:
    script = "import os, sys, time; print('half way', flush=True); print(os.getpid(), flush=True); time.sleep(60)"
    with pytest.raises(DeadlinePassed) as error:
        process.run(PYTHON, "-c", script, timeout=1)
    assert "half way" in error.value.last_seen
    with pytest.raises(ProcessLookupError):
        os.kill(int(error.value.last_seen.split()[-1]), 0)


def test_a_missing_program_comes_with_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert process.missing("helm")
    with pytest.raises(InstallerError) as error:
        process.run("helm", "version")
    assert "helm.sh" in error.value.fix


def test_follows_the_environment_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANGED_AFTER_IMPORT", "yes")
    assert process.run(PYTHON, "-c", "import os; print(os.environ.get('CHANGED_AFTER_IMPORT'))").strip() == "yes"
    monkeypatch.delenv("CHANGED_AFTER_IMPORT")
    assert process.run(PYTHON, "-c", "import os; print(os.environ.get('CHANGED_AFTER_IMPORT'))").strip() == "None"


def test_verbose_shows_commands_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret("another-s3cr3t")
    with caplog.at_level(logging.DEBUG, logger="installer"):
        process.run(PYTHON, "-c", "pass", secret.reveal())
    assert "another-s3cr3t" not in caplog.text
    assert "***" in caplog.text


def test_standard_input_is_never_written_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    script = "import os, stat, sys; print(stat.S_ISFIFO(os.fstat(0).st_mode))"
    assert process.run(PYTHON, "-c", script, stdin="secret").strip() == "True"
    assert not list(tmp_path.iterdir())


# --- what a program may start, and how long anything is waited for ---------------------------------------------------


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and waits for its parent's notice does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def a_parent(pids: Path, *, own_session: bool, then: str) -> str:
    """Return a program that starts another, which holds its pipes, and writes down who that is."""
    return f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session={own_session})
open({str(pids)!r}, "w").write(str(child.pid))
print("started", flush=True)
{then}
"""


@pytest.fixture
def pids(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "pids"
    yield file
    with suppress(OSError, ValueError):
        os.kill(int(file.read_text()), signal.SIGKILL)


@pytest.mark.slow
def test_a_deadline_ends_what_a_program_started_as_well(pids: Path) -> None:
    with pytest.raises(DeadlinePassed) as error:
        process.run(PYTHON, "-c", a_parent(pids, own_session=False, then="time.sleep(600)"), timeout=1)
    assert error.value.last_seen == "started"
    assert until(lambda: not alive(int(pids.read_text())), 30, every=0.02)


@pytest.mark.slow
def test_nobody_waits_for_what_holds_the_pipes_in_a_session_of_its_own(pids: Path) -> None:
    with pytest.raises(DeadlinePassed) as error:
        process.run(PYTHON, "-c", a_parent(pids, own_session=True, then="time.sleep(600)"), timeout=1)
    assert error.value.last_seen == "started"
    assert alive(int(pids.read_text())), "it did not wait for its end"


@pytest.mark.slow
def test_a_program_that_has_ended_is_over_though_what_it_started_holds_its_pipes(pids: Path) -> None:
    result = process.attempt(PYTHON, "-c", a_parent(pids, own_session=True, then="sys.exit(3)"), timeout=600)
    assert (result.status, result.out) == (3, "started\n")
    assert alive(int(pids.read_text())), "a connection that ssh keeps, say: it is not ours to end"


def test_a_program_leads_a_session_of_its_own_and_has_no_terminal_to_ask_on() -> None:
    script = """
import os
print(os.getsid(0) == os.getpid())
try:
    open("/dev/tty")
except OSError:
    print("no terminal")
"""
    out = pty_run(f"from installer.support import process as shell\nprint(shell.run({PYTHON!r}, '-c', {script!r}))")
    assert out.split() == ["True", "no", "terminal"]


def pty_run(code: str) -> str:
    """Run Python code on a terminal of its own and return what it printed there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(PYTHON, [PYTHON, "-c", code])
    said = b""
    with suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as read:
        while part := read.read(4096):
            said += part
    os.waitpid(pid, 0)
    return said.decode()


@pytest.mark.parametrize("in_main", [True, False], ids=["in the main thread", "in another thread"])
def test_ctrl_c_is_passed_on_and_a_program_may_end_in_its_own_way(tmp_path: Path, in_main: bool) -> None:
    ready, told = tmp_path / "ready", tmp_path / "told"
    child = f"""
import signal, sys, time
def end(*_):
    open({str(told)!r}, "w").close()
    sys.exit(7)
signal.signal(signal.SIGINT, end)
open({str(ready)!r}, "w").close()
time.sleep(600)
"""
    call = f"shell.attempt({PYTHON!r}, '-c', {child!r}, timeout=500)"
    code = f"""
import os, signal, threading, time
from installer.support import process as shell
from installer.support.wait import stopped, until
signal.signal(signal.SIGINT, signal.default_int_handler)
def press():
    until(lambda: os.path.exists({str(ready)!r}), 60, every=0.02)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=press).start()
if {in_main}:
    {call}
else:
    got = []
    other = threading.Thread(target=lambda: got.append({call}))
    other.start()
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        stopped.set()
    other.join()
    raise SystemExit(got[0].status)
"""
    done = subprocess.run([PYTHON, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert told.exists()
    assert ("KeyboardInterrupt" in done.stderr) == in_main
    assert in_main or done.returncode == 7


def test_a_program_that_starts_while_ctrl_c_is_pressed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    start = process.start

    def press(*given: Any, **options: Any) -> Any:
        started = start(*given, **options)
        stopped.set()
        return started

    monkeypatch.setattr(process, "start", press)
    try:
        result = process.attempt("sleep", "600", timeout=200)
    finally:
        stopped.clear()
    assert result.status == -signal.SIGINT


def test_a_second_ctrl_c_ends_a_program_that_takes_its_time(tmp_path: Path) -> None:
    child = f"trap 'kill -INT {os.getpid()}' INT; echo $$; while :; do sleep 0.05; done"
    started = []

    def say(line: str) -> None:
        started.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.follow("sh", "-c", child, say=say, env={}, cwd=tmp_path)
    assert not alive(started[0])


def test_much_output_on_both_pipes_is_taken_while_much_input_is_given() -> None:
    script = "import sys; d = sys.stdin.read(); sys.stderr.write('e' * 10**6); sys.stdout.write(d)"
    result = process.attempt(PYTHON, "-c", script, stdin="i" * 10**6)
    assert (len(result.out), len(result.err)) == (10**6, 10**6)
