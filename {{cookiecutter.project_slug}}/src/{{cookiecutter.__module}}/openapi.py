"""The OpenAPI document, made from the routes and the annotations of their views: it cannot fall behind the code."""

import re
from collections.abc import Iterator
from typing import Any, get_type_hints

from flask import Blueprint, Flask, current_app
from pydantic import BaseModel, PydanticUserError, TypeAdapter
from werkzeug.routing import Rule

from . import NAME
from .errors import Problem

REFERENCE = "#/components/schemas/{model}"
TYPES = {"int": "integer", "float": "number"}

blueprint = Blueprint("openapi", __name__)


@blueprint.get("/openapi.json")
def document() -> dict[str, Any]:
    """Describe this API."""
    return describe(current_app)


def describe(app: Flask) -> dict[str, Any]:
    """Return the document for all routes of an application."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {}
    for rule, method in operations(app):
        path = re.sub(r"<(?:[^:<>]*:)?(\w+)>", r"{\1}", rule.rule)
        paths.setdefault(path, {})[method.lower()] = operation(app, rule, method, schemas)
    schema_of(Problem, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": NAME, "version": "1"},
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def operations(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Yield each route with each of its methods, without those that Flask adds by itself."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method


def operation(app: Flask, rule: Rule, method: str, schemas: dict[str, Any]) -> dict[str, Any]:
    """Describe one method of one route, and put the models it uses among the schemas."""
    view = app.view_functions[rule.endpoint]
    hints = get_type_hints(view)
    problem = {"description": "What is wrong", "content": {"application/problem+json": {"schema": ref(Problem)}}}
    answer = {"application/json": {"schema": schema_of(hints.get("return", Any), schemas)}}
    described: dict[str, Any] = {
        "operationId": f"{rule.endpoint}.{method.lower()}",
        "summary": (view.__doc__ or rule.endpoint).strip().splitlines()[0],
        "parameters": [*path_parameters(rule), *query_parameters(hints.get("query"))],
        "responses": {"200": {"description": "Done", "content": answer}, "4XX": problem, "5XX": problem},
    }
    if "body" in hints:
        content = {"application/json": {"schema": schema_of(hints["body"], schemas)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def path_parameters(rule: Rule) -> Iterator[dict[str, Any]]:
    """Yield what stands between < and > in a route."""
    for kind, name in re.findall(r"<(?:(\w+)[^:<>]*:)?(\w+)>", rule.rule):
        schema: dict[str, Any] = {"type": TYPES.get(kind, "string")}
        if kind == "int":
            schema["minimum"] = 0
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def query_parameters(model: type[BaseModel] | None) -> Iterator[dict[str, Any]]:
    """Yield the fields of the model that stands for the query."""
    schema = model.model_json_schema() if model else {}
    for name, field in schema.get("properties", {}).items():
        yield {"name": name, "in": "query", "required": name in schema.get("required", []), "schema": field}


def schema_of(annotation: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an annotation; models are put among the schemas and referred to."""
    try:
        schema = TypeAdapter(annotation).json_schema(ref_template=REFERENCE)
    except PydanticUserError:  # such as flask.Response: anything can be in there
        return {}
    schemas.update(schema.pop("$defs", {}))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        schemas[annotation.__name__] = schema
        return ref(annotation)
    return schema


def ref(model: type[BaseModel]) -> dict[str, str]:
    """Return the reference to a model."""
    return {"$ref": REFERENCE.format(model=model.__name__)}
