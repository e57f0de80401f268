"""The production server: what it answers, survives and says when it ends."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from server import MODULE, Server, free_ports, running

SLOW = f"""
import time
import {MODULE}.app, {MODULE}.server
original = {MODULE}.app.create_app

def create_app(settings):
    app = original(settings)
    app.add_url_rule("/slow", view_func=lambda: time.sleep(1.5) or "slow")
    return app

{MODULE}.app.create_app = create_app
if __name__ == "__main__":
    {MODULE}.server.main()
"""
ANOTHER = f"""
import pathlib, signal, sys, time
import {MODULE}.server
original = {MODULE}.server.application

def application():
    app = original()
    %s
    return app

{MODULE}.server.application = application
if __name__ == "__main__":
    {MODULE}.server.main()
"""
LATE = ANOTHER % "while not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)"
TAKEN = ANOTHER % "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # in the main thread alone"
URL = "/api/temperatures"
LENGTH = b"Content-Length: 100\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
HEAD = f"POST {URL} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()


@pytest.fixture
def slow(tmp_path: Path) -> str:
    """Return the server's program with one more route, which takes its time."""
    program = tmp_path / "slow.py"
    program.write_text(SLOW)
    return str(program)


def test_a_server_is_not_ready_before_its_own_port_takes_connections(
    environment: dict[str, str], tmp_path: Path
) -> None:
    program, gate = tmp_path / "late.py", tmp_path / "gate"
    program.write_text(LATE)
    with running(environment, str(program), str(gate), ready=False) as server:
        answer = None
        while answer is None:
            assert server.process.poll() is None
            with suppress(ConnectionError):  # until the port of the probes is open, for good: it is tried before
                try:
                    answer = server.get("/readyz", server.metrics_port, timeout=1)
                except TimeoutError:
                    break
        assert answer is None, "it says that it is ready, and nobody could call it"
        gate.touch()
        server.wait("/readyz", 200, server.metrics_port)
        assert server.get("/version")[0] == 200
        server.terminate()
        server.log()


def half_a_body(server: Server, heading: bytes = LENGTH) -> socket.socket:
    """Connect as a client that sends half a body, and no more for now."""
    client = socket.create_connection(("127.0.0.1", server.port))
    half = b'{"celsius":'
    client.sendall(HEAD + heading + b"\r\n" + (b"64\r\n" if heading == CHUNKED else b"") + half)
    return client


def received(client: socket.socket) -> bool:
    """Say whether there is an answer, or the end of the connection."""
    with suppress(TimeoutError):
        client.recv(1, socket.MSG_PEEK)
        return True
    return False


def status(sock: socket.socket) -> int:
    """Return the status of the answer on a connection."""
    answer = http.client.HTTPResponse(sock)
    answer.begin()
    return answer.status


def test_the_server_answers_with_its_revision_and_ends_when_stopped(environment: dict[str, str]) -> None:
    with running(environment | {"REVISION": "f00d"}) as server:
        _, body = server.get("/version")
        code, metrics = server.get("/metrics", server.metrics_port)
        server.terminate()
        log = server.log()

    assert json.loads(body) == {"name": "hello-api", "revision": "f00d"}
    assert code == 200
    assert 'route="/version"' in metrics
    assert 'service_info{revision="f00d"} 1.0' in metrics
    assert "process_resident_memory_bytes" in metrics or sys.platform != "linux"
    assert server.process.returncode == 0
    assert [line["path"] for line in log if line["logger"] == "access"] == ["/version"]
    assert {line["revision"] for line in log} == {"f00d"}  # Granian's own lines are JSON, too


def test_the_server_ends_gracefully_though_another_thread_of_the_worker_takes_the_signal(
    environment: dict[str, str], tmp_path: Path
) -> None:
    program = tmp_path / "taken.py"
    program.write_text(TAKEN)
    with running(environment | {"SHUTDOWN_SECONDS": "600"}, str(program)) as server:
        server.terminate()
        log = server.log()
    assert server.process.returncode == 0
    assert complaints(log) == []


def test_probes_answer_while_clients_send_half_a_body_and_the_service_does_once_they_leave(
    environment: dict[str, str],
) -> None:
    with running(environment) as server:
        with ExitStack() as stack:
            for _ in range(8):
                stack.enter_context(half_a_body(server))
            wait_for_requests(server, 4)
            for path in ("/livez", "/readyz"):
                assert server.get(path, server.metrics_port)[0] == 200

        assert server.get("/version")[0] == 200
        server.terminate()
        server.log()
    assert server.process.returncode == 0


def test_a_body_is_read_while_other_clients_send_half_of_theirs(environment: dict[str, str]) -> None:
    with running(environment | {"BODY_TIMEOUT_SECONDS": "600"}) as server:
        for heading in (LENGTH, CHUNKED):
            wait_for_requests(server, 0)
            with ExitStack() as stack:
                for _ in range(3):  # of four threads
                    stack.enter_context(half_a_body(server, heading))
                wait_for_requests(server, 3)
                connection = stack.enter_context(closing(server.connect()))
                body = b'{"celsius": 20, "to": "kelvin"}'
                headers = {"Content-Type": "application/json"}
                connection.request("POST", URL, body if heading == LENGTH else iter([body]), headers)
                assert connection.getresponse().status == 200
        server.terminate()
        server.log()


