"""Logs: one JSON object a line on standard output, the server's own lines included."""

import logging
import logging.config
from datetime import UTC, datetime
from typing import Any

from flask import has_request_context, request
from pydantic_core import to_json

from .settings import Settings

REQUEST_ID = "HTTP_X_REQUEST_ID"
"""What WSGI calls the header X-Request-ID; access.py sees to it that each request has one."""


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
        if has_request_context() and (request_id := request.environ.get(REQUEST_ID)):
            entry["request_id"] = request_id
        entry |= getattr(record, "fields", {})
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return to_json(entry, fallback=str, bytes_mode="base64").decode()


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
