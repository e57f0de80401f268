"""The checks of a project on one machine: whoever deploys there builds there."""

from collections.abc import Iterable

from ..config.settings import LOCAL
from ..engine.resource import Finding
from ..project.project import Project
from ..support import process
from ..support.plain_text import one_line
from . import Check


def docker(_: Project) -> Iterable[Finding]:
    """Check that images can be built here."""
    if process.missing("docker"):
        yield Finding("cluster", "docker is not installed: it builds the image.", f"See {process.INSTALL['docker']}")
        return
    answer = process.attempt("docker", "version", "--format", "{{.Server.Version}}")
    if answer.status:
        what = f"Docker does not run: {one_line(answer.err or answer.out)}"
        yield Finding("cluster", what, "Start it, and try again.")
    else:
        yield Finding("cluster", f"docker {one_line(answer.out)} builds the image")


CHECKS = (Check(None, docker, "writing", only=LOCAL),)
