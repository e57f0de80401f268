"""`promote`: what one environment runs comes to the next one, once every pod there answers it."""

from ..ci.base import PROMOTE
from ..cluster.workloads import wrong_image, wrong_revision
from ..config.environments import ADDED
from ..preflight import checks
from ..project.project import Project
from ..project.scripts import private_clone
from ..status import deployment_record
from ..status.rollout import RunningService
from ..status.service import DeploymentRecord
from ..support.errors import InstallerError
from ..support.plain_text import one_line
from ..support.resume_command import command, this_run
from ..ui import console
from .rollback import check_image, or_by_the_ci, until_answered
from .up import until_rolled_out


def promote(project: Project, *, revision: str, force: bool, init: bool, yes: bool) -> None:
    """Query the pods of the environment before, ask, run the project's ci/promote, and wait until it is live."""
    settings = project.settings
    if not settings.source:
        what = f"{settings.environment} is deployed by each merge; nothing is promoted to it."
        others = " or ".join(each.environment for each in settings.of_each() if each.source)
        fix = f"Name the environment that is promoted to: {others}." if others else f"To add one: {ADDED}."
        raise InstallerError(what, fix)
    checks.refuse(checks.before_reading(project, ask_ci=False))
    source = project.of(settings.source)
    chosen = _chosen(source, revision)
    before = deployment_record.newest(project)
    live = RunningService(project.cluster, settings)
    if live.sync_state() is None:
        raise InstallerError(f"There is no Application {settings.application} yet.", command("up", project.folder))
    release = command("rollback", project.folder, "--env", settings.environment, "--release-hold")
    if before and before.hold:
        raise InstallerError(f"{settings.branch} is held by {before.hold}. Nothing was promoted.", release)
    if before and before.revision == chosen.revision:
        console.report(f"{settings.branch} records {chosen.revision} already.")
        until_rolled_out(project, before)
        return
    _check_values(project, chosen)
    check_image(project, chosen)
    skipped = _not_answering(source, chosen)
    console.report(f"Promoted:  {chosen.revision[:12]}, as {source.settings.branch} records it")
    goes = before.revision[:12] or before.unreadable if before else "nothing, it is the first one"
    console.report(f"Goes:      {goes}")
    if skipped and not force:
        what = f"Nothing was promoted: not every pod of {settings.source} answers {chosen.revision[:12]}. {skipped}"
        status = command("status", project.folder, "--env", settings.source)
        raise InstallerError(what, f"{status}; or promote all the same: --force, which is recorded")
    # where it moved since, the script refuses; one that was named may be another than it runs now
    inputs = ["--revision", chosen.revision] if revision else ["--expect", chosen.revision]
    inputs += ["--init"] if init or (before is None and not live.operation()) else []
    by_ci = {"environment": settings.environment, **({"revision": chosen.revision} if revision else {})}
    with private_clone(project, console.relay) as scripts, or_by_the_ci(project, PROMOTE, by_ci):
        scripts.check_out(scripts.fetch_main(), "ci/promote")
        given = {}
        if skipped:
            given["DEPLOYED_BY"] = one_line(f"{scripts.who} (forced: {skipped})")
            inputs.append("--force")
            console.report(f"The record says: Deployed-by: {given['DEPLOYED_BY']}")
        console.confirm(f"Promote it to {settings.application}?", yes=yes)
        this_run.resume = command("promote", project.folder, settings.environment)
        outcome = scripts.push("promote", *inputs, **given)
    if outcome.word == "held":
        raise InstallerError(f"Nothing was promoted, since it was held meanwhile: {outcome.text}", release)
    until_answered(project, before, outcome)


def _chosen(source: Project, revision: str) -> DeploymentRecord:
    """Return the deployment that is promoted; raise where there is none that may be."""
    settings = source.settings
    if revision:
        return deployment_record.at(source, deployment_record.named(source, revision).commit)
    record = deployment_record.read(source)
    if record is None:
        raise InstallerError(f"Nothing was deployed to {settings.environment} yet.", command("up", source.folder))
    if record.hold:
        what = f"{settings.branch} is held by {record.hold}. Nothing is promoted from there."
        raise InstallerError(what, "Release the hold, or name an earlier deployment with --revision.")
    return record


def _check_values(project: Project, chosen: DeploymentRecord) -> None:
    """Raise where the source commit has no values for the environment."""
    path = f"deploy/{project.settings.environment}.yaml"
    if project.forge.file(path, chosen.revision) is None:
        what = f"Commit {chosen.revision[:12]} has no file {path}. Nothing was promoted."
        raise InstallerError(what, "Merge one to main; it can be promoted once that is deployed.")


def _not_answering(source: Project, chosen: DeploymentRecord) -> str:
    """Say which pods of the environment before do not answer this revision; empty where all do."""
    live = RunningService(source.cluster, source.settings)
    wrong = wrong_revision(live.answers(), chosen.revision) or wrong_image(live.pods(), chosen.digest)
    return wrong or ("" if live.rolled_out() else f"{source.settings.application} is not rolled out")
