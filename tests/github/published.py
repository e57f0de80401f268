"""Check what is asked and answered over REST against GitHub's published description."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from .exceptions import ACCEPTED_ANSWERS, ACCEPTED_REQUESTS
from .wire import Request, Response, Route

DESCRIPTION = Path(__file__).parent / "description"
BODILESS = {"GET", "HEAD", "DELETE"}


class Description:
    """One published document: github.com's, or that of one GitHub Enterprise Server version."""

    def __init__(self, name: str) -> None:
        self._document = json.loads(gzip.decompress((DESCRIPTION / f"{name}.json.gz").read_bytes()))
        self._validators: dict[str, Any] = {}
        self.operations: dict[str, Any] = self._document["operations"]

    def page(self, route: Route) -> dict[str, int]:
        """Return how many a page of a list holds: the most, and where a request does not say."""
        page: dict[str, int] | None = self.operations[route.name]["page"]
        return page or {"most": 100, "unasked": 30}

    @property
    def root_urls(self) -> list[str]:
        """Name the addresses that `GET /` gives."""
        schema = self._document["components"]["schemas"]["root"]
        return list(schema["required"])

    def request_faults(self, route: Route, request: Request, parameters: dict[str, str]) -> list[str]:
        """Say what GitHub's description does not allow in a request."""
        operation = self.operations.get(route.name)
        if operation is None:
            return [f"{route.name} is not in the published description"]
        faults = []
        given = {f"path:{name}": value for name, value in parameters.items()}
        given |= {f"query:{name}": value for name, value in request.query.items()}
        for name, value in given.items():
            schema = operation["parameters"].get(name)
            if schema is None:
                if (route.name, name) not in ACCEPTED_REQUESTS:
                    faults.append(f"{route.name} has no parameter {name}")
            elif not any(self._valid(schema, each) for each in _readings(value)):
                faults.append(f"{route.name}: {name}={value!r} is not {schema}")
        if request.body and route.method not in BODILESS:
            if operation["body"] is None:
                faults.append(f"{route.name} takes no body")
            else:
                found = self._faults(operation["body"], json.loads(request.body))
                faults += [f"{route.name}: request {each}" for each in found if not _accepted(route, each)]
        elif operation["body required"] and route.method not in BODILESS:
            faults.append(f"{route.name} needs a body")
        return faults

    def response_faults(self, route: Route, response: Response) -> list[str]:
        """Say what GitHub's description does not allow in an answer."""
        status = str(response.status)
        documented = self.operations[route.name]["responses"].get(status)
        if documented is None:
            if ("*", status) in ACCEPTED_ANSWERS or (route.name, status) in ACCEPTED_ANSWERS:
                documented = {"application/json": {"$ref": "#/components/schemas/basic-error"}}
            else:
                return [f"{route.name} does not answer {status}"]
        if "application/json" not in documented:
            return [f"{route.name} answers {status} without a body"] if response.body else []
        found = self._faults(documented["application/json"], json.loads(response.body))
        return [f"{route.name}: answer {status} {each}" for each in found]

    def _valid(self, schema: Any, value: Any) -> bool:
        return not self._faults(schema, value)

    def _faults(self, schema: Any, value: Any) -> list[str]:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            self._validators[key] = jsonschema_rs.Draft7Validator(
                {"allOf": [schema], "components": self._document["components"]}
            )
        return [
            f"{'/'.join(map(str, error.instance_path)) or 'body'}: {error.message[:300]}"
            for error in self._validators[key].iter_errors(value)
        ]


def _accepted(route: Route, fault: str) -> bool:
    return any(name == route.name and fault.startswith(start) for name, start in ACCEPTED_REQUESTS)


def _readings(value: str) -> list[Any]:
    """Read a parameter as all that it can be: a text, a number, a truth value."""
    readings: list[Any] = [value]
    if value.isdigit():
        readings.append(int(value))
    if value in {"true", "false"}:
        readings.append(value == "true")
    return readings


@cache
def description(name: str) -> Description:
    return Description(name)
