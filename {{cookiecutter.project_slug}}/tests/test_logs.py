import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from {{ cookiecutter.__module }}.app import create_app
from {{ cookiecutter.__module }}.settings import Settings


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_request_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    create_app(Settings()).test_client().get("/version?token=hush")

    (line,) = lines(capsys)
    assert (line["method"], line["path"], line["status"], line["level"]) == ("GET", "/version", 200, "INFO")
    assert "hush" not in str(line)


def test_the_callers_request_id_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    response = create_app(Settings()).test_client().get("/version", headers={"X-Request-ID": "abc-123"})

    assert response.headers["X-Request-ID"] == "abc-123"
    assert lines(capsys)[0]["request_id"] == "abc-123"


def test_a_request_id_that_could_spoil_the_log_is_replaced(client: FlaskClient) -> None:
    response = client.get("/version", headers={"X-Request-ID": 'a" b'})

    assert len(response.headers["X-Request-ID"]) == 32


def test_probes_are_not_logged_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    create_app(Settings()).test_client().get("/livez")

    assert lines(capsys) == []
