"""A terminal with someone at it, who answers each question once it is there."""

import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def show(
    command: Sequence[str], answers: Mapping[str, str], *, cwd: Path, env: Mapping[str, str], seconds: float = 300
) -> str:
    """Run a command on a terminal of its own and return what the screen showed; fail with it when that takes long."""
    ours, theirs = pty.openpty()
    # /dev/tty, where a hidden question is asked, is this terminal and not the one of who runs the tests.
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command], cwd=cwd, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown, waiting, end = "", dict(answers), time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.05)[0]:
                shown += os.read(ours, 1 << 16).decode(errors="replace")
            question = shown.rsplit("\n", 1)[-1].rstrip()
            asked = next((text for text in waiting if text in question and question.endswith(":")), None)
            # What is typed before the terminal hides it is thrown away.
            if asked and ("not shown" not in question or not termios.tcgetattr(ours)[3] & termios.ECHO):
                os.write(ours, f"{waiting.pop(asked)}\n".encode())
        raise AssertionError(f"not over within {seconds:.0f} s:\n{shown}")
    except OSError:
        pass  # how Linux says that the other end is closed
    finally:
        os.close(ours)
    assert process.wait(timeout=60) == 0, shown
    assert not waiting, f"never asked: {list(waiting)}\n{shown}"
    return shown
