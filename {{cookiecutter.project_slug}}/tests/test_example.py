from typing import Any

import pytest
from flask.testing import FlaskClient, FlaskCliRunner

URL = "/api/temperatures"


@pytest.mark.parametrize(("unit", "value"), [("fahrenheit", 212), ("kelvin", 373.15)])
def test_a_temperature_is_converted(client: FlaskClient, unit: str, value: float) -> None:
    response = client.post(URL, json={"celsius": 100, "to": unit})

    assert response.status_code == 200
    assert response.json == {"value": value, "unit": unit}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"celsius": -300, "to": "kelvin"}, "celsius"),
        ({"celsius": 1, "to": "rankine"}, "to"),
        ({"celsius": 1}, "to"),
        ({"celsius": 1, "to": "kelvin", "colour": "red"}, "colour"),
    ],
)
def test_an_invalid_request_names_the_field(client: FlaskClient, given: dict[str, Any], field: str) -> None:
    response = client.post(URL, json=given)

    assert response.status_code == 422
    assert list(response.get_json(force=True)["fields"]) == [field]


def test_the_command_prints_kelvin(runner: FlaskCliRunner) -> None:
    assert runner.invoke(args=["convert", "20"]).output == "293.15\n"


def test_the_api_describes_itself(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").get_json()["paths"]

    assert {"/version", URL} <= set(paths)
