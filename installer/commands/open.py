"""`open`: a way to the service where no ingress leads to it."""

import sys

from ..project.project import Project
from ..support.resume_command import command
from ..ui import console


def hint(project: Project) -> str:
    """Say where the service can be reached."""
    address = project.cluster.address(project.settings.slug, project.settings.namespace)
    return f"Address: {address}" if address else f"To reach it: {command('open', project.folder)}"


def open_(project: Project, port: int) -> None:
    """Forward a local port to the service until Ctrl-C."""
    settings = project.settings

    def ready() -> None:
        where = f"{settings.slug} in {settings.namespace}"
        console.report(f"http://localhost:{port}/version leads to {where}; Ctrl-C ends it.")
        sys.stdout.flush()

    project.cluster.forward(f"service/{settings.slug}", settings.namespace, port, 80, ready)
