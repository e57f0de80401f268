"""What all tests share."""

import pytest
from flask.testing import FlaskClient

from {{ cookiecutter.__module }}.app import create_app
from {{ cookiecutter.__module }}.settings import Settings

REVISION = "c0ffee" * 6 + "c0de"


@pytest.fixture
def settings() -> Settings:
    return Settings(revision=REVISION, log_level="DEBUG", max_body_bytes=1000)


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    return create_app(settings).test_client()
