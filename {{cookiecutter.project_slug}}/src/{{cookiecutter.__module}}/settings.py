"""Settings: taken from the environment once, checked before anything starts."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class SettingsError(Exception):
    """A variable of the environment is missing or wrong; the message names each one."""


class Settings(BaseModel):
    """All settings; each is read from the variable of the same name in capitals.

    A field without a default is a variable that must be there.
    """

    model_config = ConfigDict(frozen=True)

    revision: str = "unknown"
    """The full source commit; the image brings it along."""
    log_level: LogLevel = "INFO"
    bind_address: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    threads: int = Field(default=4, ge=1, le=256)
    """Requests handled at the same time by one pod."""
    shutdown_seconds: int = Field(default=20, ge=1, le=600)
    """How long requests in flight may take to end once the server was told to stop."""
    max_body_bytes: int = Field(default=1_048_576, ge=1)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Return the settings, or raise SettingsError naming every variable that is wrong."""
        given = {field: value for field in cls.model_fields if (value := environment.get(field.upper()))}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            # The values themselves stay out of the message: one of them may be a secret.
            wrong = (f"{str(problem['loc'][0]).upper()}: {problem['msg']}" for problem in error.errors())
            raise SettingsError("; ".join(wrong)) from None
