"""Settings, from environment variables or from files in /etc/secrets; checked before anything starts."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import click
from flask import Flask, current_app
from pydantic import BeforeValidator, Field, {% if cookiecutter.__database %}SecretStr, ValidationError, field_validator{% else %}ValidationError{% endif %}
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SecretsSettingsSource, SettingsConfigDict
from pydantic_settings import PydanticBaseSettingsSource as Source

SECRETS = Path("/etc/secrets")  # where the chart mounts them, each in a file of its variable's name


class SettingsError(click.ClickException):
    """Settings are missing or wrong; the message names each variable, and no value. `flask` prints it."""


class Lists(Source):
    """A source whose lists may be written as `a,b`, not only as `["a","b"]`."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        if not value.strip().startswith(("[", "{")):
            return [part.strip() for part in value.split(",") if part.strip()]
        with suppress(ValueError):
            return super().decode_complex_value(field_name, field, value)
        return value  # a text, which is no list: the error names the variable


class Environment(Lists, EnvSettingsSource):
    """Environment variables."""


class Secrets(Lists, SecretsSettingsSource):
    """Files with the names of variables."""


class Settings(BaseSettings):
    """All settings. Each is the environment variable of its name in capitals; one without a default must be given."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore")

    revision: str = "unknown"  # the source commit; the image knows its own
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)] = "INFO"
    log_format: Annotated[Literal["auto", "json", "text"], BeforeValidator(str.lower)] = "auto"  # text on a terminal
    api_docs: bool = False  # whether /docs shows the API; it always does under `flask run --debug`
    cors_origins: list[str] = []  # whose pages may call this API: https://app.example.com, or *
    trusted_proxies: int = Field(default=0, ge=0)  # how many in front set X-Forwarded-*; the chart counts its ingress
    max_content_length: int = Field(default=1_048_576, ge=1)  # bytes of a request's body
    body_timeout_seconds: int = Field(default=15, ge=1, le=600)  # for a client to send it; it holds one of `threads`

    # The server's (server.py); `flask run` has its own options.
    bind_address: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    metrics_port: int = Field(default=9090, ge=1, le=65535)  # for probes and Prometheus
    threads: int = Field(default=4, ge=1, le=256)  # requests handled at the same time
    drain_seconds: int = Field(default=0, ge=0, le=300)  # at SIGTERM: not ready, but still answering, for so long
    shutdown_seconds: int = Field(default=20, ge=1, le=600)  # for requests in flight to end after that
{%- if cookiecutter.__database %}

    database_url: SecretStr  # postgresql://user:password@host/name
    database_timeout_seconds: int = Field(default=5, ge=1, le=300)  # for a connection, and for a statement of a request

    @field_validator("database_url")
    @classmethod
    def is_postgresql(cls, url: SecretStr) -> SecretStr:
        """Take the address as people and operators write it, and name the driver."""
        scheme, _, rest = url.get_secret_value().partition("://")
        if scheme not in {"postgresql", "postgres", "postgresql+psycopg"} or not rest:
            raise ValueError("must look like postgresql://user:password@host/name")
        return SecretStr(f"postgresql+psycopg://{rest}")
{%- endif %}

    @classmethod
    def settings_customise_sources(  # type: ignore[override]
        cls, settings_cls: type[BaseSettings], **sources: Source
    ) -> tuple[Source, ...]:
        """Return where settings come from, the first one wins: arguments, variables, files."""
        secrets = Secrets(settings_cls, SECRETS if SECRETS.is_dir() else None)
        return sources["init_settings"], Environment(settings_cls), secrets

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Return the settings, or raise SettingsError naming every variable that is wrong."""
        try:
            return cls(**given)
        except ValidationError as error:
            wrong = (f"{str((*e['loc'], 'settings')[0]).upper()}: {e['msg']}" for e in error.errors())
            raise SettingsError("; ".join(wrong)) from None

    def configure(self, app: Flask) -> None:
        """Put all settings into `app.config`, under their names in capitals; Flask has some of the same name."""
        app.config.from_mapping({name.upper(): value for name, value in self}, SETTINGS=self)


def current_settings() -> Settings:
    """Return the settings of the current application."""
    settings: Settings = current_app.config["SETTINGS"]
    return settings
