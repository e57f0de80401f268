"""The application factory: everything a request can meet is put together here."""

import os

from flask import Flask

from . import access, {% if cookiecutter.__database %}database, {% endif %}drain, errors, health, logs, metrics, openapi, tracing
from .example import blueprint as example  # goes with the example
{%- if cookiecutter.__database %}
from .notes import blueprint as notes  # goes with the example
{%- endif %}
from .settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application; without settings it takes them from the environment."""
    settings = settings or Settings.from_environment(os.environ)
    logs.configure(settings)
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    metrics.collect(app, settings)
    app.wsgi_app = access.Access(app)  # type: ignore[method-assign]  # that is where Flask wants middleware
    tracing.trace_requests(app, settings)
    errors.answer_in_json(app)
    draining = drain.watch(app)
{%- if cookiecutter.__database %}
    health_check = database.connect(app, settings)
    app.register_blueprint(health.blueprint(settings, draining, [health_check]))
{%- else %}
    app.register_blueprint(health.blueprint(settings, draining))
{%- endif %}
    app.register_blueprint(openapi.blueprint)
    app.register_blueprint(example)  # goes with the example
{%- if cookiecutter.__database %}
    app.register_blueprint(notes)  # goes with the example
{%- endif %}
    return app
