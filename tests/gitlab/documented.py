"""Check what is asked over REST against what GitLab's documentation says that each operation takes.

GitLab's OpenAPI document is in no package of a registry, so each route carries its own part of the documentation
(`takes`, and the page in the docstring of its file). GitLab passes over what it does not know; here that is a fault.
"""

import json
from typing import Any

from tests.github.wire import Request, Route

from .wire import TAKES

PAGES = {"page": "integer", "per_page": "integer"}
TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "boolean": (bool,), "array": (list,)}


def request_faults(route: Route, request: Request, parameters: dict[str, str]) -> list[str]:
    """Say what GitLab's documentation does not know of a request."""
    takes = TAKES[route.name]
    reads = route.method in {"GET", "DELETE"}
    if request.body and reads and json.loads(request.body):
        return [f"{route.name} takes no body"]
    if request.query and not reads:
        return [f"{route.name} takes a body and no query: {sorted(request.query)}"]
    given: dict[str, Any] = request.query if reads else json.loads(request.body or b"{}")
    known = {**takes, **(PAGES if route.method == "GET" else {})}
    faults = [f"{route.name} has no parameter {name}" for name in sorted(given.keys() - known.keys())]
    faults += [
        f"{route.name}: {name}={value!r} is not {known[name]}"
        for name, value in given.items()
        if name in known and not _fits(known[name].removesuffix("!"), _reading(value) if reads else value)
    ]
    lacking = [name for name, kind in takes.items() if kind.endswith("!") and given.get(name) in (None, "")]
    return faults + [f"{route.name} needs {name}" for name in lacking]


def _fits(kind: str, value: Any) -> bool:
    if kind in TYPES:
        return isinstance(value, TYPES[kind]) and not (kind == "integer" and isinstance(value, bool))
    return str(value) in kind.split("|")


def _reading(value: str) -> Any:
    """Read a parameter of an address as what it is."""
    if value in {"true", "false"}:
        return value == "true"
    return int(value) if value.isdigit() else value
