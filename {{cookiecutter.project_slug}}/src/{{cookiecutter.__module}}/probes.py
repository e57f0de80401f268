"""Probes and metrics, on a port and in threads of their own: slow views and slow clients do not get the pod killed."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from flask import Flask
from flask.typing import ResponseReturnValue
from prometheus_client import make_wsgi_app
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from . import errors
from .settings import Settings


def create_probes(checks: list[Callable[[], None]], stopping: threading.Event) -> Flask:
    """Return what answers on METRICS_PORT; a check raises ServiceUnavailable."""
    probes = Flask("probes", static_folder=None)
    errors.init_app(probes)

    @probes.get("/livez")  # a failure restarts the pod
    def live() -> ResponseReturnValue:
        return {"status": "alive"}

    @probes.get("/readyz")  # a failure keeps requests away
    def ready() -> ResponseReturnValue:
        if stopping.is_set():
            raise ServiceUnavailable("about to stop")
        for check in checks:
            check()
        return {"status": "ready"}

    probes.wsgi_app = DispatcherMiddleware(probes.wsgi_app, {"/metrics": make_wsgi_app()})  # type: ignore[method-assign]
    return probes


def serve(app: Flask, settings: Settings, stopping: threading.Event) -> None:
    """Serve the probes of an application in the background, once its own port takes connections."""
    probes = create_probes(app.extensions["readiness"], stopping)
    server = make_server(settings.bind_address, settings.metrics_port, probes, threaded=True)

    def run() -> None:
        while True:
            with suppress(OSError), socket.create_connection((settings.bind_address, settings.port), timeout=1):
                break
            time.sleep(0.01)
        server.serve_forever()

    threading.Thread(target=run, name="probes", daemon=True).start()
