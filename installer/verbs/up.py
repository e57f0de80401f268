"""`up`: make the project real, and end only when its service answers the delivered revision."""

from .. import console, converge, credentials, delivered, preflight
from ..converge import Planned
from ..errors import InstallerError
from ..lease import Lease
from ..live import Live
from ..progress import Steps, Waiting
from ..resources.database_address import DatabaseAddress
from ..resume import command
from ..world import World
from .open import hint

DEADLINE = 900.0
"""Seconds for the first delivery and the rollout together."""


def up(world: World, *, yes: bool, renew_key: bool = False) -> None:
    """Look, say what would change, ask, change it, and wait until it is live. Run again, it changes nothing."""
    preflight.refuse(preflight.before_reading(world))
    if renew_key and world.settings.reads_by != "key":
        fix = f"Run `up` with the new token in {credentials.READER}." if world.settings.private else ""
        raise InstallerError("There is no deploy key: Argo CD reads this repository without one.", fix)
    world, planned = _complete(world, converge.plan(world.resources(renew_key=renew_key)), renew_key=renew_key)
    lease = Lease(world.github, world.settings.repository)
    if any(p.change and p.change.action != "unavailable" for p in planned):
        preflight.refuse(preflight.before_writing(world, planned))
        console.show_plan(planned, world.where())
        console.confirm("Do this?", yes=yes)
        resources = world.resources(renew_key=renew_key)
        with Steps(len(resources)) as steps:
            converge.Apply(resources, steps, lease.held).run()
    else:
        lease.tidy()
        for p in planned:
            if p.change:
                console.report(f"{p.resource.title}: {p.change.note}")
        console.report("Nothing to change.")
    until_live(world)


def _complete(world: World, planned: list[Planned], *, renew_key: bool = False) -> tuple[World, list[Planned]]:
    """Ask for the registry's token and the database's address where they are needed and someone can be asked."""
    unknown = {p.resource.key for p in planned if p.change and p.change.action == "unknown"}
    found = world.credentials
    if console.interactive():
        if "registry-token" in unknown:
            found = credentials.ask_registry_token(world.settings, found)
        if DatabaseAddress.key in unknown and not found.database_address:
            found = credentials.ask_database_address(found)
    if found is world.credentials:
        return world, planned
    world = world.with_credentials(found)
    return world, converge.plan(world.resources(renew_key=renew_key))


def until_live(world: World) -> None:
    """Wait for the first delivery, then until every pod answers what `env/dev` records."""
    waiting = Waiting()
    record = delivered.wait(world, DEADLINE, waiting)
    live = Live(world.cluster, world.settings)
    live.wait_live(lambda: delivered.read(world) or record, DEADLINE, waiting)
    record = delivered.read(world) or record
    if record.hold:
        release = command("rollback", world.project) + " --release-hold"
        console.report(f"Held: {record.hold}. Merges are not delivered until the hold is released: {release}")
    console.report(f"Live: every pod of {world.settings.slug} answers revision {record.revision}.")
    console.report(hint(world))
