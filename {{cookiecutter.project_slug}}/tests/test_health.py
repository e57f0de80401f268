from flask.testing import FlaskClient

from {{ cookiecutter.__module }} import NAME
from {{ cookiecutter.__module }}.settings import Settings


def test_a_running_service_is_alive(client: FlaskClient) -> None:
    assert client.get("/livez").status_code == 200


def test_a_service_that_needs_nothing_is_ready(client: FlaskClient) -> None:
    assert client.get("/readyz").status_code == 200


def test_the_version_names_the_commit_the_service_was_built_from(client: FlaskClient, settings: Settings) -> None:
    assert client.get("/version").json == {"name": NAME, "revision": settings.revision}
