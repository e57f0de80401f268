"""What is GitLab's own on the wire: its refusals, its tokens' headers, its routes and what each of them takes."""

from collections.abc import Callable
from typing import Any

from tests.github.wire import Body, Request, Response, Table, json_response

_TABLE = Table()
ROUTES = _TABLE.routes
find_route = _TABLE.find
TAKES: dict[str, dict[str, str]] = {}
"""What GitLab's documentation says that an operation takes: `string`, `integer`, `boolean`, `array`, or the words that
it may be, `private|public`; `!` at the end where it must be there."""


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
    method: str, template: str, level: int = 0, scope: str = "api", takes: dict[str, str] | None = None
) -> Callable[[Any], Any]:
    """Register what answers an operation; `level` is the access level in the project that it needs, 0 outside one."""
    TAKES[f"{method} {template}"] = takes or {}
    return _TABLE.route(method, template, str(level), scope)


def secret_of(request: Request) -> str | None:
    """Return the token that was sent, in whichever of GitLab's headers, or as a password."""
    sent = {name.lower(): value for name, value in request.headers.items()}
    return sent.get("private-token") or sent.get("job-token") or request.secret


def answered(status: int, body: Body, **headers: str) -> Response:
    return json_response(status, body, headers)
