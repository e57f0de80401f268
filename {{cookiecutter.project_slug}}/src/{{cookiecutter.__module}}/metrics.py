"""Metrics for Prometheus, on a port of their own: the process itself, here, and requests by route, in access.py."""

from flask import Flask
from prometheus_client import CollectorRegistry, Gauge, start_http_server
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from .settings import Settings, SettingsError

REGISTRY = "metrics"


def collect(app: Flask, settings: Settings) -> None:
    """Begin with what is known of the process; the registry is `app.extensions["metrics"]`, for metrics of your own."""
    registry = app.extensions[REGISTRY] = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    Gauge("service_info", "Which source commit runs", ["revision"], registry=registry).labels(settings.revision).set(1)


def serve(app: Flask, settings: Settings) -> None:
    """Answer Prometheus, at /metrics, in a thread of its own."""
    try:
        start_http_server(settings.metrics_port, settings.bind_address, app.extensions[REGISTRY])
    except OSError as error:
        raise SettingsError(f"METRICS_PORT: cannot listen on {settings.metrics_port}: {error.strerror}") from error
