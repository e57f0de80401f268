"""Validation: a view's annotations say what it takes and gives, for callers (openapi.py) as for Python."""

from collections.abc import Callable
from functools import wraps
from typing import Any, get_type_hints

from flask import request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import UnprocessableEntity

SOURCES = ("body", "query")


class InvalidRequest(UnprocessableEntity):
    """The request can be read, but is not what the model asks for."""

    def __init__(self, source: str, error: ValidationError) -> None:
        super().__init__(f"The {source} does not have the form asked for; see fields.")
        self.fields = {".".join(map(str, e["loc"])) or source: e["msg"] for e in error.errors()}


def given(source: str) -> Any:
    """Return that part of the request as it was sent."""
    return request.get_json() if source == "body" else request.args.to_dict()


def validated(view: Callable[..., Any]) -> Callable[..., ResponseReturnValue]:
    """Give a view its parameters `body` and `query` as the models they are annotated with, and send a model as JSON."""
    hints = get_type_hints(view)
    models: dict[str, type[BaseModel]] = {source: hints[source] for source in SOURCES if source in hints}

    @wraps(view)
    def answer(**parameters: Any) -> ResponseReturnValue:
        for source, model in models.items():
            try:
                parameters[source] = model.model_validate(given(source))
            except ValidationError as error:
                raise InvalidRequest(source, error) from None
        answered = view(**parameters)
        result: ResponseReturnValue = answered.model_dump(mode="json") if isinstance(answered, BaseModel) else answered
        return result

    return answer
