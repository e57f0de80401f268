"""Ordinary models in strictly typed views: what is answered is what the document says."""

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar

import pytest
from flask import Blueprint, Flask, Response
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from hello_api.extensions import Response as Answers
from hello_api.extensions import openapi
from hello_api.openapi import InvalidResponse
from pydantic import BaseModel, ConfigDict, Field, Json, RootModel, SecretStr, computed_field, model_validator
from pydantic.alias_generators import to_camel

T = TypeVar("T")


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Item(BaseModel):
    id: int
    note: str | None = None


class Numbers(RootModel[list[int]]):
    pass


class Page(BaseModel, Generic[T]):
    items: list[T]
    next: str | None = None


class Search(BaseModel):
    tags: list[str] = []
    sizes: list[int] | None = None
    colour: Colour | None = None
    limit: int | None = None
    order: Literal["up", "down"] = "up"


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    first_name: str
    tag_names: list[str] = []


class Square(BaseModel):
    side: int = 2

    @computed_field
    def area(self) -> int:
        return self.side**2


class Account(BaseModel):
    name: str


class StoredAccount(Account):
    password: str


class Login(BaseModel):
    password: SecretStr = Field(min_length=50)
    pin: int


class Fussy(BaseModel):
    first: int
    last: int

    @model_validator(mode="after")
    def in_order(self) -> "Fussy":
        if self.first > self.last:
            raise ValueError("first must not be after last")
        return self


class Packed(BaseModel):
    options: Json[list[int]]


class Thing(BaseModel):
    name: str


class Elsewhere:
    class Thing(BaseModel):
        weight: float


class Missing(BaseModel):
    why: str


bp = Blueprint("cases", __name__, url_prefix="/cases")


@bp.get("/list")
@openapi.validate(resp=Answers(HTTP_200=list[Item]))
def a_list() -> list[Item]:
    return [Item(id=1)]


@bp.get("/other-list")
@openapi.validate(resp=Answers(HTTP_200=list[Item]))
def another_list() -> list[Item]:
    return []


@bp.post("/items")
@openapi.validate(resp=Answers(HTTP_201=Item, HTTP_404=Missing))
def several_statuses(json: Item) -> tuple[Item | Missing, int]:
    return (json, 201) if json.id else (Missing(why="zero"), 404)


@bp.post("/headers")
@openapi.validate(resp=Answers(HTTP_201=Item))
def with_headers(json: Item) -> tuple[Item, int, dict[str, str]]:
    return json, 201, {"Location": "/cases/items/1"}


@bp.delete("/items")
@openapi.validate(resp=Answers("HTTP_204"))
def no_content() -> ResponseReturnValue:
    return "", 204


@bp.post("/numbers")
@openapi.validate(resp=Answers(HTTP_200=Numbers))
def a_body_that_is_a_list(json: Numbers) -> Numbers:
    return json


@bp.get("/search")
@openapi.validate(resp=Answers(HTTP_200=Search))
def search(query: Search) -> Search:
    return query


@bp.get("/camel")
@openapi.validate(resp=Answers(HTTP_200=Camel))
def camel_query(query: Camel) -> Camel:
    return query


@bp.post("/camel")
@openapi.validate(resp=Answers(HTTP_200=Camel))
def camel_body(json: Camel) -> Camel:
    return json


@bp.get("/page")
@openapi.validate(resp=Answers(HTTP_200=Page[Item]))
def a_page() -> Page[Item]:
    return Page[Item](items=[Item(id=1)])


@bp.post("/square")
@openapi.validate(resp=Answers(HTTP_200=Square))
def square(json: Square) -> Square:
    return json


@bp.post("/square-again")
@openapi.validate(resp=Answers("HTTP_204"))
def square_again(json: Square) -> ResponseReturnValue:
    return "", 204


@bp.get("/thing")
@openapi.validate(resp=Answers(HTTP_200=Thing))
def one_thing() -> Thing:
    return Thing(name="x")


