"""Access: each request gets an id that stands in all its log lines, a line of its own, and a place in the metrics.

This is one WSGI middleware: as hooks of Flask, each of which every request passes, the same takes more of the CPU.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, Request
from prometheus_client import Gauge, Histogram
from werkzeug.wsgi import ClosingIterator

from .logs import REQUEST_ID
from .metrics import REGISTRY

VALID_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
PROBES = {"/livez", "/readyz"}
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

log = logging.getLogger("access")


class Access:
    """The application as a server calls it, each request named, logged, counted and timed."""

    def __init__(self, app: Flask) -> None:
        self.answer = app.wsgi_app
        registry = app.extensions[REGISTRY]
        self.in_flight = Gauge("http_requests_in_flight", "Requests being answered", registry=registry)
        self.seconds = Histogram(
            "http_request_duration_seconds", "Time to answer", ["method", "route", "status"], registry=registry
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, under an id that the caller may give and always gets back."""
        started = time.perf_counter()
        given = environ.get(REQUEST_ID, "")
        environ[REQUEST_ID] = request_id = given if VALID_ID.fullmatch(given) else secrets.token_hex(16)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
            # Flask's request, as Werkzeug leaves it there: its proxy is slow where much is asked of it.
            self.note(environ["werkzeug.request"], int(status[:3]), time.perf_counter() - started)
            kept = [header for header in headers if header[0].lower() != "x-request-id"]
            return start_response(status, [*kept, ("X-Request-ID", request_id)], *error)

        self.in_flight.inc()
        try:
            body = self.answer(environ, start)
        except BaseException:
            self.in_flight.dec()
            raise
        return ClosingIterator(body, self.in_flight.dec)  # the server closes it after the last byte

    def note(self, request: Request, status: int, seconds: float) -> None:
        """Measure and log a request."""
        method, path, rule = request.method, request.path, request.url_rule
        # Only names that the application knows: what callers make up must not become a time series.
        labels = (method if method in METHODS else "other", rule.rule if rule else "none", str(status))
        self.seconds.labels(*labels).observe(seconds)
        level = logging.DEBUG if path in PROBES and status < 400 else logging.INFO
        if log.isEnabledFor(level):
            fields = {
                "method": method,
                "path": path,  # never the query string: people put secrets there
                "status": status,
                "milliseconds": round(seconds * 1000, 1),
            }
            # As log.log() does, but for its search for the line of code that called it.
            log.handle(log.makeRecord(log.name, level, __file__, 0, "request", (), None, extra={"fields": fields}))
