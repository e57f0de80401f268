"""Ctrl-C reaches one thread, the main one; all others hear of it, and what only reads ends there."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
READY = """
import os, signal, threading
from pathlib import Path
from installer.support import process as shell
from installer.support.wait import pause, stopped, threads, until
signal.signal(signal.SIGINT, signal.default_int_handler)
folder = Path.cwd()
seen = lambda name: (folder / name).exists()
def press():
    assert until(lambda: all(map(seen, EXPECTED)), 60, every=0.02)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=press).start()
def program(name, then="exec sleep 600"):
    return shell.attempt("sh", "-c", f": >{name}; {then}", timeout=500)
"""


def interrupted(folder: Path, code: str, expected: list[str]) -> subprocess.CompletedProcess[str]:
    """Run code in which Ctrl-C is pressed as soon as the expected files are there; return its end."""
    whole = READY.replace("EXPECTED", repr(expected)) + code
    return subprocess.run(
        [sys.executable, "-c", whole],
        cwd=folder, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def test_ctrl_c_that_does_not_wake_the_main_thread_is_seen_all_the_same(tmp_path: Path) -> None:
    """It comes to whichever thread takes it: here never to the main one, which then sleeps on."""
    code = """
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # of this thread, and of those that it makes from now on
def waits(name):
    (folder / name).touch()
    pause(600)
try:
    with threads(2) as pool:
        list(pool.map(waits, ["a", "b"]))
except KeyboardInterrupt:
    raise SystemExit("interrupted")
"""
    assert interrupted(tmp_path, code, ["a", "b"]).stderr.strip() == "interrupted"


def test_ctrl_c_ends_threads_that_read_their_programs_and_what_they_wait_for(tmp_path: Path) -> None:
    code = """
def checks(name):
    program(name)
    program(name + "-again")
def waits(name):
    (folder / name).touch()
    pause(600)
def polls(name):
    (folder / name).touch()
    until(lambda: False, 600)
def asks(name):
    with threads(2) as inner:
        list(inner.map(checks, [name + "1", name + "2"]))
    program(name + "-again")
work = {"a": checks, "b": waits, "c": polls, "d": asks}
try:
    with threads(4) as pool:
        list(pool.map(lambda name: work[name](name), work))
except KeyboardInterrupt:
    raise SystemExit(f"interrupted, {threading.active_count()} thread, {stopped.is_set()}")
"""
    done = interrupted(tmp_path, code, ["a", "b", "c", "d1", "d2"])
    assert done.stderr.strip() == "interrupted, 1 thread, False"
    assert {each.name for each in tmp_path.iterdir()} == {"a", "b", "c", "d1", "d2"}, "nothing was begun after it"


def test_ctrl_c_ends_a_wait_for_a_kubectl_that_does_not_say_that_it_listens(tmp_path: Path) -> None:
    (tmp_path / "kubectl").write_text("#!/bin/sh\n: >listens\nexec sleep 600\n")
    (tmp_path / "kubectl").chmod(0o755)
    code = """
from installer.cluster.kubectl import Listening
os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"
def forward(_):
    kubectl = Listening(["port-forward"])
    try:
        kubectl.first(600)
    finally:
        kubectl.end()
        print("ended", kubectl.process.returncode)
try:
    with threads(1) as pool:
        list(pool.map(forward, [1]))
except KeyboardInterrupt:
    raise SystemExit(130)
"""
    done = interrupted(tmp_path, code, ["listens"])
    assert (done.returncode, done.stdout.strip()) == (130, "ended -9")


def test_ctrl_c_lets_threads_that_write_finish_what_they_do(tmp_path: Path) -> None:
    code = """
def step(name):
    program(name, "trap 'exit 7' INT; while :; do sleep 0.1; done")
    program(name + "-tidied", "exit 0")
    pause(0.1)
    (folder / (name + "-over")).touch()
try:
    with threads(2, to_the_end=True) as pool:
        list(pool.map(step, ["a", "b"]))
except KeyboardInterrupt:
    raise SystemExit(130)
"""
    assert interrupted(tmp_path, code, ["a", "b"]).returncode == 130
    assert all((tmp_path / f"{name}-{state}").exists() for name in "ab" for state in ("tidied", "over"))
