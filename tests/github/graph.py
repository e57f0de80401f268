"""GraphQL: GitHub's own schema, executed by graphql-core; a field that is not modelled fails the test."""

import gzip
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import graphql

from .graph_objects import Objects
from .model import Token
from .wire import RefusedError, UnmodelledError

if TYPE_CHECKING:
    from .stand_in import GitHub

SCHEMA = Path(__file__).parent / "description" / "schema.graphql.gz"
Value = Any


@cache
def schema() -> graphql.GraphQLSchema:
    text = gzip.decompress(SCHEMA.read_bytes()).decode()
    return graphql.build_ast_schema(graphql.parse(text, no_location=True), assume_valid=True, assume_valid_sdl=True)


def resolve(source: Value, info: graphql.GraphQLResolveInfo[Value], **arguments: Value) -> Value:
    """Look a field up in a dictionary; call what is callable with the field's arguments."""
    where = f"{info.parent_type.name}.{info.field_name}"
    if info.field_name not in (source or {}):
        raise UnmodelledError(f"GraphQL field {where}")
    value = source[info.field_name]
    return value(**arguments) if callable(value) else value


def type_of(value: Value, info: graphql.GraphQLResolveInfo[Value], _: Value) -> str:
    if "__typename" not in value:
        raise UnmodelledError(f"the type of {info.parent_type.name}.{info.field_name}")
    return str(value["__typename"])


def execute(github: "GitHub", token: Token, sent: dict[str, Value]) -> tuple[dict[str, Value], list[str]]:
    """Answer one request; say also which mutations were made."""
    document = graphql.parse(sent["query"])
    if faults := graphql.validate(schema(), document):
        raise UnmodelledError(f"GraphQL that GitHub's schema does not allow: {faults[0]}")
    objects = Objects(github, token)
    result = graphql.execute_sync(
        schema(),
        document,
        root_value=objects.root(),
        variable_values=sent.get("variables"),
        operation_name=sent.get("operationName"),
        field_resolver=resolve,
        type_resolver=type_of,
    )
    errors = [_error(each) for each in result.errors or ()]
    body = {"data": result.data, **({"errors": errors} if errors else {})}
    return body, objects.mutated


def _error(error: graphql.GraphQLError) -> dict[str, Value]:
    original = error.original_error
    if not isinstance(original, RefusedError):
        raise UnmodelledError(f"GraphQL: {error}") from original
    kind = {404: "NOT_FOUND", 403: "FORBIDDEN"}.get(original.status, "UNPROCESSABLE")
    return {"type": kind, "path": error.path, "message": str(original), "locations": []}
