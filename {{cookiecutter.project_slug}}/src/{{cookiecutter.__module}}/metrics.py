"""Metrics for Prometheus: requests by route, and the process itself, on a port of their own."""

import time

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Gauge, Histogram, start_http_server
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from .settings import Settings, SettingsError

REGISTRY = "metrics"
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def measure_requests(app: Flask, settings: Settings) -> None:
    """Count and time every request; the registry is `app.extensions["metrics"]`, for metrics of your own."""
    registry = app.extensions[REGISTRY] = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    Gauge("service_info", "Which source commit runs", ["revision"], registry=registry).labels(settings.revision).set(1)
    in_flight = Gauge("http_requests_in_flight", "Requests being answered", registry=registry)
    seconds = Histogram(
        "http_request_duration_seconds", "Time to answer", ["method", "route", "status"], registry=registry
    )

    @app.before_request
    def start() -> None:
        in_flight.inc()
        g.measured_from = time.perf_counter()

    @app.after_request
    def measure(response: Response) -> Response:
        # Only names that the application knows: what callers make up must not become a time series.
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in METHODS else "other"
        seconds.labels(method, route, str(response.status_code)).observe(time.perf_counter() - g.measured_from)
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        in_flight.dec()


def serve(app: Flask, settings: Settings) -> None:
    """Answer Prometheus, at /metrics, in a thread of its own."""
    try:
        start_http_server(settings.metrics_port, settings.bind_address, app.extensions[REGISTRY])
    except OSError as error:
        raise SettingsError(f"METRICS_PORT: cannot listen on {settings.metrics_port}: {error.strerror}") from error
