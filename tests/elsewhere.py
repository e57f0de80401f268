"""An attacker's two servers: one that leads each request elsewhere, and the place where it would arrive."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .listening import serving

REVISION = "a" * 40


@dataclass
class Elsewhere:
    """Where a redirect leads: it gives the answer that was wanted, and notes what it was sent."""

    port: int = 0
    heard: list[str] = field(default_factory=list)
    """Each request with its headers and its body, as text."""

    @property
    def url(self) -> str:
        """Return its address, by another name than the one that the other server goes by."""
        return f"http://localhost:{self.port}"


@contextmanager
def elsewhere(address: str = "127.0.0.1") -> Iterator[Elsewhere]:
    """Serve it."""
    place = Elsewhere()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode(errors="replace")
            place.heard.append(f"{self.requestline}\n{self.headers}\n{body}")
            text = f'{{"revision": "{REVISION}"}}'.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((address, 0), Handler)
    place.port = server.server_port
    with serving(server):
        yield place


@contextmanager
def leading(there: str, status: int = 302, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve what answers each request with a redirect; yield its host and port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Location", f"{there}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield f"127.0.0.1:{server.server_port}"
