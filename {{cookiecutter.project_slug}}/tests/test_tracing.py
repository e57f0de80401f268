import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from {{ cookiecutter.__module }} import tracing
from {{ cookiecutter.__module }}.app import create_app
from {{ cookiecutter.__module }}.settings import Settings, SettingsError

from tests.server import running


class Collector(HTTPServer):
    """What an OpenTelemetry collector does, as far as a service sees it."""

    received: list[tuple[str, bytes]]


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector(("127.0.0.1", 0), Handler) as server:
        server.received = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_request_is_a_span_that_arrives_before_the_server_ends(
    environment: dict[str, str], collector: Collector
) -> None:
    endpoint = f"http://127.0.0.1:{collector.server_port}"
    with running(environment | {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "REVISION": "f00d"}) as server:
        server.get("/version")
        server.terminate()
        server.log()

    assert server.process.returncode == 0
    assert {path for path, _ in collector.received} == {"/v1/traces"}
    spans = b"".join(body for _, body in collector.received)
    assert b"GET /version" in spans
    assert b"f00d" in spans
    assert b"/readyz" not in spans


def test_nothing_of_opentelemetry_is_needed_without_an_endpoint(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "find_spec", lambda _: None)

    assert create_app(settings).test_client().get("/version").status_code == 200


def test_an_endpoint_without_opentelemetry_is_a_wrong_setting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "find_spec", lambda _: None)

    with pytest.raises(SettingsError, match=r"^OTEL_EXPORTER_OTLP_ENDPOINT: .*--extra otel"):
        create_app(settings.model_copy(update={"otel_exporter_otlp_endpoint": "http://collector:4318"}))
