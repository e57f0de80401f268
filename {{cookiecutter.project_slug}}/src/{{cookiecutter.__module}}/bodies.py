"""Limits for request bodies: of size where it is not known beforehand (chunked), and of time.

Werkzeug 3.1 cuts a chunked body off and says nothing; Granian waits for ever (emmett-framework/granian#728).
"""

import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO, RawIOBase
from typing import IO, Any

import flask
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout
from werkzeug.utils import cached_property  # functools' has one lock for all requests before Python 3.12

from .errors import problem

LINGER = 2  # seconds for a client to take its answer before the connection is closed


class Request(flask.Request):
    """A request whose body is read whole, or 413."""

    @cached_property
    def stream(self) -> IO[bytes]:
        """Return the body; one without a Content-Length is read first."""
        limit = self.max_content_length
        if limit is None or self.content_length is not None or "wsgi.input_terminated" not in self.environ:
            return super().stream
        body = self.environ["wsgi.input"].read(limit + 1)
        if len(body) > limit:
            raise RequestEntityTooLarge
        return BytesIO(body)


class Deadlines:
    """Ends the requests whose bodies do not arrive in time."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self.waiting: dict[Any, float] = {}  # whoever takes a request out of it, answers it
        threading.Thread(target=self.watch, name="deadlines", daemon=True).start()

    def watch(self) -> None:
        while True:
            time.sleep(1)
            for protocol, end in self.waiting.copy().items():
                if time.monotonic() > end and self.waiting.pop(protocol, 0):
                    threading.Thread(target=hang_up, args=(protocol,), daemon=True).start()


def hang_up(protocol: Any) -> None:
    """Answer a request whose thread still waits, with a byte less than promised: so Granian closes the connection."""
    response = problem(RequestTimeout())

    def body() -> Iterator[bytes]:
        yield response.data
        time.sleep(LINGER)

    headers = [("Content-Type", response.content_type), ("Content-Length", str(len(response.data) + 1))]
    protocol.response_iter(response.status_code, [*headers, ("Connection", "close")], body())


class Body(RawIOBase):
    """A body with a deadline for the whole of it, counted from the first byte that is asked for.

    It is also what the request is answered through, since an answer that comes too late has to be closed here.
    """

    def __init__(self, body: Any, protocol: Any, deadlines: Deadlines) -> None:
        self.body, self.protocol, self.deadlines, self.late = body, protocol, deadlines, False

    @cached_property
    def end(self) -> float:
        return time.monotonic() + self.deadlines.seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.deadlines.waiting[self.protocol] = self.end
        data = self.body.read(len(buffer))
        if not self.deadlines.waiting.pop(self.protocol, 0):
            self.late = True
            raise RequestTimeout
        buffer[: len(data)] = data
        return len(data)

    def response_bytes(self, *answer: Any) -> None:
        self.protocol.response_bytes(*answer)

    def response_iter(self, status: int, headers: list[tuple[str, str]], chunks: Any) -> None:
        if self.late:
            chunks.close()  # Granian has answered, and would not
        else:
            self.protocol.response_iter(status, headers, chunks)


def limit_time(seconds: int) -> None:
    """Give clients so many seconds to send a body, in this process: one of Granian's workers, before it serves."""
    from granian.server import mp

    deadlines = Deadlines(seconds)
    original: Callable[..., Callable[..., Any]] = mp._wsgi_call_wrap  # type: ignore[attr-defined]

    def wrap(*arguments: Any) -> Callable[..., Any]:
        run = original(*arguments)

        def handle(protocol: Any, environ: dict[str, Any]) -> Any:
            environ["wsgi.input"] = body = Body(environ["wsgi.input"], protocol, deadlines)
            return run(body, environ)

        return handle

    mp._wsgi_call_wrap = wrap  # type: ignore[assignment,attr-defined]
