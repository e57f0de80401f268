"""A server that is called over TLS: it notes what came, and answers as a test wants, or as Argo CD does."""

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.github.authority import Authority


@dataclass
class Came:
    path: str
    headers: Mapping[str, str]
    body: bytes


Answer = Callable[[Came], tuple[int, str]]


@dataclass
class Called:
    """Who is called, under one name; `ca` signed its certificate."""

    address: tuple[str, int]
    ca: Path
    answer: Answer = lambda _: (200, "")
    came: list[Came] = field(default_factory=list)


def as_argo_cd(secret: str) -> Answer:
    """Answer as Argo CD 3.2 to 3.5 do (util/webhook, go-playground/webhooks 6.4); without a secret it looks at none."""

    def answer(came: Came) -> tuple[int, str]:
        if came.path.partition("?")[0] != "/api/webhook":
            return 404, "404 page not found"
        if came.headers.get("X-Gitlab-Event") == "Push Hook":  # its parser compares the secret as it is
            if secret and came.headers.get("X-Gitlab-Token", "") != secret:
                return 400, "Webhook processing failed: X-Gitlab-Token validation failed"
            return 200, ""
        if came.headers.get("X-GitHub-Event") not in ("push", "ping"):
            return 400, "Webhook processing failed: event not defined to be parsed"
        given = came.headers.get("X-Hub-Signature-256", "")
        if secret and not given:
            return 400, "Webhook processing failed: missing X-Hub-Signature-256 Header"
        if secret and given != f"sha256={hmac.new(secret.encode(), came.body, hashlib.sha256).hexdigest()}":
            return 400, "Webhook processing failed: HMAC verification failed"
        return 200, ""

    return answer


@contextmanager
def called(folder: Path, host: str) -> Iterator[Called]:
    """Serve on this machine, with a certificate for that name."""
    authority = Authority(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came = Came(self.path, dict(self.headers), body)
            here.came.append(came)
            status, text = here.answer(came)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = authority.context(host).wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    here = Called(("127.0.0.1", server.server_port), authority.certificate)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
