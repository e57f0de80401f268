"""`down`: remove what `up` made, newest first, and say what stays."""

import click

from .. import console, converge, preflight
from ..checks import ownership
from ..lease import Lease
from ..progress import Steps
from ..world import World


def down(world: World, *, yes: bool, repository: bool, argocd: bool) -> None:
    """Take the project out of the cluster and off GitHub; the two big ones only with their names typed."""
    preflight.refuse(preflight.before_reading(world))
    settings = world.settings
    resources = world.resources(remove_repository=repository, remove_argocd=argocd)
    console.report(f"This removes from {world.cluster.describe()} and {settings.url} what `up` made.")
    for finding in ownership.taken(world):
        console.report(f"Not removed: {finding}")
    if repository:
        _typed("The repository goes, with all its history", settings.repository)
    if argocd:
        _typed("Argo CD goes, for all its users", settings.argocd_namespace)
    if not repository and not argocd:
        console.confirm("Remove it?", yes=yes)
    with Lease(world.host, "down").held(), Steps(sum(each.wanted for each in resources)) as steps:
        told = converge.remove(resources, steps)
    console.report("\nStays on purpose:")
    for resource, outcome in told:
        if outcome.startswith("stays"):
            console.report(f"- {resource.title}{outcome.removeprefix('stays')}")
    console.report(f"- images in {settings.image_repository}")


def _typed(consequence: str, name: str) -> None:
    """Ask for a name; anything else ends it, with nothing removed."""
    if click.prompt(f"{consequence}. Type {name} to go on", default="", show_default=False).strip() != name:
        raise click.Abort
