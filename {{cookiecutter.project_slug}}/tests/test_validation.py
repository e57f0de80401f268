import json

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from pydantic import BaseModel, Field

from {{ cookiecutter.__module }}.openapi import describe
from {{ cookiecutter.__module }}.validation import validated


class Page(BaseModel):
    number: int = Field(default=1, ge=1)
    size: int


class Found(BaseModel):
    pages: list[Page]


def search(key: int, query: Page) -> Found:
    """Search.

    Only the first line is the summary.
    """
    return Found(pages=[query] * key)


def plain(name: str) -> Response:
    return Response(name)


@pytest.fixture
def searching(app: Flask) -> FlaskClient:
    app.add_url_rule("/search/<int:key>", view_func=validated(search))
    app.add_url_rule("/plain/<name>", view_func=validated(plain))
    return app.test_client()


def test_a_query_arrives_as_its_model(searching: FlaskClient) -> None:
    assert searching.get("/search/1?size=5").get_json() == {"pages": [{"number": 1, "size": 5}]}


def test_a_wrong_query_is_refused_with_the_fields(searching: FlaskClient) -> None:
    response = searching.get("/search/1?number=0")

    assert response.status_code == 422
    assert set(json.loads(response.data)["fields"]) == {"number", "size"}


def test_what_is_no_model_is_answered_as_it_is(searching: FlaskClient) -> None:
    assert searching.get("/plain/abc").text == "abc"


def test_what_a_view_takes_and_gives_is_in_the_document(app: Flask, searching: FlaskClient) -> None:
    document = describe(app)
    described = document["paths"]["/search/{key}"]["get"]

    assert described["summary"] == "Search."
    assert [(p["name"], p["in"], p["required"]) for p in described["parameters"]] == [
        ("key", "path", True),
        ("number", "query", False),
        ("size", "query", True),
    ]
    answer = described["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/Found"}
    assert document["components"]["schemas"]["Found"]["properties"]["pages"]["items"] == {
        "$ref": "#/components/schemas/Page"
    }
    assert document["paths"]["/plain/{name}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"] == {}
    assert searching.get("/openapi.json").get_json() == document
