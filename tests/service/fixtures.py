"""Fixtures for these tests of a generated service: test_generated_project.py puts them there as conftest.py."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hello_api.app import create_app
from hello_api.settings import Settings

REVISION = "c0ffee" * 6 + "c0de"


@pytest.fixture(scope="session")
def environment() -> Iterator[dict[str, str]]:
    """The variables that the service cannot do without."""
    if not Path("tests/postgresql.py").exists():
        yield {}
        return
    from flask_migrate import upgrade
    from postgresql import new_database

    with new_database() as url:
        app = create_app(Settings.load(database_url=url))
        with app.app_context():
            upgrade()
        dispose(app)
        yield {"DATABASE_URL": url}


def dispose(app: Flask) -> None:
    if database := app.extensions.get("sqlalchemy"):
        with app.app_context():
            database.engine.dispose()


Make = Callable[..., Flask]


@pytest.fixture
def make(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Return a function that makes an application with some settings."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    made = []

    def make(**given: Any) -> Flask:
        made.append(create_app(Settings.load(**({"revision": REVISION, "max_content_length": 1000} | given))))
        return made[-1]

    yield make
    for app in made:
        dispose(app)


@pytest.fixture
def app(make: Make) -> Flask:
    return make()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
