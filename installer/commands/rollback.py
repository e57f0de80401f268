"""`rollback`: an earlier deployment comes back by the project's own workflow, and is held; or the hold is released."""

from ..ci import pipelines
from ..ci.base import DEPLOY, ROLLBACK
from ..config.settings import MAIN
from ..preflight import checks
from ..project.project import Project
from ..status import deployment_record
from ..status.deployment_record import DeploymentRecord
from ..support.errors import InstallerError
from ..support.resume_command import command
from ..ui import console
from ..ui.progress import Waiting
from .up import DEADLINE, until_live


def rollback(project: Project, *, to: str, why: str, yes: bool) -> None:
    """Say what comes back, ask, start the project's rollback, and wait until that deployment is live again."""
    record = _recorded(project)
    target = deployment_record.named(project, to) if to else deployment_record.previous(project, record)
    if record.hold:
        console.report(f"Held now: {record.hold}")
    if target.revision == record.revision:
        _nothing_to_do(project, record)
        return
    console.report(f"Comes back:  {target}")
    console.report(f"Goes:        {record.revision[:12] or record.unreadable}")
    console.report("It is held: merges are tested and built, but not deployed, until the hold is released.")
    console.confirm(f"Roll {project.settings.application} back?", yes=yes)
    # by its name: what was confirmed comes back, whatever is deployed in between
    _run(project, {"to": target.revision, **({"why": why} if why else {})})
    until_live(project)


def release(project: Project, *, yes: bool) -> None:
    """Take the hold away, deploy the head of main, and wait until it is live."""
    record = _recorded(project)
    if not record.hold:
        console.report(f"{project.settings.branch} is not held; it is at {record.revision[:12]}.")
        return
    head = project.forge.head(MAIN) or ""
    console.report(f"Held now: {record.hold}")
    console.report(f"Released, it takes deployments again; the head of {MAIN}, {head[:12]}, is deployed at once.")
    console.confirm(f"Release the hold of {project.settings.application}?", yes=yes)
    before = pipelines.number(project.ci.newest(DEPLOY))
    waiting = _run(project, {"release": "true"})
    deployment = pipelines.after(project.ci, DEPLOY, before)
    pipelines.follow(project.ci, deployment, DEPLOY, DEADLINE, waiting)
    until_live(project)


def _recorded(project: Project) -> DeploymentRecord:
    checks.refuse(checks.before_reading(project))
    record = deployment_record.newest(project)  # unreadable perhaps: this is the way back from there
    if record is None:
        raise InstallerError("Nothing was deployed yet.", command("up", project.folder))
    return record


def _nothing_to_do(project: Project, record: DeploymentRecord) -> None:
    if not record.hold:
        what = f"{project.settings.branch} is at {record.revision[:12]} already, by a deployment."
        raise InstallerError(what, "Nothing was changed and nothing is held. Choose another with --to.")
    console.report(f"{project.settings.branch} is held at {record.revision[:12]} already.")
    until_live(project)


def _run(project: Project, inputs: dict[str, str]) -> Waiting:
    """Start ci/rollback where it has the right to push; it has the guards and writes the record. Wait for its end."""
    waiting = Waiting()
    run = pipelines.start(project.ci, ROLLBACK, inputs)
    pipelines.follow(project.ci, run, ROLLBACK, DEADLINE, waiting)
    return waiting
