"""`open`: a way to the service where no ingress leads to it."""

import sys

from ..project.project import World
from ..support.resume_command import command
from ..ui import console


def hint(world: World) -> str:
    """Say where the service can be reached."""
    address = world.cluster.address(world.settings.slug, world.settings.namespace)
    return f"Address: {address}" if address else f"To reach it: {command('open', world.project)}"


def open_(world: World, port: int) -> None:
    """Forward a local port to the service until Ctrl-C."""
    settings = world.settings

    def ready() -> None:
        where = f"{settings.slug} in {settings.namespace}"
        console.report(f"http://localhost:{port}/version leads to {where}; Ctrl-C ends it.")
        sys.stdout.flush()

    world.cluster.forward(f"service/{settings.slug}", settings.namespace, port, 80, ready)
