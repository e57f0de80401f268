"""The generated service's real server: a process of its own, on free ports."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

MODULE = "hello_api"


def free_ports() -> tuple[int, int]:
    """Return two ports, open here at the same time: taken one after the other, they may be the same one."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: "subprocess.Popen[bytes]"
    port: int
    metrics_port: int
    output: Path

    def connect(self, timeout: float = 20) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def get(self, path: str, port: int | None = None, timeout: float = 20) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def wait(self, path: str, status: int, port: int, seconds: float = 60) -> None:
        """Ask until that is the answer, as long as the server lives."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if self.get(path, port)[0] == status:
                    return
            except OSError:
                pass
            assert self.process.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, f"{path} was never answered with {status}"
            time.sleep(0.02)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def log(self) -> list[dict[str, Any]]:
        """Wait for the end, and return all lines that the server wrote."""
        self.process.wait(60)
        return [json.loads(line) for line in self.output.read_text().splitlines()]


@contextmanager
def running(environment: dict[str, str], *command: str, ready: bool = True) -> Iterator[Server]:
    """Start the server, and wait until it is ready, unless told otherwise."""
    ports = free_ports()
    variables = {"PORT": str(ports[0]), "METRICS_PORT": str(ports[1])} | environment
    with (
        NamedTemporaryFile() as output,  # a pipe that nobody reads fills up, and the server waits
        subprocess.Popen(
            [sys.executable, *(command or ("-m", MODULE))], env=os.environ | variables, stdout=output
        ) as process,
    ):
        try:
            server = Server(process, *ports, Path(output.name))
            if ready:
                server.wait("/readyz", 200, server.metrics_port)
            yield server
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
