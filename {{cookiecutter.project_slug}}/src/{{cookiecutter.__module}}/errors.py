"""Errors: every one is answered as JSON, in the form of RFC 9457 (problem details)."""

import json
import logging

from flask import Flask, Response
from werkzeug.exceptions import HTTPException, InternalServerError

log = logging.getLogger(__name__)


def problem(error: HTTPException) -> Response:
    """Return the answer for an HTTP error; an error with `fields` says which were wrong, and how."""
    response = Response(status=error.code, headers=[h for h in error.get_headers() if h[0] != "Content-Type"])
    details = {"status": error.code, "title": error.name, "detail": error.description}
    if fields := getattr(error, "fields", None):
        details["fields"] = fields
    response.data = json.dumps(details, ensure_ascii=False)
    response.content_type = "application/problem+json"
    return response


def answer_in_json(app: Flask) -> None:
    """Answer with problem details, whatever goes wrong."""

    @app.errorhandler(HTTPException)
    def expected(error: HTTPException) -> Response:
        return problem(error)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        # The caller learns nothing about the inside; the log has it all.
        log.error("unhandled exception", exc_info=error)
        return problem(InternalServerError())
