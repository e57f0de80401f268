"""`up`: create or repair the deployment, until the service answers the deployed revision. `open`: a way to it."""

import sys
from contextlib import suppress
from dataclasses import replace

from ..config.settings import CI_TOKENS, MAIN
from ..engine import reconcile
from ..engine.reconcile import Planned
from ..forges import credentials
from ..forges.lock import RepositoryLock
from ..preflight import checks, tokens
from ..preflight.github import blocking_reason
from ..project.project import Project
from ..resources.former import Former, FormerRepository
from ..resources.initial_push import InitialPush
from ..resources.service_secrets import DatabaseAddress
from ..status import deployment_record
from ..status.report import report_outcome
from ..status.rollout import RunningService
from ..status.service import DeploymentRecord
from ..support.errors import InstallerError
from ..support.resume_command import command
from ..ui import console
from ..ui.progress import Steps, Timeline, Waiting, show_timeline
from .plan import preflight_findings, show

DEADLINE = 900.0
"""Seconds for the first deployment and the rollout together."""
AT_THE_END = (Former.key, FormerRepository.key)
"""What is removed once the new one is live."""


def up(project: Project, *, yes: bool, renew_key: bool = False) -> None:
    """Look, say what would change, ask, change it, and wait until it is live. Run again, it changes nothing."""
    timeline = Timeline()
    with timeline.span("looking"):
        if problems := checks.before_reading(project):
            checks.refuse([*problems, *checks.blocked_unseen(project, {problem.lane for problem in problems})])
        if renew_key and project.settings.reads_by != "key" and project.settings.deploy_from != MAIN:
            fix = f"Run `up` with the new token in {credentials.READER}." if project.settings.private else ""
            raise InstallerError("There is no deploy key: Argo CD reads without one, and no key pushes.", fix)
        planned = reconcile.plan(project.resources(renew_key=renew_key))
    project, planned = _complete(project, planned, renew_key=renew_key)
    lock = RepositoryLock(project.forge)
    if any(p.change and p.change.action != "skipped" for p in planned):
        with timeline.span("checking"):
            findings = preflight_findings(project, planned, [])
            checks.refuse([*checks.blocked(planned), *(finding for finding in findings if finding.problem)])
        show(project, planned, findings)
        console.confirm("Do this?", yes=yes)
        resources = [r for r in project.resources(renew_key=renew_key) if r.key not in AT_THE_END]
        with Steps(sum(p.resource.key not in AT_THE_END for p in planned), timeline) as steps:
            reconcile.Apply(resources, steps, lock.held).run()
        until_live(project, timeline)
        if any(p.resource.key in AT_THE_END and p.change and p.change.effective for p in planned):
            _remove_former(project)
    else:
        lock.remove_stale()
        for p in planned:
            if p.change:
                console.report(f"{p.resource.title}: {p.change.note}")
        console.report("Nothing to change.")
        until_live(project)
    for note in checks.notes(project):
        console.report(f"Note: {note}")


def _remove_former(project: Project) -> None:
    """Remove what was made under former settings, now that the present ones are live."""
    former = [resource for resource in project.resources() if resource.key in AT_THE_END]
    with RepositoryLock(project.forge).held(), Steps(len(former)) as steps:
        reconcile.Apply(former, steps).run()


def _complete(project: Project, planned: list[Planned], *, renew_key: bool = False) -> tuple[Project, list[Planned]]:
    """Ask for the registry's token and the database's address where they are needed and someone can be asked."""
    blocked = {p.resource.key for p in planned if p.change and p.change.blocked}
    found = project.credentials
    if console.interactive():
        if "registry-token" in blocked and not found.registry_token:
            found = credentials.ask_registry_token(project.settings, found)
        if "registry-token" in blocked and project.settings.ci in CI_TOKENS and not found.deploy_token:
            found = credentials.ask_deploy_token(found)
        for settings in project.settings.of_each():
            if settings.keyed(DatabaseAddress.key) in blocked and not found.database_of(settings.environment):
                found = credentials.ask_database_address(found, settings.environment)
    if found is project.credentials:
        return project, planned
    project = replace(project, credentials=found)
    return project, reconcile.plan(project.resources(renew_key=renew_key))


def until_live(project: Project, timeline: Timeline | None = None) -> None:
    """Wait for the first deployment, then until every pod answers what `env/dev` records."""
    spans, waiting = timeline or Timeline(), Waiting()
    if project.settings.local:
        from .local import ensure_deployed  # which deploys, and that takes this module

        until_rolled_out(project, ensure_deployed(project, spans), timeline, waiting)
        return
    pushed = next((r.title for r in project.resources() if r.key == InitialPush.key), "")
    with spans.span(f"first deployment ({project.ci.deployment})", since=spans.end_of(pushed)):
        record = deployment_record.wait(project, DEADLINE, waiting, blocking_reason)
    _report_exposed(project, record)
    until_rolled_out(project, record, timeline, waiting)


def until_rolled_out(
    project: Project, record: DeploymentRecord, timeline: Timeline | None = None, waiting: Waiting | None = None
) -> None:
    """Wait until every pod answers what `env/dev` records, which was `record` a moment ago. No CI is asked."""
    live, fresh = RunningService(project.cluster, project.settings), [record]

    def expected() -> DeploymentRecord:
        nonlocal record
        record = fresh.pop() if fresh else deployment_record.read(project) or record
        return record

    try:
        with (timeline or Timeline()).span("rollout, until every pod answers"):
            live.wait_for_rollout(expected, DEADLINE, waiting or Waiting())
    except InstallerError:
        with suppress(InstallerError):
            _report(project, deployment_record.read(project) or record)
        raise
    _report(project, record)
    if timeline:  # before what the user looks for, which is to stay on the screen
        show_timeline(timeline)
    if record.hold:
        release = command("rollback", project.folder, "--release-hold")
        kept = "Nothing is promoted to it" if project.settings.source else "Merges are not deployed"
        kept = "Nothing is deployed" if project.settings.local else kept
        console.report(f"Held: {record.hold}. {kept} until the hold is released: {release}")
    where = f" in {project.settings.environment}" if project.settings.source else ""
    console.report(f"Live: every pod of {project.settings.slug}{where} answers revision {record.revision}.")
    console.report(hint(project))


def _report_exposed(project: Project, record: DeploymentRecord) -> None:
    """Say so at once where what was just pushed is to be private and is not."""
    try:
        for finding in tokens.exposed_by(project, record):
            console.fail(str(finding))
    except InstallerError as error:
        console.fail(f"Whether anyone can pull the image could not be checked: {error}")


def _report(project: Project, record: DeploymentRecord) -> None:
    """Report the deployment's outcome to the code host; print it where it is new."""
    reported = report_outcome(project, record, console.report)
    if reported.news:
        console.report(f"GitHub Deployment: {reported.text}")


# --- open --------------------------------------------------------------------------------------


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
