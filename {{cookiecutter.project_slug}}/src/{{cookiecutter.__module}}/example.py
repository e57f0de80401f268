"""Example resource: temperatures. Shows a validated body; delete it when you have a resource of your own."""

from typing import Literal, Self

from flask import Blueprint
from pydantic import BaseModel, ConfigDict, Field, model_validator

from .validation import validated

ABSOLUTE_ZERO = -273.15

blueprint = Blueprint("example", __name__, url_prefix="/api")


class Temperature(BaseModel):
    """A temperature as a caller sends it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float = Field(ge=-1e9, le=1e9)
    unit: Literal["celsius", "fahrenheit"]

    @model_validator(mode="after")
    def exists(self) -> Self:
        """Refuse what is colder than possible."""
        if self.celsius < ABSOLUTE_ZERO:
            raise ValueError("is below absolute zero")
        return self

    @property
    def celsius(self) -> float:
        """The temperature in degrees Celsius."""
        return self.value if self.unit == "celsius" else (self.value - 32) / 1.8


class BothUnits(BaseModel):
    """The same temperature in both units."""

    celsius: float
    fahrenheit: float


@blueprint.post("/temperatures")
@validated
def convert(body: Temperature) -> BothUnits:
    """Answer with the same temperature in both units."""
    return BothUnits(celsius=round(body.celsius, 2), fahrenheit=round(body.celsius * 1.8 + 32, 2))
