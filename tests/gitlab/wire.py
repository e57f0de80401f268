"""What is GitLab's own on the wire: its refusals, its tokens' headers, its routes and what each of them heeds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.github.wire import Body, Request, Response, Table, json_response

_TABLE = Table()
ROUTES = _TABLE.routes
find_route = _TABLE.find


@dataclass(frozen=True)
class Said:
    """What a route says of its parameters: those that it heeds, and what GitLab's OpenAPI document lacks."""

    reads: frozenset[str]
    takes: dict[str, Any]
    """By name, in the words of openapi.json, what only a page of GitLab's documentation has."""
    page: str
    """That page, in doc/api of GitLab."""


SAYS: dict[str, Said] = {}
PAGES = frozenset({"page", "per_page"})
"""What every list heeds that has them."""


class RefusedError(Exception):
    """Carry an answer that GitLab itself would refuse with."""

    def __init__(self, status: int, message: Body, **more: Body) -> None:
        super().__init__(str(message))
        self.status = status
        self.body: dict[str, Body] = more or {"message": message}


NOT_FOUND = {404: "404 Not found"}


def missing(what: str) -> RefusedError:
    """Return what GitLab says of a thing that is not there, or that the token may not see."""
    return RefusedError(404, f"404 {what} Not Found")


def forbidden() -> RefusedError:
    return RefusedError(403, "403 Forbidden")


def route(
    method: str,
    template: str,
    level: int = 0,
    scope: str = "api",
    reads: str = "",
    takes: dict[str, Any] | None = None,
    page: str = "",
) -> Callable[[Any], Any]:
    """Register what answers an operation.

    `level` is the access level in the project that it needs, 0 outside one; `reads` names the parameters that it heeds.
    """
    SAYS[f"{method} {template}"] = Said(PAGES | set(reads.split()), takes or {}, page)
    return _TABLE.route(method, template, str(level), scope)


def secret_of(request: Request) -> str | None:
    """Return the token that was sent, in whichever of GitLab's headers, or as a password."""
    sent = {name.lower(): value for name, value in request.headers.items()}
    return sent.get("private-token") or sent.get("job-token") or request.secret


def answered(status: int, body: Body, **headers: str) -> Response:
    return json_response(status, body, headers)
