"""Cut GitHub's published API description down to the operations that the stand-in answers.

    npm pack @octokit/openapi@23.0.2 @octokit/graphql-schema@15.26.1   # and unpack both
    python -m tests.github.description.prune OPENAPI_PACKAGE GRAPHQL_PACKAGE

Kept are schemas of parameters, bodies and answers, without any text, and as plain JSON Schema (OpenAPI 3.0's
`nullable` becomes a type), and how many a page of each list holds, at most and unasked: of that only its text tells.
The GraphQL schema is kept whole, without its descriptions. Both packages are MIT licensed.
"""

import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

from ..wire import ROUTES, Route

HERE = Path(__file__).parent
DOCUMENTS = {"cloud": "api.github.com.json", "server": "ghes-3.17.json"}
TEXT = {"description", "title", "summary", "example", "examples", "externalDocs", "default", "deprecated", "xml"}
NAMED = {"properties", "patternProperties"}  # below these, keys are names and no keywords


def plain(schema: Any, *, named: bool = False) -> Any:
    """Drop text, and turn OpenAPI's dialect into JSON Schema's."""
    if isinstance(schema, list):
        return [plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if named:
        return {name: plain(value) for name, value in schema.items()}
    nullable = schema.get("nullable") is True
    kept = {
        key: plain(value, named=key in NAMED and isinstance(value, dict))
        for key, value in schema.items()
        if key not in TEXT | {"nullable", "discriminator"} and not key.startswith("x-")
    }
    return {"anyOf": [kept, {"type": "null"}]} if nullable else kept


def content(holder: dict[str, Any]) -> dict[str, Any]:
    return {kind: plain(media.get("schema", {})) for kind, media in holder.get("content", {}).items()}


def operation(document: dict[str, Any], route: Route) -> dict[str, Any] | None:
    """Keep of one operation what can be checked; None where this document does not have it."""
    found = document["paths"].get(route.template, {})
    if route.method.lower() not in found:
        return None

    def resolved(node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            _, _, kind, name = node["$ref"].split("/")
            node = document["components"][kind][name]
        return node

    described = found[route.method.lower()]
    body = resolved(described.get("requestBody", {}))
    parameters = list(map(resolved, [*found.get("parameters", []), *described.get("parameters", [])]))
    return {
        "parameters": {f"{each['in']}:{each['name']}": plain(each["schema"]) for each in parameters},
        "page": next((page_of(each) for each in parameters if each["name"] == "per_page"), None),
        "body": content(body).get("application/json"),
        "body required": body.get("required", False),
        "responses": {status: content(resolved(each)) for status, each in described["responses"].items()},
    }


def page_of(parameter: dict[str, Any]) -> dict[str, int]:
    """Read how many a page holds: the most, and where a request does not say."""
    schema, said = parameter["schema"], re.search(r"\(max (\d+)\)", parameter.get("description", ""))
    most = schema.get("maximum") or (int(said[1]) if said else 100)
    return {"most": most, "unasked": schema.get("default", 30)}


def referenced(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(referenced, node.values()))
    return set().union(*map(referenced, node)) if isinstance(node, list) else set()


def prune(document: dict[str, Any]) -> dict[str, Any]:
    operations = {route.name: kept for route in ROUTES if (kept := operation(document, route)) is not None}
    schemas: dict[str, Any] = {}
    wanted = referenced(operations) | {"basic-error", "validation-error", "validation-error-simple"}
    while wanted:
        name = wanted.pop()
        schemas[name] = plain(document["components"]["schemas"][name])
        wanted |= referenced(schemas[name]) - schemas.keys()
    return {
        "version": document["info"]["version"],
        "operations": dict(sorted(operations.items())),
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def write(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode(), mtime=0))  # no time stamp: made again, it is the same file


def main(openapi: Path, schema: Path) -> None:
    for name, source in DOCUMENTS.items():
        document = json.loads((openapi / "generated" / source).read_text())
        pruned = prune(document)
        write(HERE / f"{name}.json.gz", json.dumps(pruned, separators=(",", ":"), sort_keys=True))
        print(f"{name}: {len(pruned['operations'])} operations of {len(ROUTES)} routes")
    text = (schema / "schema.graphql").read_text()
    write(HERE / "schema.graphql.gz", re.sub(r'[ ]*"""(?s:.*?)"""\n', "", text))


if __name__ == "__main__":
    from .. import rest  # noqa: F401  # registers the routes

    main(*map(Path, sys.argv[1:]))
