"""A TCP proxy in front of a server, which cuts connections when told to."""

import contextlib
import selectors
import socket
import socketserver
import threading

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

    def mend(self) -> None:
        """Let all through."""
        self._refusing, self._cut = False, 0

    def allowance(self) -> int | None:
        """Return after how many bytes a new connection is to end; None where never."""
        with self._lock:
            self.count += 1
            if self._refusing:
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
