"""File locks: one writer at a time, and a program that outlives its installer keeps the lock until it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from installer.support.errors import DeadlinePassed
from installer.support.file_lock import locked, machine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no locks to rely on there")

HOLDING = """
import sys
from installer.support.process import attempt
from installer.support.file_lock import locked
with locked("release web", 1) as files:
    attempt("sh", "-c", "echo $$ > child; echo >> started; read _ < gate", inherit=files)
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_a_lock_is_taken_and_given_back() -> None:
    for _ in range(2):
        with locked("release web", 0):
            pass


def test_a_lock_that_is_taken_is_waited_for_and_then_named(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level("INFO", "installer"),
        locked("release web", 0),
        pytest.raises(DeadlinePassed, match="another change of release web"),
        locked("release web", 0.2),
    ):
        pass
    assert "another program on this machine is changing release web: waiting" in caplog.text


def test_other_things_have_locks_of_their_own() -> None:
    with locked("release web", 0), locked("release api", 0):
        pass


def test_a_child_of_a_killed_installer_keeps_the_lock_until_it_ends(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    installer = subprocess.Popen([sys.executable, "-c", HOLDING], cwd=tmp_path, env=environment)
    while not (tmp_path / "started").exists():
        assert installer.poll() is None
        time.sleep(0.01)
    installer.send_signal(signal.SIGKILL)
    installer.wait()
    with pytest.raises(DeadlinePassed), locked("release web", 0.3):
        pass
    (tmp_path / "gate").write_text("go\n")
    with locked("release web", 10):
        assert not Path(f"/proc/{(tmp_path / 'child').read_text().strip()}/exe").exists()


def test_a_machine_keeps_its_name_and_has_another_where_its_locks_are_gone(tmp_path: Path) -> None:
    name = machine()
    assert name == machine()
    assert len(name) == 16
    (tmp_path / "state/gitops-flask/machine").unlink()
    assert machine() != name
