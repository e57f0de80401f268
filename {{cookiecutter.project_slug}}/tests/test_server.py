import http.client
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from {{ cookiecutter.__module }} import NAME

from tests.server import MODULE, Server, running

SLOW = f"""
import time
import {MODULE}.app
original = {MODULE}.app.create_app

def create_app(settings):
    app = original(settings)
    app.add_url_rule("/slow", view_func=lambda: time.sleep(1.5) or "slow")
    return app

{MODULE}.app.create_app = create_app
from {MODULE}.__main__ import main
from {MODULE}.serving import application
if __name__ == "__main__":
    main()
"""


@pytest.fixture
def slow(tmp_path: Path) -> str:
    """Return the server's program with one more route, which takes its time; its worker processes run it, too."""
    program = tmp_path / "slow.py"
    program.write_text(SLOW)
    return str(program)


def test_the_server_answers_with_its_revision_and_ends_when_told_to(environment: dict[str, str]) -> None:
    with running(environment | {"REVISION": "f00d"}) as server:
        _, body = server.get("/version")
        status, metrics = server.get("/metrics", server.metrics_port)
        server.terminate()
        log = server.log()

    assert json.loads(body) == {"name": NAME, "revision": "f00d"}
    assert status == 200
    assert 'route="/version"' in metrics
    assert "process_resident_memory_bytes" in metrics or sys.platform != "linux"
    assert server.process.returncode == 0
    assert [line["path"] for line in log if line["logger"] == "access"] == ["/version"]
    assert {line["revision"] for line in log} == {"f00d"}  # the server's own lines are JSON, too


def test_requests_in_flight_are_answered_when_the_server_is_told_to_stop(
    environment: dict[str, str], slow: str
) -> None:
    with running(environment, slow) as server, ThreadPoolExecutor(2) as callers:
        answers = [callers.submit(server.get, "/slow") for _ in range(2)]
        wait_for_requests(server, 2)
        server.terminate()

        assert [answer.result() for answer in answers] == [(200, "slow")] * 2
        server.log()
    assert server.process.returncode == 0


def test_a_draining_server_says_so_and_loses_no_request_of_a_client_that_stays_connected(
    environment: dict[str, str],
) -> None:
    with running(environment | {"DRAIN_SECONDS": "300"}) as server:
        client = server.connect()
        client.connect()
        kept = client.sock
        assert ask(client) == 200
        assert client.sock is kept
        server.terminate()
        server.wait("/readyz", 503)

        assert ask(client) == 200
        assert client.sock is None  # the server has asked it to connect elsewhere
        server.terminate()  # told twice, it does not drain any longer
        server.log()
    assert server.process.returncode == 0


def test_a_server_that_is_told_twice_does_not_drain(environment: dict[str, str]) -> None:
    with running(environment | {"DRAIN_SECONDS": "300"}) as server:
        server.terminate()
        server.wait("/readyz", 503)
        server.terminate()
        server.log()
    assert server.process.returncode == 0


@pytest.mark.parametrize("variable", ["PORT", "THREADS"])
def test_a_wrong_setting_ends_the_server_with_the_name_of_the_variable(
    environment: dict[str, str], variable: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", MODULE],
        env=os.environ | environment | {variable: "many"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"cannot start: {variable}: ")


def ask(client: http.client.HTTPConnection) -> int:
    client.request("GET", "/version")
    response = client.getresponse()
    response.read()
    return response.status


def wait_for_requests(server: Server, number: int) -> None:
    """Wait until the server says that so many requests are in flight."""
    deadline = time.monotonic() + 10
    while f"http_requests_in_flight {number}.0" not in server.get("/metrics", server.metrics_port)[1]:
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
