"""OpenAPI by SpecTree: a view's annotations say what it takes, `resp` what it answers.

What is here makes SpecTree 3.0 exact: every error is a problem (RFC 9457) that echoes no input; lists and aliases in a
query; aliases in responses; schemas named by Pydantic, so that two models of one name, or one model sent and taken
with different fields, do not overwrite each other.
"""

import json as jsonlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal

from flask import Flask, Request, Response, current_app
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema
from pydantic_core import to_json
from spectree import SpecTree
from spectree.model_adapter.pydantic_adapter import PydanticModelAdapter
from spectree.page import PAGE_TEMPLATES
from spectree.plugins.base import Context
from spectree.plugins.flask_plugin import FlaskPlugin
from spectree.plugins.werkzeug_utils import flask_response_unpack
from spectree.response import Response as Answers
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, UnprocessableEntity, UnsupportedMediaType

from .errors import Problem

Model = type[BaseModel]
Mode = Literal["validation", "serialization"]
REF = "#/components/schemas/{model}"


class InvalidRequest(UnprocessableEntity):
    """The request is understood, but is not what its model asks for."""

    def __init__(self, error: ValidationError) -> None:
        super().__init__("The request does not have the form asked for; see fields.")
        self.fields = {".".join(map(str, e["loc"])) or "request": e["msg"] for e in error.errors(include_input=False)}


class InvalidResponse(Exception):
    """A view returned what its `resp` does not say."""


class Adapter(PydanticModelAdapter):
    """Models as Pydantic means them."""

    # The same model each time for the same `list[Model]`.
    make_list_model = staticmethod(cache(PydanticModelAdapter().make_list_model))  # type: ignore[assignment]

    def dump_json(self, value: Any) -> bytes:
        return to_json(value, by_alias=True)

    def validation_errors(self, err: ValidationError) -> Any:
        return err.errors(include_url=False, include_context=False, include_input=False)  # it may be a password


class Plugin(FlaskPlugin):
    """Requests as their models take them."""

    def request_validation(
        self, request: Request, query: Model, json: Model, form: Model, headers: Model, cookies: Model
    ) -> None:
        request = request._get_current_object()  # type: ignore[attr-defined]  # its proxy costs at each use
        context = Context(None, None, None, None, None)
        if form or headers or cookies:
            super().request_validation(request, None, None, form, headers, cookies)  # type: ignore[no-untyped-call]
            context = request.context  # type: ignore[attr-defined]
        if query:
            context = context._replace(query=query.model_validate(arguments(query, request.args)))
        if json:
            # Strict, as the document is: "1" is no number, and true is none either.
            if not request.is_json:
                raise UnsupportedMediaType("The body must be JSON (application/json).")
            context = context._replace(json=json.model_validate_json(request.get_data(), strict=True))
        request.context = context  # type: ignore[attr-defined]

    def validate_response(
        self, resp: Any, resp_model: Answers | None, skip_validation: bool, force_resp_serialize: bool
    ) -> tuple[Response, ValidationError | None]:
        """Send a documented model, which was checked when it was made; of a subclass, only what is documented."""
        payload, status, headers = flask_response_unpack(resp)
        model = resp_model.find_model(status) if resp_model else None
        if resp_model and not model and isinstance(payload, BaseModel):
            raise InvalidResponse(f"{type(payload).__name__} with {status}, a status that resp does not have")
        if not (model and isinstance(payload, model)):
            given = resp, resp_model, skip_validation, force_resp_serialize
            return super().validate_response(*given)  # type: ignore[no-any-return]
        body = model.__pydantic_serializer__.to_json(payload, by_alias=True)
        return Response(body, status, headers, mimetype="application/json"), None


def arguments(model: Model, query: MultiDict[str, str]) -> dict[str, Any]:
    """Return a query string in Python's terms: what is a list in the model is one, also of one."""
    lists = names_of_lists(model)
    given = {name: query.getlist(name) for name in query}
    return {name: values if name in lists or len(values) > 1 else values[0] for name, values in given.items()}


