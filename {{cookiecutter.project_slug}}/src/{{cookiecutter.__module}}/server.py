"""The production server: Granian for the API; probes and metrics have a thread and a port of their own."""

import os
import socket
import sys

from flask import Flask, Response
from granian import Granian
from granian.constants import HTTPModes, Interfaces

from . import create_app, graceful, logs, probes, timeouts
from .settings import Settings, SettingsError


def main() -> None:
    """Serve until told to stop, then let the requests in flight end."""
    try:
        settings = Settings.load()
        check_port("PORT", settings.bind_address, settings.port)
        check_port("METRICS_PORT", settings.bind_address, settings.metrics_port)
    except SettingsError as error:
        sys.exit(f"cannot start: {error}")
    logs.configure(settings)
    server = Granian(
        f"{__package__}.server:application",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.bind_address,
        port=settings.port,
        http=HTTPModes.http1,
        workers=1,  # one process per pod: scale by replicas
        blocking_threads=settings.threads,
        workers_kill_timeout=settings.shutdown_seconds,
        websockets=False,
        log_dictconfig=logs.config(settings),
    )
    server.on_startup(lambda: graceful.delay_stop(settings.drain_seconds))
    server.serve()


def check_port(variable: str, address: str, port: int) -> None:
    """Raise SettingsError where nobody can listen."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        socket.create_server((address, port), family=family).close()
    except OSError as error:
        raise SettingsError(f"{variable}: cannot listen on {address}:{port}: {os.strerror(error.errno or 0)}") from None


def application() -> Flask:
    """Return the application as Granian's worker process runs it."""
    settings = Settings.load()
    app = create_app(settings)
    stopping = graceful.wait_for_order()
    timeouts.limit_bodies(settings.body_timeout_seconds)

    @app.after_request
    def close(response: Response) -> Response:
        if stopping.is_set():
            response.headers["Connection"] = "close"  # clients connect again, to another pod
        return response

    probes.serve(app, settings, stopping)
    return app
