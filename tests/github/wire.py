"""What goes over the wire: requests, answers, and the table of REST routes."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

Body = Any  # whatever JSON can say


class UnmodelledError(Exception):
    """Say that the stand-in was asked for something it does not model; the test that asked fails."""


class RefusedError(Exception):
    """Carry an answer that GitHub itself would refuse with."""

    def __init__(self, status: int, message: str, errors: list[Body] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Body] = {"message": message, "documentation_url": "https://docs.github.com/rest"}
        if errors is not None:
            self.body["errors"] = errors


@dataclass(frozen=True)
class Request:
    host: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The path as sent, percent-encoding and all, without the query."""
        return self.target.partition("?")[0]

    @property
    def secret(self) -> str | None:
        """The token that was sent, as bearer, `token` or password; None where there was none."""
        sent = next((value for key, value in self.headers.items() if key.lower() == "authorization"), None)
        if sent is None:
            return None
        kind, _, value = sent.partition(" ")
        try:
            return base64.b64decode(value).decode().partition(":")[2] if kind.lower() == "basic" else value
        except (binascii.Error, UnicodeDecodeError):
            return ""

    @property
    def query_string(self) -> str:
        return self.target.partition("?")[2]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.query_string, keep_blank_values=True))


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_response(status: int, body: Body, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        status,
        json.dumps(body).encode(),
        {"Content-Type": "application/json; charset=utf-8", **(headers or {})},
    )


@dataclass(frozen=True)
class Asked:
    """A line of the request log; without headers and bodies, so that no token is in it."""

    method: str
    host: str
    path: str
    status: int


@dataclass(frozen=True)
class Change:
    """A request that changed what is stored: who made it, and what it was."""

    who: str
    what: str  # "PUT /repos/acme/web/actions/secrets/X", "mutation createRepository", "push acme/web main OLD..NEW"


APP = "the App itself"
"""What a route needs that an App asks with a token of its own making (JWT)."""
ANYBODY = "nothing"
"""What a route needs that may be asked without any token."""

# Parameters that may hold slashes, as GitHub reads them
GREEDY = {"ref", "path", "branch", "basehead"}


@dataclass(frozen=True)
class Route:
    """One REST operation: where it is, what it asks of a token, and what answers it."""

    method: str
    template: str
    needs: str  # "permission:level", APP, ANYBODY, or "" where being somebody is enough
    scope: str  # what a classic token needs
    answer: Callable[..., Response]
    pattern: re.Pattern[str]

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"

    def match(self, method: str, path: str) -> dict[str, str] | None:
        found = self.pattern.fullmatch(path) if method == self.method else None
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


class Table:
    """The REST operations that one stand-in answers."""

    def __init__(self, greedy: Iterable[str] = ()) -> None:
        self.routes: list[Route] = []
        self._greedy = frozenset(greedy)

    def route(self, method: str, template: str, needs: str = "", scope: str = "repo") -> Callable[[Any], Any]:
        """Register what answers one REST operation."""

        def register(answer: Callable[..., Response]) -> Callable[..., Response]:
            parts = [
                f"(?P<{part[1:-1]}>{self._fits(part[1:-1])})" if part.startswith("{") else re.escape(part)
                for part in template.split("/")
            ]
            self.routes.append(Route(method, template, needs, scope, answer, re.compile("/".join(parts))))
            return answer

        return register

    def _fits(self, name: str) -> str:
        """Return what a parameter takes; the top of a repository is a path without any name."""
        return {"path": ".*"}.get(name, ".+") if name in self._greedy else "[^/]+"

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Find what answers a path; the template with the fewest parameters wins, of two the longer one."""
        for candidate in sorted(self.routes, key=lambda each: (each.template.count("{"), -len(each.template))):
            parameters = candidate.match(method, path)
            if parameters is not None:
                return candidate, parameters
        raise UnmodelledError(f"no route for {method} {path}")


_TABLE = Table(GREEDY)
ROUTES, route, find_route = _TABLE.routes, _TABLE.route, _TABLE.find