@cache
def names_of_lists(model: Model) -> set[str]:
    def is_list(schema: Mapping[str, Any]) -> bool:
        return schema.get("type") == "array" or any(map(is_list, schema.get("anyOf", [])))

    return {name for name, schema in model.model_json_schema()["properties"].items() if is_list(schema)}


def raise_invalid_request(_request: Any, _response: Any, error: Exception | None, *_: Any) -> None:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        if first["type"] == "json_invalid" and not first["loc"]:
            raise BadRequest("The body is not JSON.")
        raise InvalidRequest(error)


def raise_invalid_response(_request: Any, _response: Any, error: Exception | None, _view: Any, adapter: Any) -> None:
    if isinstance(error, ValidationError):
        raise InvalidResponse(adapter.validation_errors(error)) from None


class OpenAPI(SpecTree):
    """The API's document, and the decorator that keeps views to it."""

    def __init__(self, title: str) -> None:
        super().__init__(
            backend=Plugin,
            model_adapter=Adapter(),  # type: ignore[arg-type]
            before=raise_invalid_request,
            after=raise_invalid_response,
            validation_error_model=Problem,
            naming_strategy=placeholder,
            title=title,
        )
        self.kept: dict[str, tuple[Model, Mode]] = {placeholder(Problem): (Problem, "serialization")}

    def init_app(self, app: Flask, *, page: bool) -> None:
        """Serve the document at /openapi.json and, if asked for, a page to try the API at /docs."""
        app.add_url_rule("/openapi.json", "openapi", self.document)
        if page:
            app.add_url_rule("/docs", "openapi_docs", self.page)

    def document(self) -> ResponseReturnValue:
        """Return the OpenAPI document of the current application."""
        if "openapi" not in current_app.extensions:
            current_app.extensions["openapi"] = self._generate_spec()
        return dict(current_app.extensions["openapi"])

    def page(self) -> ResponseReturnValue:
        """Return a page that shows the document; its scripts come from unpkg.com."""
        given = {"spec_url": "/openapi.json", "spec_path": "docs"} | self.config.swagger_oauth2_config()
        return str(PAGE_TEMPLATES["swagger"].format(**given))

    def validate(self, *args: Any, **options: Any) -> Callable[..., Any]:
        """Decorate a view as SpecTree does, which cannot read `flask.typing` at run time."""
        decorate = super().validate(*args, **options)

        def decorator(view: Callable[..., Any]) -> Any:
            view.__annotations__.pop("return", None)
            return decorate(view)

        return decorator

    def _add_model(self, model: Model, mode: Mode = "validation") -> str:
        name = placeholder(model, mode)
        self.kept[name] = (model, mode)
        return name

    def _generate_spec(self) -> dict[str, Any]:
        """Return the document with Pydantic's names of schemas, and problems as every operation's errors."""
        names, schemas = models_json_schema(list(self.kept.values()), ref_template=REF)
        defs = schemas["$defs"]
        refs = {name: names[model, mode]["$ref"] for name, (model, mode) in self.kept.items()}
        self.models = {name: defs[ref.rpartition("/")[2]] for name, ref in refs.items()}
        text = jsonlib.dumps(super()._generate_spec())
        for name, ref in refs.items():
            text = text.replace(f'"{REF.format(model=name)}"', f'"{ref}"')
        document: dict[str, Any] = jsonlib.loads(text)
        document["components"]["schemas"] = defs
        problem = {"schema": {"$ref": refs[placeholder(Problem)]}}
        failure = {"description": "Error", "content": {"application/problem+json": problem}}
        for operation in (operation for path in document["paths"].values() for operation in path.values()):
            described = operation["responses"].items()
            answers = {status: what for status, what in described if problem not in what.get("content", {}).values()}
            operation["responses"] = (answers or {"200": {"description": "OK"}}) | {"default": failure}
        return document


def placeholder(model: Model, mode: Mode = "serialization") -> str:
    """Return what stands for a model until all are known, and with them their names."""
    return f"{mode}-{id(model)}"
