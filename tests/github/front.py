"""The two fronts: a CONNECT proxy for tests anywhere, and a TLS listener where the names resolve."""

import contextlib
import selectors
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from .faults import Broken, Silent
from .wire import Request, Response

Answer = Callable[[Request], Response]
BUFFER = 1 << 16


class Exchange(BaseHTTPRequestHandler):
    """Speak HTTP/1.1 on a connection that is already decrypted."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece: sent as two, the second waits for 40 ms (Nagle's algorithm)
    answer: Answer

    def __init__(self, connection: socket.socket, answer: Answer) -> None:
        self.answer = answer
        super().__init__(connection, ("", 0), None)  # type: ignore[arg-type]  # it has no use for its server

    def _exchange(self) -> None:
        request = Request(self.headers["Host"], self.command, self.path, dict(self.headers.items()), self._body())
        response = self.answer(request)
        if isinstance(response, Silent):
            self.connection.settimeout(10)
            with contextlib.suppress(OSError):
                self.connection.recv(1)  # until whoever asked gives up
        if isinstance(response, Silent) or (isinstance(response, Broken) and not response.body):
            self.close_connection = True
            return
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status != 204:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if isinstance(response, Broken):
            self.close_connection = True
            self.wfile.write(response.body[: len(response.body) // 2])
        elif self.command != "HEAD":
            self.wfile.write(response.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _exchange  # noqa: N815

    def _body(self) -> bytes:
        """Return the whole body; raise where the connection ends before it: no server acts on half a request."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self._read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self._line().split(b";")[0], 16):
            chunks.append(self._read(size))
            self._line()
        self._line()
        return b"".join(chunks)

    def _read(self, size: int) -> bytes:
        read = self.rfile.read(size)
        if len(read) < size:
            raise ConnectionError("the client is gone")
        return read

    def _line(self) -> bytes:
        line = self.rfile.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the client is gone")
        return line

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the stand-in keeps a log of its own, without tokens."""


class Front(socketserver.ThreadingTCPServer):
    """Listen, and hand every request of these host names to one function."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        context: ssl.SSLContext,
        answer: Answer,
        *,
        proxy_for: Iterable[str] | None = None,
        allowed: Iterable[str] = (),
        refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(address, _Connection)
        self.context = context
        self.answer = answer
        self.proxy_for = None if proxy_for is None else frozenset(proxy_for)
        self.allowed = frozenset(allowed)
        self.refused = refused
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that hang up; what the stand-in does wrong is caught before it gets here."""


class _Connection(socketserver.BaseRequestHandler):
    server: Front

    def setup(self) -> None:
        # As servers do. Otherwise an answer waits for 40 ms until the client has confirmed what TLS sent it before.
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)

    def handle(self) -> None:
        if self.server.proxy_for is None:
            self._serve()
            return
        head = b""
        while b"\r\n\r\n" not in head:
            more = self.request.recv(BUFFER)
            if not more:
                return
            head += more
        method, target, *_ = head.decode("latin-1").split(" ", 2)
        host, _, port = target.rpartition(":")
        if method == "CONNECT" and port == "443" and host in self.server.proxy_for:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._serve()
        elif method == "CONNECT" and host in self.server.allowed:
            self._tunnel(host, int(port))
        else:
            self.server.refused(f"proxy was asked for {method} {target}")
            self.request.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def _serve(self) -> None:
        with contextlib.suppress(OSError), self.server.context.wrap_socket(self.request, server_side=True) as tls:
            Exchange(tls, self.server.answer)

    def _tunnel(self, host: str, port: int) -> None:
        with socket.create_connection((host, port)) as far, selectors.DefaultSelector() as ready:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ready.register(self.request, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, self.request)
            while True:
                for key, _ in ready.select():
                    data = key.fileobj.recv(BUFFER)  # type: ignore[union-attr]
                    if not data:
                        return
                    key.data.sendall(data)


def proxy_environment(port: int, certificate: Path) -> dict[str, str]:
    """Say which variables lead gh, git, PyGithub, curl and Node to the proxy, and only there."""
    proxy = f"http://127.0.0.1:{port}"
    bundles = (
        "SSL_CERT_FILE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
    )  # fmt: skip
    return {
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": "",
        "no_proxy": "",
        **dict.fromkeys(bundles, str(certificate)),
        "GH_TELEMETRY": "false",
        "GH_PROMPT_DISABLED": "1",
        "GH_NO_UPDATE_NOTIFIER": "1",
        "KUBECONFIG": "/nowhere",  # a cluster that this machine has is none of theirs
    }
