"""`up`: create or repair the deployment, and end only when the service answers the deployed revision."""

from contextlib import suppress
from typing import Any

from ..ci.base import DEPLOY
from ..config.settings import MAIN
from ..config.supported import CI_TOKENS
from ..engine import reconcile
from ..engine.reconcile import Planned
from ..engine.resource import Resource
from ..forges import credentials
from ..forges.lock import Lease
from ..preflight import checks, registry_login
from ..preflight.github_actions import hindrance
from ..project.project import World
from ..resources.database_address import DatabaseAddress
from ..resources.former_objects import Former
from ..resources.former_repository import FormerRepository
from ..resources.initial_push import Content
from ..status import deployment_record, report_deployment
from ..status.deployment_record import Delivered
from ..status.rollout import Live
from ..support.errors import InstallerError
from ..support.resume_command import command
from ..ui import console
from ..ui.progress import Steps, Waiting
from ..ui.timeline import Timeline
from .open import hint
from .plan import beforehand, show

DEADLINE = 900.0
"""Seconds for the first delivery and the rollout together."""
AT_THE_END = (Former.key, FormerRepository.key)
"""What is removed once the new one is live."""


def up(world: World, *, yes: bool, renew_key: bool = False) -> None:
    """Look, say what would change, ask, change it, and wait until it is live. Run again, it changes nothing."""
    timeline = Timeline()
    with timeline.span("looking"):
        checks.refuse(checks.before_reading(world))
        if renew_key and world.settings.reads_by != "key" and world.settings.deploy_from != MAIN:
            fix = f"Run `up` with the new token in {credentials.READER}." if world.settings.private else ""
            raise InstallerError("There is no deploy key: Argo CD reads without one, and no key pushes.", fix)
        planned = reconcile.plan(_resources(world, renew_key=renew_key))
    world, planned = _complete(world, planned, renew_key=renew_key)
    lease = Lease(world.host)
    if any(p.change and p.change.action != "unavailable" for p in planned):
        with timeline.span("checking"):
            findings = beforehand(world, planned, [])
            checks.refuse([*checks.blocked(planned), *(finding for finding in findings if finding.problem)])
        show(world, planned, findings)
        console.confirm("Do this?", yes=yes)
        resources = [r for r in _resources(world, renew_key=renew_key) if r.key not in AT_THE_END]
        with Steps(sum(p.resource.key not in AT_THE_END for p in planned), timeline) as steps:
            reconcile.Apply(resources, steps, lease.held).run()
        until_live(world, timeline)
        if any(p.resource.key in AT_THE_END and p.change and p.change.effective for p in planned):
            _remove_former(world)
    else:
        lease.tidy()
        for p in planned:
            if p.change:
                console.report(f"{p.resource.title}: {p.change.note}")
        console.report("Nothing to change.")
        until_live(world)
    if world.settings.webhook:
        _try_webhook(world)
    for note in checks.notes(world):
        console.report(f"Note: {note}")


def _remove_former(world: World) -> None:
    """Remove what was made under former settings, now that the present ones are live."""
    former = [resource for resource in world.resources() if resource.key in AT_THE_END]
    with Lease(world.host).held(), Steps(len(former)) as steps:
        reconcile.Apply(former, steps).run()


def _resources(world: World, *, renew_key: bool) -> list[Resource[Any]]:
    return world.resources(renew_key=renew_key, person=console.interactive())


def _complete(world: World, planned: list[Planned], *, renew_key: bool = False) -> tuple[World, list[Planned]]:
    """Ask for the registry's token and the database's address where they are needed and someone can be asked."""
    blocked = {p.resource.key for p in planned if p.change and p.change.blocked}
    found = world.credentials
    if console.interactive():
        if "registry-token" in blocked and not found.registry_token:
            found = credentials.ask_registry_token(world.settings, found)
        if "registry-token" in blocked and world.settings.ci in CI_TOKENS and not found.delivery_token:
            found = credentials.ask_delivery_token(found)
        if DatabaseAddress.key in blocked and not found.database_address:
            found = credentials.ask_database_address(found)
    if found is world.credentials:
        return world, planned
    world = world.with_credentials(found)
    return world, reconcile.plan(_resources(world, renew_key=renew_key))


def until_live(world: World, timeline: Timeline | None = None) -> None:
    """Wait for the first delivery, then until every pod answers what `env/dev` records."""
    picture, timeline = timeline, timeline or Timeline()
    waiting = Waiting()
    pushed = next((r.title for r in world.resources() if r.key == Content.key), "")
    with timeline.span(f"first delivery ({world.ci.named(DEPLOY)})", since=timeline.end_of(pushed)):
        record = deployment_record.wait(world, DEADLINE, waiting, hindrance)
    _report_exposed(world, record)
    live, fresh = Live(world.cluster, world.settings), [record]

    def expected() -> Delivered:
        nonlocal record
        record = fresh.pop() if fresh else deployment_record.read(world) or record
        return record

    try:
        with timeline.span("rollout, until every pod answers"):
            live.wait_live(expected, DEADLINE, waiting)
    except InstallerError:
        with suppress(InstallerError):
            _tell(world, deployment_record.read(world) or record)
        raise
    _tell(world, record)
    if picture:  # before what the user looks for, which is to stay on the screen
        console.show_timeline(picture)
    if record.hold:
        release = command("rollback", world.project, "--release-hold")
        console.report(f"Held: {record.hold}. Merges are not delivered until the hold is released: {release}")
    console.report(f"Live: every pod of {world.settings.slug} answers revision {record.revision}.")
    console.report(hint(world))


def _report_exposed(world: World, record: Delivered) -> None:
    """Say so at once where what was just pushed is to be private and is not."""
    try:
        for finding in registry_login.exposed_by(world, record):
            console.fail(str(finding))
    except InstallerError as error:
        console.fail(f"Whether anyone can pull the image could not be checked: {error}")


def _tell(world: World, record: Delivered) -> None:
    """Let the commit's page show what became of its delivery; where that says something new, say so here too."""
    told = report_deployment.tell(world, record, console.report)
    if told.news:
        console.report(f"GitHub Deployment: {told.text}")


def _try_webhook(world: World) -> None:
    """Say whether the code host reaches Argo CD. Where not, that is told and no failure: Argo CD looks of itself."""
    hooks = world.webhooks
    try:
        for hook in hooks.list():
            last = hooks.proof(hook)
            if last and last.accepted:
                console.report(f"Webhook: Argo CD took {hooks.title}'s last {last.event}.")
            else:
                trouble = last.trouble(hook.address) if last else f"{hooks.title} has not called {hook.address} yet"
                console.fail(f"Webhook: {trouble}. Until then deliveries wait for Argo CD's own look.")
    except InstallerError as error:
        console.fail(f"Webhook: not tried: {error}")
