from pathlib import Path

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


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "PORT"


def test_a_setting_may_stand_in_a_file(environment: dict[str, str], file: Path) -> None:
    file.write_text("9000\n")

    assert Settings.from_environment(environment | {"PORT_FILE": str(file)}).port == 9000


def test_a_variable_wins_over_a_file(environment: dict[str, str], file: Path) -> None:
    assert Settings.from_environment(environment | {"PORT": "8001", "PORT_FILE": str(file)}).port == 8001


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read: No such file or directory"), (b"\xff", "is no text"), (b"hush", "Input should be")],
)
def test_what_is_wrong_with_a_file_is_told_with_variable_and_file(
    environment: dict[str, str], file: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environment | {"PORT_FILE": str(file)})

    assert str(caught.value).startswith(f"PORT (in {file}): {words}")
    assert "hush" not in str(caught.value)


def test_settings_cannot_be_changed(settings: Settings) -> None:
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]
