"""The checks of a project on one machine: whoever deploys there builds there."""

from collections.abc import Iterable

from ..config.settings import LOCAL
from ..engine.resource import Finding
from ..project.project import Project
from ..support.errors import InstallerError
from . import Check, tools


def docker(_: Project) -> Iterable[Finding]:
    """Check that images can be built here."""
    try:
        yield Finding("cluster", f"docker {tools.docker()} builds the image")
    except InstallerError as error:  # its lane is the cluster's, too, though it is asked where that does not answer
        yield Finding("cluster", error.message, error.fix)


CHECKS = (Check(None, docker, "writing", only=LOCAL),)
