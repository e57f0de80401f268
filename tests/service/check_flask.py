"""What a Flask engineer expects of a Flask application."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, abort, current_app, url_for
from flask.testing import FlaskClient
from hello_api.settings import Settings, SettingsError, current_settings
from prometheus_client import REGISTRY
from pydantic import Field
from server import free_ports

Make = Callable[..., Flask]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def flask(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "flask", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_flask_finds_the_application_and_its_commands(environment: dict[str, str]) -> None:
    routes = flask(environment, "routes")

    assert routes.returncode == 0, routes.stderr
    assert "/version" in routes.stdout
    assert flask(environment, "convert", "20").stdout == "293.15\n"


def test_flask_says_in_one_line_which_setting_is_wrong(environment: dict[str, str]) -> None:
    ended = flask(environment | {"PORT": "many"}, "convert", "20")

    assert ended.returncode != 0
    assert ended.stderr.splitlines()[-1].startswith("Error: PORT: ")
    assert "Traceback" not in ended.stderr


def test_flask_run_debug_reads_dotenv_reloads_and_shows_the_page_of_the_api(
    environment: dict[str, str], tmp_path: Path
) -> None:
    port, _ = free_ports()
    package = Path("src/hello_api/version.py")
    original, dotenv = package.read_text(), Path(".env")
    dotenv.write_text("REVISION=from-dotenv\n")

    def get(path: str) -> str:
        deadline = time.monotonic() + 60
        while True:
            try:
                # one that the reloader leaves without an answer is asked again
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=3) as response:
                    return str(response.read().decode())
            except urllib.error.HTTPError as error:
                return str(error.read().decode())
            except (OSError, HTTPException):  # the reloader may end the server in the middle of an answer
                assert time.monotonic() < deadline
                time.sleep(0.1)

    command = [sys.executable, "-m", "flask", "run", "--debug", "--port", str(port)]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log, process_group=0) as process,
    ):
        try:
            assert json.loads(get("/version"))["revision"] == "from-dotenv"
            assert "swagger-ui" in get("/docs")
            package.write_text(original.replace("current_settings().revision", "str(1 / 0)"))
            deadline = time.monotonic() + 60
            while "ZeroDivisionError" not in (page := get("/version")):
                assert time.monotonic() < deadline, page
                time.sleep(0.2)
            assert "Werkzeug Debugger" in page
        finally:
            package.write_text(original)
            dotenv.unlink()
            os.killpg(process.pid, signal.SIGKILL)


def test_the_page_of_the_api_is_off_unless_asked_for(make: Make) -> None:
    assert make().test_client().get("/docs").status_code == 404
    assert "/openapi.json" in make(api_docs=True).test_client().get("/docs").text


def test_testing_raises_what_a_view_raises(app: Flask) -> None:
    def broken() -> str:
        raise RuntimeError("hush")

    app.add_url_rule("/broken", view_func=broken)
    app.testing = True
    with pytest.raises(RuntimeError, match="hush"):
        app.test_client().get("/broken")


def test_an_unexpected_error_is_in_the_log_and_not_in_the_answer(
    capsys: pytest.CaptureFixture[str], app: Flask, client: FlaskClient
) -> None:
    def broken() -> str:
        raise RuntimeError("hush")

    app.add_url_rule("/broken", view_func=broken)
    response = client.get("/broken", headers={"X-Request-ID": "abc-123"})

    assert (response.status_code, response.content_type) == (500, "application/problem+json")
    assert "hush" not in response.text
    error, access = lines(capsys)
    assert "RuntimeError: hush" in error["exception"]
    assert error["request_id"] == access["request_id"] == response.headers["X-Request-ID"] == "abc-123"


def test_an_error_has_the_detail_that_the_view_gives_and_no_words_for_browsers(app: Flask) -> None:
    app.add_url_rule("/orders/1", view_func=lambda: abort(404, "There is no order 1."))
    client = app.test_client()

    assert json.loads(client.get("/orders/1").data)["detail"] == "There is no order 1."
    assert json.loads(client.get("/nowhere").data) == {"status": 404, "title": "Not Found"}


def test_a_wrong_method_names_the_right_ones(client: FlaskClient) -> None:
    response = client.delete("/version")

    assert (response.status_code, response.content_type) == (405, "application/problem+json")
    assert "GET" in response.headers["Allow"]


def test_settings_are_in_the_config_and_typed_in_a_view(app: Flask) -> None:
    with app.app_context():
        assert current_settings().max_content_length == current_app.config["MAX_CONTENT_LENGTH"] == 1000
        assert current_app.config["LOG_LEVEL"] == "INFO"


def test_other_origins_may_call_once_they_are_named(make: Make) -> None:
    origin = {"Origin": "https://app.example.com"}

    assert "Access-Control-Allow-Origin" not in make().test_client().get("/version", headers=origin).headers
    named = make(cors_origins=["https://app.example.com"]).test_client()
    assert named.get("/version", headers=origin).headers["Access-Control-Allow-Origin"] == origin["Origin"]
    other = named.get("/version", headers={"Origin": "https://evil.example.com"})
    assert "Access-Control-Allow-Origin" not in other.headers


@pytest.mark.parametrize(("proxies", "url"), [(0, "http://localhost/"), (1, "https://api.example.com/")])
def test_a_proxys_headers_count_once_it_is_trusted(make: Make, proxies: int, url: str) -> None:
    app = make(trusted_proxies=proxies)
    app.add_url_rule("/url", view_func=lambda: __import__("flask").request.host_url)
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "api.example.com"}

    assert app.test_client().get("/url", headers=headers).text == url


def test_a_path_that_a_client_makes_up_is_no_prefix_of_the_service(make: Make) -> None:
    app = make(trusted_proxies=1)
    app.add_url_rule("/url", view_func=lambda: url_for("version.version"))

    assert app.test_client().get("/url", headers={"X-Forwarded-Prefix": "/evil"}).text == "/version"


def test_flask_run_logs_each_request_once_and_says_where_it_runs(environment: dict[str, str], tmp_path: Path) -> None:
    port, _ = free_ports()
    log = tmp_path / "log"
    command = [sys.executable, "-m", "flask", "run", "--port", str(port)]
    with log.open("w") as output, subprocess.Popen(command, env=os.environ | environment, stdout=output) as process:
        try:
            deadline = time.monotonic() + 60
            while f"http://127.0.0.1:{port}" not in log.read_text():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            for path in ("/version", "/nowhere"):
                with suppress(urllib.error.HTTPError):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20).close()
        finally:
            process.terminate()
    text = log.read_text()
    assert [text.count(path) for path in ("GET /version", "GET /nowhere")] == [1, 1]


def test_a_request_is_one_line_of_json_without_the_query(
    capsys: pytest.CaptureFixture[str], client: FlaskClient
) -> None:
    client.get("/version?token=hush")

    (line,) = lines(capsys)
    assert (line["method"], line["path"], line["status"], line["level"]) == ("GET", "/version", 200, "INFO")
    assert line["revision"] == "c0ffee" * 6 + "c0de"
    assert "hush" not in str(line)


def test_a_line_has_its_extras_and_whatever_they_are(capsys: pytest.CaptureFixture[str], app: Flask) -> None:
    logging.getLogger("mine").info("hello %s", "you", extra={"amount": 3, "object": object(), "bytes": b"\xff"})

    (line,) = lines(capsys)
    assert (line["message"], line["logger"], line["amount"]) == ("hello you", "mine", 3)


def test_logs_can_be_text(capsys: pytest.CaptureFixture[str], make: Make) -> None:
    make(log_format="text").test_client().get("/version")

    assert "INFO    access: GET /version 200" in capsys.readouterr().out


@pytest.mark.parametrize("given", ['a" b', "x" * 65, "", "é"])
def test_a_request_id_that_could_spoil_the_log_is_replaced(client: FlaskClient, given: str) -> None:
    assert len(client.get("/version", headers={"X-Request-ID": given}).headers["X-Request-ID"]) == 32


def test_the_services_own_request_id_is_the_only_one(app: Flask) -> None:
    app.add_url_rule("/proxy", view_func=lambda: ("", {"x-request-id": "of-another-service"}))
    response = app.test_client().get("/proxy", headers={"X-Request-ID": "abc-123"})

    assert response.headers.getlist("X-Request-ID") == ["abc-123"]


def count(**labels: str) -> float:
    return REGISTRY.get_sample_value("http_request_duration_seconds_count", labels) or 0


def test_requests_are_counted_by_route_and_what_callers_make_up_is_no_series(client: FlaskClient) -> None:
    before = count(method="GET", route="/version", status="200")
    client.get("/version")
    client.get("/a")
    client.get("/b")
    client.open("/version", method="BREW")

    assert count(method="GET", route="/version", status="200") == before + 1
    assert count(method="GET", route="none", status="404") >= 2
    assert count(method="other", route="none", status="405") >= 1
    assert REGISTRY.get_sample_value("service_info", {"revision": "c0ffee" * 6 + "c0de"}) == 1


def test_a_request_is_in_flight_until_its_last_byte_or_its_end_without_one(app: Flask) -> None:
    def in_flight() -> float:
        return REGISTRY.get_sample_value("http_requests_in_flight") or 0

    before = in_flight()
    app.add_url_rule("/stream", view_func=lambda: (f"{in_flight() - before} " for _ in range(2)))
    app.add_url_rule("/exit", view_func=sys.exit)
    with app.test_client().get("/stream") as response:
        assert response.get_data(as_text=True) == "1.0 1.0 "
    with pytest.raises(SystemExit):
        app.test_client().get("/exit")
    assert in_flight() == before


def test_metrics_and_probes_are_not_on_the_port_of_the_service(client: FlaskClient) -> None:
    assert [client.get(path).status_code for path in ("/metrics", "/livez", "/readyz")] == [404] * 3


def load(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], **variables: str) -> Settings:
    for name, value in (environment | variables).items():
        monkeypatch.setenv(name, value)
    return Settings.load()


class More(Settings):
    sizes: list[int] = Field(default_factory=list)


@pytest.fixture(params=["variable", "secret"])
def sizes(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], tmp_path: Path
) -> Callable[[str], list[int]]:
    """Return a function that reads a list of numbers from a variable, or from a secret."""
    monkeypatch.setattr("hello_api.settings.SECRETS", tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def load(text: str) -> list[int]:
        if request.param == "variable":
            monkeypatch.setenv("SIZES", text)
        else:
            (tmp_path / "SIZES").write_text(text)
        return More.load().sizes

    return load


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1, 2", [1, 2]), ("[1,2]", [1, 2]), (" [1]\n", [1]), ("1", [1]), ("1,", [1]), ("[]", []), ("", [])],
)
def test_a_list_is_written_with_commas_or_as_json(
    sizes: Callable[[str], list[int]], text: str, numbers: list[int]
) -> None:
    assert sizes(text) == numbers


@pytest.mark.parametrize("text", ["hush", "1,hush", "[1", '["hush"', "{}"])
def test_what_is_no_list_is_named_by_its_variable_and_not_shown(sizes: Callable[[str], list[int]], text: str) -> None:
    with pytest.raises(SettingsError, match=r"^SIZES: Input should be a valid ") as caught:
        sizes(text)
    assert "hush" not in str(caught.value)


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    assert load(monkeypatch, environment, PORT="").port == 8000


def test_levels_and_formats_of_logs_are_taken_in_capitals_or_not(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    settings = load(monkeypatch, environment, LOG_LEVEL="debug", LOG_FORMAT="JSON")
    assert (settings.log_level, settings.log_format) == ("DEBUG", "json")


def test_every_wrong_variable_is_named_and_no_value_is_shown(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, environment, PORT="hush", LOG_LEVEL="LOUD", TRUSTED_PROXIES="hush")

    message = str(caught.value)
    assert [name for name in ("PORT: ", "LOG_LEVEL: ", "TRUSTED_PROXIES: ") if name not in message] == []
    assert "hush" not in message


def test_a_secret_may_be_a_file_and_a_variable_wins(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], tmp_path: Path
) -> None:
    monkeypatch.setattr("hello_api.settings.SECRETS", tmp_path)
    (tmp_path / "PORT").write_text("9000\n")
    (tmp_path / "THREADS").write_text("2")

    settings = load(monkeypatch, environment, THREADS="3")
    assert (settings.port, settings.threads) == (9000, 3)


def test_dotenv_is_not_read_by_tests(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    dotenv = Path(".env")
    dotenv.write_text("PORT=1234\n")
    try:
        assert load(monkeypatch, environment).port == 8000
    finally:
        dotenv.unlink()
