"""The application factory: everything a request can meet is put together here."""

import os

from flask import Flask

from . import errors, example, health, logs
from .settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application; without settings it takes them from the environment."""
    settings = settings or Settings.from_environment(os.environ)
    logs.configure(settings.log_level)
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    logs.log_requests(app)
    errors.answer_in_json(app)
    app.register_blueprint(health.blueprint(settings))
    app.register_blueprint(example.blueprint)  # goes with example.py and tests/test_example.py
    return app