def test_a_body_that_does_not_arrive_in_time_is_408_and_its_connection_is_closed(environment: dict[str, str]) -> None:
    with running(environment | {"BODY_TIMEOUT_SECONDS": "1", "SHUTDOWN_SECONDS": "600"}) as server:
        with ExitStack() as stack:
            clients = [stack.enter_context(half_a_body(server, heading)) for heading in (LENGTH, CHUNKED) * 4]
            for client in clients:
                client.settimeout(60)
                with client.makefile("rb") as answer:
                    assert answer.readline().split()[1] == b"408"
                    assert b"application/problem+json" in answer.read()  # to the end: the server hangs up
            assert server.get("/version")[0] == 200
            wait_for_requests(server, 0)  # a request ends after its connection
        server.terminate()
        log = server.log()
    assert server.process.returncode == 0
    statuses = [line["status"] for line in log if line["logger"] == "access"]
    assert sorted(statuses) == [200] + [408] * 8
    assert complaints(log) == []


def test_a_client_that_sends_a_byte_at_a_time_gains_no_time(environment: dict[str, str]) -> None:
    with running(environment | {"BODY_TIMEOUT_SECONDS": "1"}) as server:
        with half_a_body(server, b"Content-Length: 1000000\r\n") as client:
            client.settimeout(0.05)
            deadline = time.monotonic() + 60
            with suppress(ConnectionError):
                while client.sendall(b" ") or not received(client):
                    assert time.monotonic() < deadline
            wait_for_requests(server, 0)
        server.terminate()
        log = server.log()
    assert [line["status"] for line in log if line["logger"] == "access"] == [408]


def test_a_body_in_time_is_taken_however_many_pieces_it_has(environment: dict[str, str]) -> None:
    with running(environment) as server, half_a_body(server, b"Content-Length: 30\r\n") as client:
        client.settimeout(60)
        for piece in (b" 1,", b' "to":', b' "kelvin"', b"}"):
            wait_for_requests(server, 1)
            client.sendall(piece)
        assert status(client) == 200
        server.terminate()
        server.log()


def test_slow_views_leave_the_probes_alone_and_are_answered_when_the_server_is_stopped(
    environment: dict[str, str], slow: str
) -> None:
    with running(environment, slow) as server, ThreadPoolExecutor(4) as callers:
        answers = [callers.submit(server.get, "/slow") for _ in range(4)]
        wait_for_requests(server, 4)
        assert server.get("/livez", server.metrics_port)[0] == 200
        server.terminate()

        assert [answer.result() for answer in answers] == [(200, "slow")] * 4
        server.log()
    assert server.process.returncode == 0


def test_a_server_with_a_half_body_ends_when_stopped(environment: dict[str, str]) -> None:
    with running(environment | {"SHUTDOWN_SECONDS": "1"}) as server, half_a_body(server):
        wait_for_requests(server, 1)
        server.terminate()
        server.log()


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def test_a_chunked_body_is_read_whole_or_413(environment: dict[str, str]) -> None:
    body = b'{"celsius": 1, "to": "kelvin"}'
    with running(environment | {"MAX_CONTENT_LENGTH": "200"}) as server:
        for more, code in ((0, 200), (170, 200), (171, 413), (100_000, 413)):
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                client.settimeout(60)
                client.sendall(HEAD + CHUNKED + b"\r\n" + chunked(body + b" " * more))
                assert status(client) == code, more
        server.terminate()
        server.log()


def test_a_draining_server_is_not_ready_and_loses_no_request_of_a_client_that_stays_connected(
    environment: dict[str, str],
) -> None:
    with running(environment | {"DRAIN_SECONDS": "300"}) as server:
        client = server.connect()
        client.connect()
        kept = client.sock
        assert ask(client) == 200
        assert client.sock is kept
        server.terminate()
        server.wait("/readyz", 503, server.metrics_port)
        assert server.get("/livez", server.metrics_port)[0] == 200

        assert ask(client) == 200
        assert client.sock is None  # the server has asked it to connect elsewhere
        server.terminate()  # told twice, it does not drain any longer
        server.log()
    assert server.process.returncode == 0


def start(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", MODULE],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("variable", ["PORT", "THREADS"])
def test_a_wrong_setting_ends_the_server_with_one_line(environment: dict[str, str], variable: str) -> None:
    ended = start(environment | {variable: "many"})

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"cannot start: {variable}: ")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("variable", ["PORT", "METRICS_PORT"])
def test_a_port_that_is_taken_ends_the_server_with_one_line(environment: dict[str, str], variable: str) -> None:
    ports = dict(zip(("PORT", "METRICS_PORT"), map(str, free_ports()), strict=True))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = start(environment | ports | {variable: str(port)})

    assert ended.returncode == 1
    assert ended.stderr == f"cannot start: {variable}: cannot listen on 127.0.0.1:{port}: Address already in use\n"
    assert ended.stdout == ""


def ask(client: http.client.HTTPConnection) -> int:
    client.request("GET", "/version")
    response = client.getresponse()
    response.read()
    return response.status


def complaints(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return warnings and errors, without one of Granian's that may be wrong.

    Two of its threads wait for one worker; the one that comes late takes it for alive. A worker that does refuse to
    stop is waited for SHUTDOWN_SECONDS, which are more than a test waits.
    """
    return [
        line
        for line in log
        if line["level"] in ("WARNING", "ERROR") and "refused to gracefully stop" not in line["message"]
    ]


def wait_for_requests(server: Server, number: int) -> None:
    """Wait until the server says that so many requests are in flight."""
    deadline = time.monotonic() + 60
    while f"http_requests_in_flight {number}.0" not in server.get("/metrics", server.metrics_port)[1]:
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
