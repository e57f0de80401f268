"""A TCP proxy in front of a server, which cuts connections when told to."""

import contextlib
import os
import selectors
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import yaml

BUFFER = 1 << 16


class Proxy(socketserver.ThreadingTCPServer):
    """Lead to one address; `count` connections were made since the last order."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, host: str, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.far = (host, port)
        self.port: int = self.server_address[1]
        self.count = 0
        self._refusing = False
        self._cut = self._after = 0
        self._stop = 0
        self._seconds = self._down_until = 0.0
        self._lock = threading.Lock()

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def refuse(self) -> None:
        """Hang up on whoever comes."""
        self._refusing = True

    def cut(self, nth: int, after: int) -> None:
        """Cut the nth connection from now on after so many bytes, once."""
        self.count, self._cut, self._after = 0, nth, after

    def restart(self, nth: int, seconds: float) -> None:
        """Refuse the nth connection from now on, and all that come within some seconds after it."""
        self.count, self._stop, self._seconds = 0, nth, seconds

    def fix(self) -> None:
        """Let all through."""
        self._refusing, self._cut, self._stop, self._down_until = False, 0, 0, 0.0

    def allowance(self) -> int | None:
        """Return after how many bytes a new connection is to end; None where never."""
        with self._lock:
            self.count += 1
            if self.count == self._stop:
                self._down_until = time.monotonic() + self._seconds
            if self._refusing or time.monotonic() < self._down_until:
                return 0
            return self._after if self.count == self._cut else None


class _Connection(socketserver.BaseRequestHandler):
    server: Proxy

    def handle(self) -> None:
        left = self.server.allowance()
        if left == 0:
            return
        with (
            contextlib.suppress(OSError),
            socket.create_connection(self.server.far) as far,
            selectors.DefaultSelector() as ready,
        ):
            ready.register(self.request, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, self.request)
            while left is None or left > 0:
                for key, _ in ready.select():
                    data = key.fileobj.recv(BUFFER)  # type: ignore[union-attr]
                    if not data:
                        return
                    key.data.sendall(data)
                    left = None if left is None else left - len(data)


@contextlib.contextmanager
def on_the_way(kubeconfig: Path) -> Iterator[Proxy]:
    """Write a kubeconfig that leads to the cluster of today's through a proxy."""
    config = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    cluster = config["clusters"][0]["cluster"]
    server = urlsplit(cluster["server"])
    with Proxy(str(server.hostname), server.port or 443) as proxy:
        cluster["tls-server-name"] = server.hostname
        cluster["server"] = f"https://127.0.0.1:{proxy.port}"
        kubeconfig.write_text(yaml.safe_dump(config))
        kubeconfig.chmod(0o600)
        yield proxy
