"""Traces for OpenTelemetry: only where OTEL_EXPORTER_OTLP_ENDPOINT is set and the extra `otel` is installed."""

import multiprocessing.util
from importlib.util import find_spec

from flask import Flask

from . import NAME
from .settings import Settings, SettingsError


def check(settings: Settings) -> None:
    """Raise SettingsError where traces are wanted and cannot be made."""
    if settings.otel_exporter_otlp_endpoint and not find_spec("opentelemetry"):
        raise SettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT: is set, but OpenTelemetry is not installed (uv sync --extra otel)"
        )


def trace_requests(app: Flask, settings: Settings) -> None:
    """Send a span for each request to the endpoint, if there is one."""
    if not settings.otel_exporter_otlp_endpoint:
        return
    check(settings)
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.flask import FlaskInstrumentor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(
        resource=Resource.create({"service.name": NAME, "service.version": settings.revision}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)  # for spans of your own: trace.get_tracer(__name__)
    FlaskInstrumentor.instrument_app(app, tracer_provider=provider, excluded_urls="livez,readyz")  # type: ignore[no-untyped-call]
    # The server's worker ends without atexit; this is what it does run.
    multiprocessing.util.Finalize(None, provider.shutdown, exitpriority=1)
