"""Example resource: temperatures. Shows a validated body; delete it when you have a resource of your own."""

from typing import Literal

from flask import Blueprint
from pydantic import BaseModel, ConfigDict, Field

from .validation import validated

ABSOLUTE_ZERO = -273.15

Unit = Literal["fahrenheit", "kelvin"]

blueprint = Blueprint("example", __name__, url_prefix="/api")


class Conversion(BaseModel):
    """A temperature as a caller sends it, and the unit that is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    celsius: float = Field(ge=ABSOLUTE_ZERO, le=1e9, allow_inf_nan=False)
    to: Unit


class Temperature(BaseModel):
    """A temperature in that unit."""

    value: float
    unit: Unit


@blueprint.post("/temperatures")
@validated
def convert(body: Conversion) -> Temperature:
    """Answer with the same temperature in another unit."""
    value = body.celsius * 1.8 + 32 if body.to == "fahrenheit" else body.celsius - ABSOLUTE_ZERO
    return Temperature(value=round(value, 2), unit=body.to)
