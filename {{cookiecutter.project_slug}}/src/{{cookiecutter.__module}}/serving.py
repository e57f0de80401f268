"""The application as the server's worker process runs it: with its metrics and the order to drain."""

import os

from flask import Flask

from . import drain, metrics
from .app import create_app
from .settings import Settings


def application() -> Flask:
    """Return the application, once its metrics can be asked for."""
    settings = Settings.from_environment(os.environ)
    app = create_app(settings)
    drain.on_order(app)
    metrics.serve(app, settings)
    return app
