"""Settings: taken from the environment, and files that it names, once; checked before anything starts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

{% if cookiecutter.__database -%}
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
{%- else -%}
from pydantic import BaseModel, ConfigDict, Field, ValidationError
{%- endif %}

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class SettingsError(Exception):
    """A setting is missing or wrong; the message names each variable, and the file where it stands in one."""


class Settings(BaseModel):
    """All settings; each is read from the variable of the same name in capitals, or from the file that NAME_FILE names.

    A field without a default must be given. Where both are, the variable wins over the file.
    """

    model_config = ConfigDict(frozen=True)

    revision: str = "unknown"
    """The full source commit; the image brings it along."""
    log_level: LogLevel = "INFO"
    bind_address: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    metrics_port: int = Field(default=9090, ge=1, le=65535)
    """Where Prometheus asks; a port of its own, so that no way from outside leads there."""
    threads: int = Field(default=4, ge=1, le=256)
    """Requests handled at the same time by one pod."""
    drain_seconds: int = Field(default=0, ge=0, le=300)
    """Told to stop, the server first says for so long that it is not ready, and still answers."""
    shutdown_seconds: int = Field(default=20, ge=1, le=600)
    """How long requests in flight may take to end after that."""
    max_body_bytes: int = Field(default=1_048_576, ge=1)
    otel_exporter_otlp_endpoint: str | None = Field(default=None, pattern="^https?://[^/]+")
    """Where traces go; the extra `otel` must be installed then. OpenTelemetry reads its other variables itself."""
{%- if cookiecutter.__database %}
    database_url: SecretStr
    """postgresql://user:password@host/name"""
    database_timeout_seconds: int = Field(default=5, ge=1, le=300)
    """How long a request waits for a connection, and a statement may take."""

    @field_validator("database_url")
    @classmethod
    def is_postgresql(cls, url: SecretStr) -> SecretStr:
        """Take the address in the form that people and operators write it, and name the driver."""
        scheme, _, rest = url.get_secret_value().partition("://")
        if scheme not in {"postgresql", "postgres", "postgresql+psycopg"} or not rest:
            raise ValueError("must look like postgresql://user:password@host/name")
        return SecretStr(f"postgresql+psycopg://{rest}")
{%- endif %}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Return the settings, or raise SettingsError naming every variable that is wrong."""
        read = {field: _read(field.upper(), environment) for field in cls.model_fields}
        try:
            return cls.model_validate({field: value for field, (value, _) in read.items() if value})
        except ValidationError as error:
            # The values themselves stay out of the message: one of them may be a secret.
            wrong = (f"{read[str(problem['loc'][0])][1]}: {problem['msg']}" for problem in error.errors())
            raise SettingsError("; ".join(wrong)) from None


def _read(name: str, environment: Mapping[str, str]) -> tuple[str | None, str]:
    """Return what is given for a variable, and what to call it: by its name, and by its file where it is in one."""
    value, file = environment.get(name), environment.get(f"{name}_FILE")
    if value or not file:
        return value, name
    called = f"{name} (in {file})"
    try:
        return Path(file).read_text(encoding="utf-8").strip(), called
    except OSError as error:
        raise SettingsError(f"{called}: cannot be read: {error.strerror}") from None
    except UnicodeError:
        raise SettingsError(f"{called}: is no text") from None
