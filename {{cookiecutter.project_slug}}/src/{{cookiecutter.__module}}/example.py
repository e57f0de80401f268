"""Example: temperatures. A body in, a model out, and a command."""

from typing import Literal

import click
from flask import Blueprint
from pydantic import BaseModel, ConfigDict, Field

from .extensions import Response, openapi

ABSOLUTE_ZERO = -273.15

Unit = Literal["fahrenheit", "kelvin"]

bp = Blueprint("example", __name__, url_prefix="/api", cli_group=None)


class Conversion(BaseModel):
    """A temperature, and the unit that is asked for."""

    model_config = ConfigDict(extra="forbid")

    celsius: float = Field(ge=ABSOLUTE_ZERO, le=1e9, allow_inf_nan=False)
    to: Unit


class Temperature(BaseModel):
    """A temperature in that unit."""

    value: float
    unit: Unit


def converted(celsius: float, to: Unit) -> Temperature:
    value = celsius * 1.8 + 32 if to == "fahrenheit" else celsius - ABSOLUTE_ZERO
    return Temperature(value=round(value, 2), unit=to)


@bp.post("/temperatures")
@openapi.validate(resp=Response(HTTP_200=Temperature))
def convert(json: Conversion) -> Temperature:
    """Convert a temperature."""
    return converted(json.celsius, json.to)


@bp.cli.command("convert")
@click.argument("celsius", type=float)
def convert_command(celsius: float) -> None:
    """Print a temperature in kelvin: `flask convert 20`. A cron job runs such a command."""
    click.echo(converted(celsius, "kelvin").value)
