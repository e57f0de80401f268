"""What the cluster asks: is it alive, is it ready, which commit is it."""

import threading
from collections.abc import Callable, Sequence

from flask import Blueprint
from pydantic import BaseModel
from werkzeug.exceptions import ServiceUnavailable

from . import NAME
from .settings import Settings
from .validation import validated


class Status(BaseModel):
    """What a probe reads."""

    status: str


class Version(BaseModel):
    """Which build answers."""

    name: str
    revision: str


def blueprint(settings: Settings, draining: threading.Event, checks: Sequence[Callable[[], None]] = ()) -> Blueprint:
    """Return the routes for probes and for the question which revision is live; a check raises what is wrong."""
    routes = Blueprint("health", __name__)

    @routes.get("/livez")
    @validated
    def live() -> Status:
        """Say that the process answers."""  # and ask nothing else, since a failure restarts the pod
        return Status(status="alive")

    @routes.get("/readyz")
    @validated
    def ready() -> Status:
        """Say that requests can be handled."""  # with checks of what none can do without
        if draining.is_set():
            raise ServiceUnavailable("about to stop")
        for check in checks:
            check()
        return Status(status="ready")

    @routes.get("/version")
    @validated
    def version() -> Version:
        """Name the source commit that this very process was built from."""
        return Version(name=NAME, revision=settings.revision)

    return routes
