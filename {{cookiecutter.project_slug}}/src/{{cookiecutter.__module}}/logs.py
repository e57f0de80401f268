"""Logs: one JSON object a line on standard output, the server's own lines included."""

import json
import logging
import logging.config
import re
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, g, has_app_context, request

from .settings import Settings

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
TO_JSON = json.JSONEncoder(ensure_ascii=False, default=str).encode  # json.dumps would make an encoder for each line
PROBES = {"/livez", "/readyz"}

access = logging.getLogger("access")


class JsonFormatter(logging.Formatter):
    """Write a log record as one line of JSON; `extra={"fields": {…}}` adds fields."""

    def __init__(self, revision: str) -> None:
        super().__init__()
        self.revision = revision

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: what was said, where, by which revision, and for which request."""
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "revision": self.revision,
        }
        if has_app_context() and "request_id" in g:
            entry["request_id"] = g.request_id
        entry |= getattr(record, "fields", {})
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return TO_JSON(entry)


def config(settings: Settings) -> dict[str, Any]:
    """Return the logging configuration, in the form of `logging.config.dictConfig`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter, "revision": settings.revision}},
        "handlers": {"stdout": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
        "root": {"level": settings.log_level, "handlers": ["stdout"]},
        "loggers": {"_granian": {"level": settings.log_level}},
    }


def configure(settings: Settings) -> None:
    """Send the logs of this process to standard output."""
    logging.config.dictConfig(config(settings))


def log_requests(app: Flask) -> None:
    """Log one line for each request, under an id that the caller may give and always gets back."""

    @app.before_request
    def start() -> None:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        g.started = time.perf_counter()

    @app.after_request
    def log(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.request_id
        level = logging.DEBUG if request.path in PROBES and response.status_code < 400 else logging.INFO
        if access.isEnabledFor(level):
            fields = {
                "method": request.method,
                "path": request.path,  # never the query string: people put secrets there
                "status": response.status_code,
                "milliseconds": round((time.perf_counter() - g.started) * 1000, 1),
            }
            access.log(level, "request", extra={"fields": fields})
        return response
