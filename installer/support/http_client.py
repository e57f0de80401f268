"""The HTTP client of the pod and of whoever asks those that nobody trusts; the standard library alone. Rate limits.

It follows no redirect: urllib takes every header along, to any host, scheme and port, and so does kubectl. A redirect
is an answer like any other; so is each refusal.
"""

import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from typing import Any

from .plain_text import one_line

LONGEST = 1 << 16
"""Bytes of the answer of a pod, which is not trusted."""
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Answer:
    """What a server answered; the names of headers are in lower case."""

    status: int
    reason: str
    headers: Mapping[str, str]
    text: str

    @property
    def ok(self) -> bool:
        """Return whether this is what was asked for."""
        return 200 <= self.status < 300

    @property
    def redirects(self) -> bool:
        """Return whether it leads elsewhere."""
        return 300 <= self.status < 400

    def __str__(self) -> str:
        there = self.headers.get("location", "")
        said = f", which leads to {one_line(there)} and is not followed" if there else f": {one_line(self.text)}"
        return f"{self.status} {one_line(self.reason)}{said}".removesuffix(": ")


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follow nobody."""

    def http_error_302(self, *_: Any, **__: Any) -> None:
        """Leave a redirect as it is: urllib's own would read the address first, and raise what nobody expects."""

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


class UnixSocket(urllib.request.HTTPHandler):
    """Takes each request to one socket of this machine, whatever host it names."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def http_open(self, request: urllib.request.Request) -> Any:
        """Send it there."""
        return self.do_open(_UnixConnection, request, path=str(self._path))  # type: ignore[arg-type]


class _UnixConnection(HTTPConnection):
    def __init__(self, host: str, *, path: str, timeout: float) -> None:
        super().__init__(host, timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Client:
    """Sends requests by these handlers of urllib's; `direct`: by no proxy that the environment names."""

    def __init__(self, *handlers: urllib.request.BaseHandler, direct: bool = False) -> None:
        no_proxy = [urllib.request.ProxyHandler({})] if direct else []
        self._opener = urllib.request.build_opener(_Stay(), *no_proxy, *handlers)

    def send(self, request: urllib.request.Request, seconds: float, longest: int | None = None) -> Answer:
        """Send one request; raise OSError or HTTPException where no answer comes.

        Of an answer `longest` bytes are read, and only as long as `seconds` last.
        """
        end = time.monotonic() + seconds
        try:
            answer = self._opener.open(request, timeout=seconds)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            body, limit = b"", sys.maxsize if longest is None else longest
            while len(body) < limit and (chunk := answer.read1(min(_CHUNK, limit - len(body)))):
                body += chunk
                if time.monotonic() > end:
                    raise TimeoutError(f"the answer did not end within {seconds:.0f} s")
            if len(body) < limit and answer.length:
                raise IncompleteRead(body, answer.length)
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, answer.reason, headers, body.decode(errors="replace"))

    def get(self, url: str, seconds: float, longest: int | None = LONGEST) -> Answer:
        """Read an address without any credential."""
        return self.send(urllib.request.Request(url), seconds, longest)  # noqa: S310  # http, by every caller


def context(authority: str = "", *, file: str | None = None) -> ssl.SSLContext:
    """Return what checks a server's certificate; `authority` is trusted too, in PEM, and `file` alone.

    From 3.13 on Python demands of a CA what companies' own, and those of some clusters, do not have: a key usage,
    key identifiers. The chain, the name and the dates are checked as ever.
    """
    made = ssl.create_default_context(cafile=file)
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if authority:
        made.load_verify_locations(cadata=authority)
    return made


# --- rate limits ----------------------------------------------------------------------------------


def seconds_to_wait(status: int, message: str, headers: Mapping[str, str]) -> float | None:
    """Return how long a rate limit lasts; None where it is none. `headers` by their names in lower case."""
    if status not in (403, 429):
        return None
    if (after := headers.get("retry-after", "")).isdigit():
        return float(after)
    reset = headers.get("ratelimit-reset", "") if status == 429 else ""  # other answers have these headers, too
    if headers.get("x-ratelimit-remaining") == "0":
        reset = headers.get("x-ratelimit-reset", "")
    if reset.isdigit():
        return max(0.0, float(reset) - time.time()) + 1
    return 60.0 if status == 429 or "rate limit" in message.lower() else None
