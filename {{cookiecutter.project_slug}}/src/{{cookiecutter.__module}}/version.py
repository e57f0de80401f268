"""GET /version: which build answers. Deployments and `gitops-flask status` are checked by it."""

from flask import Blueprint
from pydantic import BaseModel

from .extensions import Response, openapi
from .settings import current_settings

bp = Blueprint("version", __name__)


class Version(BaseModel):
    name: str
    revision: str


@bp.get("/version")
@openapi.validate(resp=Response(HTTP_200=Version))
def version() -> Version:
    """Name the source commit that answers."""
    return Version(name="{{ cookiecutter.project_slug }}", revision=current_settings().revision)
