"""Errors: every one is answered as JSON, in the form of RFC 9457 (problem details)."""

import logging

from flask import Flask, Response
from pydantic import BaseModel
from werkzeug.exceptions import HTTPException, InternalServerError

log = logging.getLogger(__name__)


class Problem(BaseModel):
    """What went wrong: RFC 9457's members, and for an invalid request which fields were wrong, and how."""

    status: int
    title: str
    detail: str | None = None
    fields: dict[str, str] | None = None


def problem(error: HTTPException) -> Response:
    """Return the answer for an HTTP error."""
    details = Problem(
        status=error.code or 500,
        title=error.name,
        detail=error.description,
        fields=getattr(error, "fields", None),
    )
    headers = [header for header in error.get_headers() if header[0] != "Content-Type"]
    body = details.model_dump_json(exclude_none=True)
    return Response(body, details.status, headers, content_type="application/problem+json")


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
