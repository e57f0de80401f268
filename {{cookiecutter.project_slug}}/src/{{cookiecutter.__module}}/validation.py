"""Validation: a view's annotations say what it takes and gives, for callers (openapi.py) as for Python."""

from collections.abc import Callable
from functools import wraps
from typing import Any, get_type_hints

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest, UnprocessableEntity, UnsupportedMediaType


class InvalidRequest(UnprocessableEntity):
    """The request can be read, but is not what the model asks for."""

    def __init__(self, source: str, error: ValidationError) -> None:
        super().__init__(f"The {source} does not have the form asked for; see fields.")
        self.fields = {".".join(map(str, e["loc"])) or source: e["msg"] for e in error.errors()}


def body(model: type[BaseModel]) -> BaseModel:
    """Return the body as the model, or raise what is wrong with it; "1" is no number, true is none either."""
    if not request.is_json:
        raise UnsupportedMediaType("The body must be JSON (application/json).")
    try:
        return model.model_validate_json(request.get_data(), strict=True)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise BadRequest("The body is no JSON.") from None
        raise InvalidRequest("body", error) from None


def query(model: type[BaseModel]) -> BaseModel:
    """Return the query as the model, or raise what is wrong with it."""
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise InvalidRequest("query", error) from None


SOURCES: dict[str, Callable[[type[BaseModel]], BaseModel]] = {"body": body, "query": query}


def validated(view: Callable[..., Any]) -> Callable[..., ResponseReturnValue]:
    """Give a view its parameters `body` and `query` as the models they are annotated with, and send a model as JSON."""
    hints = get_type_hints(view)
    models: dict[str, type[BaseModel]] = {source: hints[source] for source in SOURCES if source in hints}

    @wraps(view)
    def answer(**parameters: Any) -> ResponseReturnValue:
        for source, model in models.items():
            parameters[source] = SOURCES[source](model)
        answered = view(**parameters)
        if isinstance(answered, BaseModel):
            return Response(answered.model_dump_json(), mimetype="application/json")
        result: ResponseReturnValue = answered
        return result

    return answer
