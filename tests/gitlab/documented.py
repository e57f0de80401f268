"""Check what is asked and answered over REST against GitLab's OpenAPI document, which GitLab generates of its own code.

`openapi.json` is transcribed from it for the operations of the stand-in: their parameters, and the statuses of success;
no descriptions. Its source is doc/api/openapi/openapi_v2.yaml of https://github.com/gitlabhq/gitlabhq at commit
0338625c4996c8b4dde44bd86d1767b654121ee7 (of the tree and the tags, the code that it is generated of: lib/api at
017a6c129d6a9e4ad9fec792cd84f88641d7dbfe); the newest release that it names is 18.9. It lacks GET /user and project
access tokens, and statuses of commits and changes of merge requests are not transcribed: those routes carry what they
take, and name the page of doc/api that has them. The types of parameters in a path are not checked: it says integer of
each that its operation does not declare, a branch's name among them.

GitLab passes over what it does not know; here that is a fault, as is what GitLab knows and the stand-in passes over.
"""

import json
from pathlib import Path
from typing import Any

from tests.github.wire import Request, Response, Route

from .wire import ROUTES, SAYS, Said

OPERATIONS: dict[str, Any] = json.loads((Path(__file__).parent / "openapi.json").read_text())
READS = {"GET", "DELETE"}
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def undocumented() -> list[str]:
    """Name the routes that neither the document nor, by their own account, a page of the documentation has."""
    return [route.name for route in ROUTES if route.name not in OPERATIONS and not SAYS[route.name].page]


def request_faults(route: Route, request: Request, parameters: dict[str, str]) -> list[str]:
    """Say what GitLab's document does not know of a request, and what the stand-in does not model."""
    says = SAYS[route.name]
    known = {**OPERATIONS.get(route.name, {}).get("parameters", {}), **says.takes}
    faults = [
        f"{route.name}: {name}={value!r} is not {_shown(known[name])}"
        for name, value in parameters.items()
        if name in known and value not in known[name].get("enum", [value])
    ]
    reads = route.method in READS
    if request.body and reads and json.loads(request.body):
        return [f"{route.name} takes no body"]
    if request.query and not reads:
        return [f"{route.name} takes a body and no query: {sorted(request.query)}"]
    given: dict[str, Any] = request.query if reads else json.loads(request.body or b"{}")
    return faults + _faults(route, {n: s for n, s in known.items() if s.get("in") != "path"}, says, given)


def _faults(route: Route, known: dict[str, Any], says: Said, given: dict[str, Any]) -> list[str]:
    faults = []
    for name, value in sorted(given.items()):
        if name not in known:
            faults.append(f"{route.name} has no parameter {name}")
        elif name not in says.reads:
            faults.append(f"{route.name}: the stand-in would pass over {name}")
        elif not any(_fits(known[name], each) for each in (_readings(value) if route.method in READS else [value])):
            faults.append(f"{route.name}: {name}={value!r} is not {_shown(known[name])}")
    lacking = [name for name, schema in known.items() if schema.get("required") and given.get(name) in (None, "")]
    return faults + [f"{route.name} needs {name}" for name in lacking]


def answer_faults(route: Route, response: Response) -> list[str]:
    """Say whether GitLab's document knows no such success."""
    known = OPERATIONS.get(route.name, {}).get("success", [response.status])
    wrong = response.status < 300 and response.status not in known
    return [f"{route.name} does not answer {response.status}"] if wrong else []


def _fits(schema: dict[str, Any], value: Any) -> bool:
    kind = schema["type"]
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return False
    if kind == "array":
        return all(_fits(schema["items"], each) for each in value)
    if kind == "object" and "properties" in schema:
        own = schema["properties"]
        return set(schema.get("required", [])) <= value.keys() and all(
            name in own and _fits(own[name], each) for name, each in value.items()
        )
    if kind == "integer" and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return False
    return value in schema.get("enum", [value])


def _readings(value: str) -> list[Any]:
    """Read a parameter of an address as whatever it may be."""
    words = {"true": [True], "false": [False]}.get(value, [])
    return [value, *words, *([int(value)] if value.isdigit() else [])]


def _shown(schema: dict[str, Any]) -> str:
    return "|".join(map(str, schema["enum"])) if "enum" in schema else str(schema["type"])
