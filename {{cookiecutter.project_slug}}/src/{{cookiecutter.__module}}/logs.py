"""Logs on standard output: JSON lines, or text for people at a terminal."""

import logging
import logging.config
import sys
from typing import Any, TextIO

from flask import has_request_context, request
from pydantic_core import to_json

from .settings import Settings


def dumps(fields: dict[str, Any], **_: Any) -> str:
    """Return JSON, in a fraction of the time that `json` takes, whatever the fields are."""
    return to_json(fields, fallback=str, bytes_mode="base64").decode()


JSON: dict[str, Any] = {
    "()": "pythonjsonlogger.json.JsonFormatter",
    "fmt": ["levelname", "name", "message"],
    "rename_fields": {"levelname": "level", "name": "logger", "exc_info": "exception"},
    "timestamp": "time",
    "json_serializer": dumps,
}
TEXT: dict[str, Any] = {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s", "datefmt": "%H:%M:%S"}


class StandardOutput(logging.StreamHandler[TextIO]):
    """Write to what is standard output at that time: tests replace it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stdout


def filter_record(record: logging.LogRecord) -> bool:
    """Add the request's id; drop the line of `flask run` for each request: access.py has one."""
    if not hasattr(record, "request_id") and has_request_context():
        record.request_id = request.environ.get("HTTP_X_REQUEST_ID")
    return record.name != "werkzeug" or '"%s" %s %s' not in str(record.msg)


def config(settings: Settings) -> dict[str, Any]:
    """Return the logging configuration, in the form of `logging.config.dictConfig`."""
    text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stdout.isatty())
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": TEXT if text else JSON | {"static_fields": {"revision": settings.revision}}},
        "handlers": {"stdout": {"()": StandardOutput, "formatter": "lines", "filters": [filter_record]}},
        "root": {"level": settings.log_level, "handlers": ["stdout"]},
        "loggers": {
            "_granian": {"level": settings.log_level},
{%- if cookiecutter.__database %}
            "alembic.runtime.plugins": {"level": "WARNING"},
{%- endif %}
        },
    }


def configure(settings: Settings) -> None:
    logging.config.dictConfig(config(settings))
