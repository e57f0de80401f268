import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

from {{ cookiecutter.__module }} import NAME

COMMAND = [sys.executable, "-m", "{{ cookiecutter.__module }}"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def answer(url: str, server: "subprocess.Popen[str]", seconds: float = 20) -> bytes:
    """Ask until the server answers, as long as it lives."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                body: bytes = response.read()
                return body
        except (urllib.error.URLError, ConnectionError):
            if server.poll() is not None or time.monotonic() > deadline:
                raise
        threading.Event().wait(0.05)


def test_the_server_answers_with_its_revision_and_ends_when_told_to() -> None:
    port = free_port()
    environment = os.environ | {"PORT": str(port), "REVISION": "f00d"}
    with subprocess.Popen(COMMAND, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            body = answer(f"http://127.0.0.1:{port}/version", server)
        finally:
            server.send_signal(signal.SIGTERM)
        output, _ = server.communicate(timeout=20)

    assert json.loads(body) == {"name": NAME, "revision": "f00d"}
    assert server.returncode == 0
    lines = [json.loads(line) for line in output.splitlines()]  # the server's own lines are JSON, too
    assert [line["path"] for line in lines if line["logger"] == "access"] == ["/version"]


@pytest.mark.parametrize("variable", ["PORT", "THREADS"])
def test_a_wrong_setting_ends_the_server_with_the_name_of_the_variable(variable: str) -> None:
    ended = subprocess.run(
        COMMAND, env=os.environ | {variable: "many"}, capture_output=True, text=True, check=False, timeout=60
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"cannot start: {variable}: ")
