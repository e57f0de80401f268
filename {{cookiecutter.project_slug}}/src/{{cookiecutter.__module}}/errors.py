"""Errors as RFC 9457 problem details (application/problem+json)."""

from flask import Flask, Response
from pydantic import BaseModel
from werkzeug.exceptions import HTTPException


class Problem(BaseModel):
    """What went wrong; for an invalid request, which fields were wrong, and how."""

    status: int
    title: str
    detail: str | None = None
    fields: dict[str, str] | None = None


def problem(error: HTTPException) -> Response:
    fields = getattr(error, "fields", None)
    detail = None if error.description == type(error).description else error.description  # Werkzeug's is for browsers
    details = Problem(status=error.code or 500, title=error.name, detail=detail, fields=fields)
    headers = [header for header in error.get_headers() if header[0] != "Content-Type"]
    body = details.model_dump_json(exclude_none=True)
    return Response(body, details.status, headers, content_type="application/problem+json")


def init_app(app: Flask) -> None:
    """Answer every error with problem details; an unexpected one, which Flask logs, shows nothing of the inside."""
    app.register_error_handler(HTTPException, problem)
