"""Validation of request bodies against pydantic models."""

from typing import TypeVar

from flask import request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import UnprocessableEntity

Model = TypeVar("Model", bound=BaseModel)


class InvalidBody(UnprocessableEntity):
    """The body is JSON, but not what the model asks for."""

    def __init__(self, error: ValidationError) -> None:
        super().__init__("The body does not have the form asked for; see fields.")
        self.fields = {".".join(map(str, e["loc"])) or "body": e["msg"] for e in error.errors()}


def body(model: type[Model]) -> Model:
    """Return the request's JSON body as a model, or raise InvalidBody."""
    try:
        return model.model_validate(request.get_json())
    except ValidationError as error:
        raise InvalidBody(error) from None
