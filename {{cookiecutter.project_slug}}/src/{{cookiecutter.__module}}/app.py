"""The application factory. Flask finds it by FLASK_APP (.flaskenv, Dockerfile)."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from . import access, {% if cookiecutter.__database %}database, {% endif %}errors, logs, version
from .bodies import Request
from .example import bp as example
from .extensions import openapi
{%- if cookiecutter.__database %}
from .notes import bp as notes
{%- endif %}
from .settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application; its settings come from the environment unless they are given."""
    settings = settings or Settings.load()
    logs.configure(settings)
    app = Flask("{{ cookiecutter.__module }}")
    app.request_class = Request
    settings.configure(app)
    access.init_app(app, settings)
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    if settings.cors_origins:
        from flask_cors import CORS

        CORS(app, origins=settings.cors_origins)
    errors.init_app(app)
    app.extensions["readiness"] = []  # checks of what no request can do without (probes.py)
{%- if cookiecutter.__database %}
    database.init_app(app, settings)
{%- endif %}
    openapi.init_app(app, page=settings.api_docs or app.debug)
    app.register_blueprint(version.bp)
    app.register_blueprint(example)
{%- if cookiecutter.__database %}
    app.register_blueprint(notes)
{%- endif %}
    return app