@bp.get("/other-thing")
@openapi.validate(resp=Answers(HTTP_200=Elsewhere.Thing))
def other_thing() -> Elsewhere.Thing:
    return Elsewhere.Thing(weight=1)


@bp.get("/account")
@openapi.validate(resp=Answers(HTTP_200=Account))
def account() -> Account:
    return StoredAccount(name="ann", password="hush")


@bp.get("/accounts")
@openapi.validate(resp=Answers(HTTP_200=list[Account]))
def accounts() -> list[Account]:
    return [StoredAccount(name="ann", password="hush")]


@bp.post("/login")
@openapi.validate(resp=Answers("HTTP_204"))
def login(json: Login) -> ResponseReturnValue:
    return "", 204


@bp.post("/fussy")
@openapi.validate(resp=Answers(HTTP_200=Fussy))
def fussy(json: Fussy) -> Fussy:
    return json


@bp.post("/json-field")
@openapi.validate(resp=Answers(HTTP_200=Packed))
def json_field(json: Packed) -> Packed:
    return json


@bp.get("/wrong")
@openapi.validate(resp=Answers(HTTP_200=Item))
def wrong() -> ResponseReturnValue:
    return {"id": "hush"}


@bp.get("/undocumented")
@openapi.validate(resp=Answers(HTTP_200=Item))
def undocumented() -> tuple[Missing, int]:
    return Missing(why="x"), 404


@bp.get("/flask-types/<int:number>")
def undecorated(number: int) -> ResponseReturnValue:
    return {"number": number}


@bp.get("/response")
def undecorated_response() -> Response:
    return Response("plain", content_type="text/plain")


@pytest.fixture
def app(make: Callable[..., Flask]) -> Flask:
    app = make()
    app.register_blueprint(bp)
    return app


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/openapi.json").get_json()
    return document


Schema = Callable[..., dict[str, Any]]


@pytest.fixture
def answer(document: dict[str, Any]) -> Schema:
    """Return a function for the schema of an answer, references resolved."""

    def answer(path: str, method: str = "get", status: str = "200") -> dict[str, Any]:
        content = document["paths"][f"/cases/{path}"][method]["responses"][status]["content"]
        return resolved(document, content["application/json"]["schema"])

    return answer


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def body(document: dict[str, Any], path: str) -> dict[str, Any]:
    content = document["paths"][f"/cases/{path}"]["post"]["requestBody"]["content"]
    return resolved(document, content["application/json"]["schema"])


def test_a_view_returns_a_list_of_models(client: FlaskClient, document: dict[str, Any], answer: Schema) -> None:
    assert client.get("/cases/list").get_json() == [{"id": 1, "note": None}]
    assert client.get("/cases/other-list").get_json() == []
    schema = answer("list")
    assert schema["type"] == "array"
    assert "id" in resolved(document, schema["items"])["properties"]


def test_a_view_has_several_statuses_each_with_its_model(client: FlaskClient, answer: Schema) -> None:
    assert client.post("/cases/items", json={"id": 1}).status_code == 201
    missing = client.post("/cases/items", json={"id": 0})
    assert (missing.status_code, missing.get_json()) == (404, {"why": "zero"})
    assert "id" in answer("items", "post", "201")["properties"]
    assert "why" in answer("items", "post", "404")["properties"]


def test_a_view_returns_model_status_and_headers(client: FlaskClient) -> None:
    response = client.post("/cases/headers", json={"id": 1})

    assert (response.status_code, response.headers["Location"]) == (201, "/cases/items/1")


def test_no_content_has_no_content(client: FlaskClient, document: dict[str, Any]) -> None:
    response = client.delete("/cases/items")

    assert (response.status_code, response.data) == (204, b"")
    assert "content" not in document["paths"]["/cases/items"]["delete"]["responses"]["204"]


