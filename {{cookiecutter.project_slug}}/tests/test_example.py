import json
from typing import Any

import pytest
from flask.testing import FlaskClient

URL = "/api/temperatures"


@pytest.mark.parametrize(("unit", "value"), [("fahrenheit", 212), ("kelvin", 373.15)])
def test_a_temperature_is_answered_in_the_unit_asked_for(client: FlaskClient, unit: str, value: float) -> None:
    response = client.post(URL, json={"celsius": 100, "to": unit})

    assert response.status_code == 200
    assert response.json == {"value": value, "unit": unit}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"celsius": "1", "to": "kelvin"}, "celsius"),
        ({"celsius": True, "to": "kelvin"}, "celsius"),
        ({"celsius": float("nan"), "to": "kelvin"}, "celsius"),
        ({"celsius": -300, "to": "kelvin"}, "celsius"),
        ({"celsius": 1, "to": "rankine"}, "to"),
        ({"celsius": 1}, "to"),
        ({"celsius": 1, "to": "kelvin", "colour": "red"}, "colour"),
        ([], "body"),
    ],
)
def test_a_wrong_body_is_refused_with_the_field(client: FlaskClient, given: Any, field: str) -> None:
    response = client.post(URL, json=given)

    assert response.status_code == 422
    assert list(json.loads(response.data)["fields"]) == [field]


@pytest.mark.parametrize("body", [b"{", b"", b"\xff"])
def test_a_body_that_is_no_json_is_refused(client: FlaskClient, body: bytes) -> None:
    assert client.post(URL, data=body, content_type="application/json").status_code == 400


def test_a_body_of_another_type_is_refused(client: FlaskClient) -> None:
    assert client.post(URL, data="celsius=1").status_code == 415


def test_a_body_that_is_too_large_is_refused(client: FlaskClient) -> None:
    assert client.post(URL, json={"celsius": 1, "to": "k" * 2000}).status_code == 413
