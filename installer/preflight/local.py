"""The checks of a project on one machine: whoever deploys there builds there."""

from collections.abc import Iterable

from ..config.settings import LOCAL
from ..engine.resource import Finding
from ..project.project import Project
from . import Check, tools


def docker(_: Project) -> Iterable[Finding]:
    """Check that images can be built here."""
    yield Finding("cluster", f"docker {tools.docker()} builds the image")


CHECKS = (Check(None, docker, "writing", only=LOCAL),)