@pytest.mark.parametrize("note", [None, "x"])
def test_a_field_may_be_none(client: FlaskClient, note: str | None) -> None:
    assert client.post("/cases/items", json={"id": 1, "note": note}).get_json() == {"id": 1, "note": note}


@pytest.mark.parametrize("numbers", [[], [1, 2]])
def test_a_body_may_be_a_list_and_empty(client: FlaskClient, numbers: list[int]) -> None:
    assert client.post("/cases/numbers", json=numbers).get_json() == numbers


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ("tags=a&tags=b", "tags", ["a", "b"]),
        ("tags=a", "tags", ["a"]),
        ("", "tags", []),
        ("sizes=1&sizes=2", "sizes", [1, 2]),
        ("sizes=1", "sizes", [1]),
        ("", "sizes", None),
        ("colour=red", "colour", "red"),
        ("", "colour", None),
        ("limit=3", "limit", 3),
        ("order=down", "order", "down"),
    ],
)
def test_a_query_has_lists_and_optional_values(client: FlaskClient, query: str, field: str, value: Any) -> None:
    assert client.get(f"/cases/search?{query}").get_json()[field] == value


@pytest.mark.parametrize("query", ["colour=mauve", "limit=1&limit=2", "limit=x", "sizes=x"])
def test_a_wrong_query_is_422(client: FlaskClient, query: str) -> None:
    assert client.get(f"/cases/search?{query}").status_code == 422


@pytest.mark.parametrize(("query", "names"), [("tagNames=a&tagNames=b", ["a", "b"]), ("tagNames=a", ["a"]), ("", [])])
def test_aliases_hold_in_a_query(client: FlaskClient, query: str, names: list[str]) -> None:
    assert client.get(f"/cases/camel?firstName=x&{query}").get_json() == {"firstName": "x", "tagNames": names}


def test_aliases_hold_in_bodies_answers_and_the_document(
    client: FlaskClient, document: dict[str, Any], answer: Schema
) -> None:
    both = {"firstName": "x", "tagNames": ["y"]}

    assert client.post("/cases/camel", json=both).get_json() == both
    assert body(document, "camel")["properties"].keys() == answer("camel", "post")["properties"].keys() == both.keys()
    assert {each["name"] for each in document["paths"]["/cases/camel"]["get"]["parameters"]} == both.keys()


def test_a_generic_model_is_one_of_its_items(client: FlaskClient, document: dict[str, Any], answer: Schema) -> None:
    assert client.get("/cases/page").get_json() == {"items": [{"id": 1, "note": None}], "next": None}
    assert "id" in resolved(document, answer("page")["properties"]["items"]["items"])["properties"]


def test_a_computed_field_is_sent_and_not_asked_for(
    client: FlaskClient, document: dict[str, Any], answer: Schema
) -> None:
    assert client.post("/cases/square", json={"side": 3}).get_json() == {"side": 3, "area": 9}
    assert client.post("/cases/square-again", json={}).status_code == 204
    assert answer("square", "post")["properties"]["area"]["type"] == "integer"
    for path in ("square", "square-again"):
        assert body(document, path)["properties"].keys() == {"side"}


def test_two_models_of_one_name_are_two(client: FlaskClient, answer: Schema) -> None:
    assert client.get("/cases/thing").get_json() == {"name": "x"}
    assert client.get("/cases/other-thing").get_json() == {"weight": 1}
    assert "name" in answer("thing")["properties"]
    assert "weight" in answer("other-thing")["properties"]


