import json
from typing import Any

import pytest
from flask.testing import FlaskClient

URL = "/api/temperatures"


@pytest.mark.parametrize(
    ("given", "celsius", "fahrenheit"),
    [({"value": 100, "unit": "celsius"}, 100, 212), ({"value": 32, "unit": "fahrenheit"}, 0, 32)],
)
def test_a_temperature_is_answered_in_both_units(
    client: FlaskClient, given: dict[str, Any], celsius: float, fahrenheit: float
) -> None:
    response = client.post(URL, json=given)

    assert response.status_code == 200
    assert response.json == {"celsius": celsius, "fahrenheit": fahrenheit}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"value": "warm", "unit": "celsius"}, "value"),
        ({"value": 1, "unit": "rankine"}, "unit"),
        ({"value": 1}, "unit"),
        ({"value": 1, "unit": "celsius", "colour": "red"}, "colour"),
        ({"value": -300, "unit": "celsius"}, "body"),
        ([], "body"),
    ],
)
def test_a_wrong_body_is_refused_with_the_field(client: FlaskClient, given: Any, field: str) -> None:
    response = client.post(URL, json=given)

    assert response.status_code == 422
    assert list(json.loads(response.data)["fields"]) == [field]


def test_a_body_that_is_no_json_is_refused(client: FlaskClient) -> None:
    assert client.post(URL, data="{", content_type="application/json").status_code == 400
    assert client.post(URL, data="value=1").status_code == 415


def test_a_body_that_is_too_large_is_refused(client: FlaskClient) -> None:
    assert client.post(URL, json={"value": 1, "unit": "c" * 2000}).status_code == 413
