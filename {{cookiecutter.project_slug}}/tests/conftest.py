{% if cookiecutter.__database -%}
from collections.abc import Iterator

{% endif -%}
import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
{%- if cookiecutter.__database %}
from flask_migrate import upgrade
{%- endif %}

from {{ cookiecutter.__module }}.app import create_app
{%- if cookiecutter.__database %}
from {{ cookiecutter.__module }}.extensions import Base, db
{%- endif %}
from {{ cookiecutter.__module }}.settings import Settings
{%- if cookiecutter.__database %}

from postgresql import new_database


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """Return the address of an empty database, of DATABASE_URL's server, compose.yaml's, or one of these tests' own."""
    with new_database() as url:
        yield url


@pytest.fixture(scope="session")
def migrated(database_url: str) -> Settings:
    """Return the settings for a database with all tables."""
    settings = Settings.load(database_url=database_url)
    with create_app(settings).app_context():
        upgrade()
        db.engine.dispose()
    return settings
{%- endif %}


@pytest.fixture
{%- if cookiecutter.__database %}
def app(migrated: Settings) -> Iterator[Flask]:
    app = create_app(migrated)
    app.testing = True
    yield app
    with app.app_context():
        for table in reversed(Base.metadata.sorted_tables):
            db.session.execute(table.delete())
        db.session.commit()
        db.engine.dispose()
{%- else %}
def app() -> Flask:
    app = create_app(Settings.load())
    app.testing = True
    return app
{%- endif %}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()