def test_undecorated_views_work_and_are_in_the_document(client: FlaskClient, document: dict[str, Any]) -> None:
    assert client.get("/cases/flask-types/3").get_json() == {"number": 3}
    assert client.get("/cases/response").text == "plain"
    assert set(document["paths"]["/cases/response"]["get"]["responses"]) == {"200", "default"}
    (number,) = document["paths"]["/cases/flask-types/{number}"]["get"]["parameters"]
    assert (number["name"], number["in"], number["schema"]["type"]) == ("number", "path", "integer")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"data": b"{", "content_type": "application/json"}, 400),
        ({"data": b"", "content_type": "application/json"}, 400),
        ({"data": b"\xff", "content_type": "application/json"}, 400),
        ({"data": "id=1"}, 415),
        ({"data": b"id=1", "content_type": "application/x-www-form-urlencoded"}, 415),
        ({"json": []}, 422),
        ({"data": b"null", "content_type": "application/json"}, 422),
        ({"json": {"id": "1"}}, 422),
        ({"json": {"id": True}}, 422),
        ({"json": {"id": 1, "note": "x" * 2000}}, 413),
    ],
)
def test_a_body_that_cannot_be_used_has_its_status(client: FlaskClient, sent: dict[str, Any], status: int) -> None:
    response = client.post("/cases/items", **sent)

    assert (response.status_code, response.content_type) == (status, "application/problem+json")
    problem = json.loads(response.data)
    assert problem["status"] == status
    assert problem["title"]


def test_an_error_names_the_fields_and_echoes_no_input(client: FlaskClient) -> None:
    response = client.post("/cases/login", json={"password": "hush", "pin": "hush"})

    assert response.status_code == 422
    assert set(json.loads(response.data)["fields"]) == {"password", "pin"}
    assert "hush" not in response.text


def test_a_field_that_holds_wrong_json_is_422_and_not_400(client: FlaskClient) -> None:
    assert client.post("/cases/json-field", json={"options": "[1]"}).get_json() == {"options": [1]}
    assert client.post("/cases/json-field", json={"options": "["}).status_code == 422


def test_a_model_validator_that_raises_is_422_with_its_words(client: FlaskClient) -> None:
    response = client.post("/cases/fussy", json={"first": 2, "last": 1})

    assert response.status_code == 422
    assert "first must not be after last" in json.loads(response.data)["fields"]["request"]


def test_of_a_subclass_of_the_documented_model_only_the_documented_fields_are_sent(client: FlaskClient) -> None:
    assert client.get("/cases/account").get_json() == {"name": "ann"}
    assert client.get("/cases/accounts").get_json() == [{"name": "ann"}]


def test_an_answer_that_is_not_as_documented_is_500_and_not_sent(
    capsys: pytest.CaptureFixture[str], client: FlaskClient
) -> None:
    response = client.get("/cases/wrong")

    assert response.status_code == 500
    assert "hush" not in response.text
    logged = capsys.readouterr().out
    assert "InvalidResponse" in logged
    assert "hush" not in logged


def test_in_tests_an_answer_that_is_not_as_documented_is_an_exception(app: Flask, client: FlaskClient) -> None:
    app.testing = True
    with pytest.raises(InvalidResponse, match="id"):
        client.get("/cases/wrong")


def test_in_tests_a_model_with_a_status_that_is_not_documented_is_an_exception_that_says_so(
    app: Flask, client: FlaskClient
) -> None:
    app.testing = True
    with pytest.raises(InvalidResponse, match="Missing with 404"):
        client.get("/cases/undocumented")


def test_every_reference_leads_somewhere_and_every_name_is_allowed(document: dict[str, Any]) -> None:
    names = document["components"]["schemas"]
    text = json.dumps(document)

    assert all(f'"#/components/schemas/{part}"' for part in names)
    for part in text.split('"$ref": "')[1:]:
        assert part.partition('"')[0].removeprefix("#/components/schemas/") in names
    for name in names:
        assert name.replace("_", "").replace(".", "").replace("-", "").isalnum()


def test_every_operation_has_an_id_of_its_own_and_says_how_it_fails(document: dict[str, Any]) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]

    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        (failure,) = operation["responses"]["default"]["content"]
        assert failure == "application/problem+json"


def test_the_document_is_each_applications_own(make: Callable[..., Flask], document: dict[str, Any]) -> None:
    assert not [path for path in make().test_client().get("/openapi.json").get_json()["paths"] if "cases" in path]
