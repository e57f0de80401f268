"""What the cluster asks: is it alive, is it ready, which commit is it."""

from flask import Blueprint

from . import NAME
from .settings import Settings


def blueprint(settings: Settings) -> Blueprint:
    """Return the routes for probes and for the question which revision is live."""
    routes = Blueprint("health", __name__)

    @routes.get("/livez")
    def live() -> dict[str, str]:
        """Say that the process answers; asks nothing else, since a failure restarts the pod."""
        return {"status": "alive"}

    @routes.get("/readyz")
    def ready() -> dict[str, str]:
        """Say that requests can be handled; check here what none can do without, and answer 503 without it."""
        return {"status": "ready"}

    @routes.get("/version")
    def version() -> dict[str, str]:
        """Name the source commit that this very process was built from."""
        return {"name": NAME, "revision": settings.revision}

    return routes
