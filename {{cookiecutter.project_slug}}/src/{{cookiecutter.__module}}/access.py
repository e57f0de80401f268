"""Request ids, the access log and request metrics, as one WSGI middleware: Flask's hooks cost more CPU per request."""

import logging
import re
import secrets
import time
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Request
from prometheus_client import Gauge, Histogram
from werkzeug.wsgi import ClosingIterator

from .settings import Settings

INFO = Gauge("service_info", "The source commit that runs", ["revision"])
IN_FLIGHT = Gauge("http_requests_in_flight", "Requests being handled")
SECONDS = Histogram("http_request_duration_seconds", "Time to the response", ["method", "route", "status"])
VALID_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

log = logging.getLogger("access")


class Access:
    """Middleware that names (X-Request-ID), logs, counts and times each request."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        started = time.perf_counter()
        given = environ.get("HTTP_X_REQUEST_ID", "")
        environ["HTTP_X_REQUEST_ID"] = request_id = given if VALID_ID.fullmatch(given) else secrets.token_hex(16)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            record_request(environ["werkzeug.request"], request_id, int(status[:3]), time.perf_counter() - started)
            kept = [header for header in headers if header[0].lower() != "x-request-id"]
            return start_response(status, [*kept, ("X-Request-ID", request_id)], *error)

        IN_FLIGHT.inc()
        try:
            body = self.app(environ, start)
        except BaseException:
            IN_FLIGHT.dec()
            raise
        return ClosingIterator(body, IN_FLIGHT.dec)  # closed after the last byte


def record_request(request: Request, request_id: str, status: int, seconds: float) -> None:
    method, rule = request.method, request.url_rule
    # Only what the application knows: names that callers make up must not become time series.
    labels = (method if method in METHODS else "other", rule.rule if rule else "none", str(status))
    SECONDS.labels(*labels).observe(seconds)
    if log.isEnabledFor(logging.INFO):  # as log.info() does, but for its search for the line that called it
        values = (method, request.path, status, round(seconds * 1000, 1))  # no query: people put secrets there
        record = log.makeRecord(log.name, logging.INFO, "", 0, "%s %s %d %s ms", values, None)
        names = ("method", "path", "status", "milliseconds", "request_id")
        record.__dict__.update(zip(names, (*values, request_id), strict=True))
        log.handle(record)


def init_app(app: Flask, settings: Settings) -> None:
    INFO.labels(settings.revision).set(1)
    app.wsgi_app = Access(app.wsgi_app)  # type: ignore[method-assign]
