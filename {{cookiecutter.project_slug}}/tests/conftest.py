"""What all tests share."""

{% if cookiecutter.__database -%}
from collections.abc import Iterator

{% endif -%}
import pytest
from flask import Flask
from flask.testing import FlaskClient
{%- if cookiecutter.__database %}
from sqlalchemy.engine import make_url
{%- endif %}

from {{ cookiecutter.__module }}.app import create_app
from {{ cookiecutter.__module }}.settings import Settings
{%- if cookiecutter.__database %}

from tests.postgresql import PostgreSQL
{%- endif %}

REVISION = "c0ffee" * 6 + "c0de"


{% if cookiecutter.__database -%}
@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Return a real server, started for these tests."""
    with PostgreSQL.started() as server:
        yield server


@pytest.fixture(scope="session")
def database_url(postgresql: PostgreSQL) -> str:
    """Return the address of a database that is migrated; tests share it."""
    return postgresql.migrated("shared")


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    """Return the variables that the service cannot do without."""
    return {"DATABASE_URL": make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)}


{% else -%}
@pytest.fixture
def environment() -> dict[str, str]:
    """Return the variables that the service cannot do without."""
    return {}


{% endif -%}
@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    given = {"REVISION": REVISION, "LOG_LEVEL": "DEBUG", "MAX_BODY_BYTES": "1000"}
    return Settings.from_environment(environment | given)


{% if cookiecutter.__database -%}
@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    yield app
    app.extensions["database"].dispose()
{%- else -%}
@pytest.fixture
def app(settings: Settings) -> Flask:
    return create_app(settings)
{%- endif %}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
