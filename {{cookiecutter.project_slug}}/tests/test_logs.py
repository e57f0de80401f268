import json
import logging
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from {{ cookiecutter.__module }}.app import create_app
from {{ cookiecutter.__module }}.settings import Settings


def quiet(settings: Settings) -> Flask:
    """Return the application with the default level of its logs, which go where the test looks for them."""
    return create_app(settings.model_copy(update={"log_level": "INFO"}))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_request_is_one_line_of_json_without_the_query(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet(settings).test_client().get("/version?token=hush")

    (line,) = lines(capsys)
    assert (line["method"], line["path"], line["status"], line["level"]) == ("GET", "/version", 200, "INFO")
    assert line["revision"] == settings.revision
    assert "hush" not in str(line)


def test_the_callers_request_id_is_kept_and_stands_in_every_line(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    app = quiet(settings)

    def talkative() -> str:
        logging.getLogger("mine").info("hello", extra={"fields": {"amount": 3}})
        return ""

    app.add_url_rule("/talkative", view_func=talkative)
    response = app.test_client().get("/talkative", headers={"X-Request-ID": "abc-123"})

    assert response.headers["X-Request-ID"] == "abc-123"
    mine, access = lines(capsys)
    assert (mine["message"], mine["amount"], mine["request_id"]) == ("hello", 3, "abc-123")
    assert access["request_id"] == "abc-123"


@pytest.mark.parametrize("given", ['a" b', "x" * 65, "", "é"])
def test_a_request_id_that_could_spoil_the_log_is_replaced(client: FlaskClient, given: str) -> None:
    response = client.get("/version", headers={"X-Request-ID": given})

    assert len(response.headers["X-Request-ID"]) == 32


def test_probes_are_not_logged_by_default(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    quiet(settings).test_client().get("/livez")

    assert lines(capsys) == []


def test_the_services_own_request_id_is_the_only_one_in_the_answer(app: Flask) -> None:
    app.add_url_rule("/proxy", view_func=lambda: ("", {"x-request-id": "of-another-service"}))

    response = app.test_client().get("/proxy", headers={"X-Request-ID": "abc-123"})

    assert response.headers.getlist("X-Request-ID") == ["abc-123"]


def test_whatever_a_line_is_told_it_is_written(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    create_app(settings)

    logging.getLogger("mine").info("hello", extra={"fields": {"bytes": b"\xff", "object": object(), "é": {1}}})

    (line,) = lines(capsys)
    assert line["object"].startswith("<object object")
    assert (line["bytes"], line["é"]) == ("_w==", [1])
