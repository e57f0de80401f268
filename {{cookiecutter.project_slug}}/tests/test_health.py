import threading

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import ServiceUnavailable

from {{ cookiecutter.__module }} import NAME, health
from {{ cookiecutter.__module }}.drain import EVENT
from {{ cookiecutter.__module }}.settings import Settings


def test_a_running_service_is_alive(client: FlaskClient) -> None:
    assert client.get("/livez").status_code == 200


def test_a_service_that_has_all_it_needs_is_ready(client: FlaskClient) -> None:
    assert client.get("/readyz").status_code == 200


def test_a_service_without_what_it_needs_is_not_ready(settings: Settings) -> None:
    def missing() -> None:
        raise ServiceUnavailable("it is not there")

    app = Flask("needy")
    app.register_blueprint(health.blueprint(settings, threading.Event(), [missing]))

    assert app.test_client().get("/readyz").status_code == 503
    assert app.test_client().get("/livez").status_code == 200


def test_a_service_that_is_about_to_stop_is_alive_and_not_ready_and_lets_its_clients_go(
    app: Flask, client: FlaskClient
) -> None:
    assert "Connection" not in client.get("/version").headers
    app.extensions[EVENT].set()

    assert client.get("/readyz").status_code == 503
    assert client.get("/livez").status_code == 200
    assert client.get("/version").headers["Connection"] == "close"


def test_the_version_names_the_commit_the_service_was_built_from(client: FlaskClient, settings: Settings) -> None:
    assert client.get("/version").json == {"name": NAME, "revision": settings.revision}
