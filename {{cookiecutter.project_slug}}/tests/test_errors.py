import json

import pytest
from flask.testing import FlaskClient

from {{ cookiecutter.__module }}.app import create_app
from {{ cookiecutter.__module }}.settings import Settings


def test_an_unknown_path_is_answered_with_problem_details(client: FlaskClient) -> None:
    response = client.get("/nowhere")

    assert response.status_code == 404
    assert response.content_type == "application/problem+json"
    assert json.loads(response.data)["title"] == "Not Found"


def test_a_wrong_method_names_the_right_ones(client: FlaskClient) -> None:
    response = client.delete("/version")

    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


def test_an_unexpected_error_tells_the_log_and_not_the_caller(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    app = create_app(settings)

    def broken() -> str:
        raise RuntimeError("hush")

    app.add_url_rule("/broken", view_func=broken)
    response = app.test_client().get("/broken", headers={"X-Request-ID": "abc-123"})

    assert response.status_code == 500
    assert response.headers["X-Request-ID"] == "abc-123"
    assert "hush" not in response.text
    assert "RuntimeError: hush" in capsys.readouterr().out
