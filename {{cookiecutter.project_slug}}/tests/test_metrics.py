import socket
import sys

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry, generate_latest

from {{ cookiecutter.__module }} import metrics
from {{ cookiecutter.__module }}.settings import Settings, SettingsError


@pytest.fixture
def registry(app: Flask) -> CollectorRegistry:
    registry: CollectorRegistry = app.extensions[metrics.REGISTRY]
    return registry


def count(registry: CollectorRegistry, **labels: str) -> float | None:
    return registry.get_sample_value("http_request_duration_seconds_count", labels)


def test_requests_are_counted_by_route_and_status(client: FlaskClient, registry: CollectorRegistry) -> None:
    client.get("/version")
    client.get("/version")

    assert count(registry, method="GET", route="/version", status="200") == 2


def test_a_request_is_in_flight_until_its_last_byte(app: Flask, registry: CollectorRegistry) -> None:
    def in_flight() -> float | None:
        return registry.get_sample_value("http_requests_in_flight")

    app.add_url_rule("/stream", view_func=lambda: Response(str(in_flight()) for _ in range(2)))

    with app.test_client().get("/stream") as response:
        assert response.get_data(as_text=True) == "1.01.0"
    assert in_flight() == 0


def test_a_request_that_ends_without_an_answer_is_not_in_flight(app: Flask, registry: CollectorRegistry) -> None:
    app.add_url_rule("/exit", view_func=sys.exit)

    with pytest.raises(SystemExit):
        app.test_client().get("/exit")
    assert registry.get_sample_value("http_requests_in_flight") == 0


def test_what_callers_make_up_is_no_series_of_its_own(client: FlaskClient, registry: CollectorRegistry) -> None:
    client.get("/a")
    client.get("/b")
    client.open("/version", method="BREW")

    assert count(registry, method="GET", route="none", status="404") == 2
    assert count(registry, method="other", route="none", status="405") == 1


def test_the_revision_and_the_process_are_among_the_metrics(settings: Settings, registry: CollectorRegistry) -> None:
    assert registry.get_sample_value("service_info", {"revision": settings.revision}) == 1
    assert b"python_info" in generate_latest(registry)


def test_the_metrics_are_not_on_the_port_of_the_service(client: FlaskClient) -> None:
    assert client.get("/metrics").status_code == 404


def test_a_port_that_is_taken_is_named(app: Flask, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"^METRICS_PORT: cannot listen on {port}: "):
            metrics.serve(app, settings.model_copy(update={"metrics_port": port}))
