import pytest
from pydantic import ValidationError

from {{ cookiecutter.__module }}.settings import Settings, SettingsError


def test_what_need_not_be_set_fits_a_laptop(environment: dict[str, str]) -> None:
    settings = Settings.from_environment(environment)

    assert (settings.bind_address, settings.port, settings.revision) == ("127.0.0.1", 8000, "unknown")


def test_settings_come_from_the_environment(environment: dict[str, str]) -> None:
    settings = Settings.from_environment(environment | {"PORT": "9000", "LOG_LEVEL": "DEBUG", "HOME": "/nowhere"})

    assert (settings.port, settings.log_level) == (9000, "DEBUG")


def test_an_empty_variable_counts_as_not_set(environment: dict[str, str]) -> None:
    assert Settings.from_environment(environment | {"PORT": ""}).port == 8000


def test_every_wrong_variable_is_named_and_no_value_is_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"PORT": "hush", "LOG_LEVEL": "LOUD", "OTEL_EXPORTER_OTLP_ENDPOINT": "hush"})

    message = str(caught.value)
    assert "PORT: " in message
    assert "LOG_LEVEL: " in message
    assert "OTEL_EXPORTER_OTLP_ENDPOINT: " in message
    assert "hush" not in message


def test_settings_cannot_be_changed(settings: Settings) -> None:
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]
