"""`rollback`: the project's own ci/rollback brings an earlier deployment back and holds it, or releases the hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import click

from ..ci import registry
from ..ci.base import DEPLOY, ROLLBACK, Pipeline
from ..config.settings import MAIN
from ..preflight import checks
from ..project.local import keep_record
from ..project.project import Project
from ..project.scripts import NotFromHere, Outcome, private_clone
from ..status import deployment_record
from ..status.deployment_record import PastDeployment
from ..status.service import DeploymentRecord
from ..support.errors import InstallerError
from ..support.resume_command import command, this_run
from ..support.wait import until
from ..ui import console
from .up import until_rolled_out

OFFERED = 10
"""Deployments that a person chooses from."""
_PATIENCE = 30.0
"""Seconds in which the code host's API must show what was pushed."""


def rollback(project: Project, *, to: str, why: str, yes: bool) -> None:
    """Say what comes back, ask, run the project's ci/rollback, and wait until that deployment is live again."""
    record = recorded(project)
    target = _target(project, record, to, ask=not yes)
    if record.hold:
        console.report(f"Held now: {record.hold}")
    if target.revision == record.revision:
        _nothing_to_do(project, record)
        return
    check_image(project, deployment_record.at(project, target.commit))
    console.report(f"Comes back:  {target}")
    console.report(f"Goes:        {record.revision[:12] or record.unreadable}")
    kept = "nothing is promoted to it" if project.settings.source else "merges are tested and built, but not deployed"
    if project.settings.local:
        kept = "`deploy` tests and builds a commit, but does not deploy it"
    console.report(f"It is held: {kept}, until the hold is released.")
    # by its name: what was confirmed comes back, whatever is deployed in between
    inputs = {"to": target.revision, **({"why": why} if why else {})}
    by_ci = {**inputs, **_in(project)}
    with private_clone(project, console.relay) as scripts, or_by_the_ci(project, ROLLBACK, by_ci):
        scripts.check_out(scripts.fetch_main())
        _confirm(project, record, f"Roll {project.settings.application} back?", target.revision, yes=yes)
        this_run.resume = command("rollback", project.folder, "--to", target.revision)
        outcome = scripts.push("rollback", *(f"--{name}={value}" for name, value in inputs.items()))
    until_answered(project, record, outcome)


def release(project: Project, *, yes: bool) -> None:
    """Take the hold away, deploy the head of main where that can be done, and wait until it is live.

    Of an environment by promotion only the hold goes: the next promotion is a decision of its own.
    """
    record = recorded(project)
    if project.settings.local:
        from .local import release_here  # which deploys, and that takes this module

        release_here(project, record, yes=yes)
        return
    free = f"{project.settings.branch} is not held; it is at {record.revision[:12]}."
    console.report(f"Held now: {record.hold}" if record.hold else free)
    if project.settings.source:
        if record.hold:
            _release_alone(project, record, yes=yes)
        return
    if not record.hold and record.revision == project.forge.head(MAIN):
        return
    with private_clone(project, console.relay) as scripts, or_by_the_ci(project, ROLLBACK, {"release": "true"}):
        head = scripts.fetch_main()
        scripts.check_out(head)
        digest, platforms, missing = "", "", None
        try:
            digest, platforms = _image_of(project, head, record)
        except InstallerError as error:
            missing = error
        follows = f"cannot be deployed from here: {missing.message}" if missing else "is deployed at once."
        console.report(f"The head of {MAIN}, {head[:12]}, {follows}")
        if head == record.rolled_back:
            console.report("Note: that is what was rolled back. Merge the fix before you release the hold.")
        if missing and not record.hold:
            raise missing
        question = f"Release the hold of {project.settings.application}?" if record.hold else "Deploy it?"
        _confirm(project, record, question, yes=yes)
        this_run.resume = command("rollback", project.folder, "--release-hold")
        if record.hold:
            scripts.push("rollback", "--release")
        if missing:
            raise missing
        outcome = scripts.push("deploy", IMAGE_DIGEST=digest, PLATFORMS=platforms)
        check_not_held(project, outcome)
    until_answered(project, record, outcome)


def _release_alone(project: Project, record: DeploymentRecord, *, yes: bool) -> None:
    settings = project.settings
    by_ci = {"release": "true", **_in(project)}
    with private_clone(project, console.relay) as scripts, or_by_the_ci(project, ROLLBACK, by_ci):
        scripts.check_out(scripts.fetch_main())
        _confirm(project, record, f"Release the hold of {settings.application}?", yes=yes)
        this_run.resume = command("rollback", project.folder, "--release-hold")
        outcome = scripts.push("rollback", "--release")
    console.report(f"{outcome.text}. To promote again: {command('promote', project.folder, settings.environment)}")


def _in(project: Project) -> dict[str, str]:
    """Return what a CI is given to know the environment, where it is not the usual one."""
    return {"environment": project.settings.environment} if project.settings.source else {}


def recorded(project: Project) -> DeploymentRecord:
    """Return what is deployed now, readable or not; raise where that cannot be seen or nothing was deployed."""
    checks.refuse(checks.before_reading(project, ask_ci=False))
    record = deployment_record.newest(project)  # unreadable perhaps: a rollback is the way back from there
    if record is None:
        settings = project.settings
        what = f"There is no branch {settings.branch}: nothing was deployed yet, or it was lost."
        first = ("promote", project.folder, settings.environment) if settings.source else ("up", project.folder)
        raise InstallerError(what, command(*first))
    return record


def until_answered(project: Project, before: DeploymentRecord | None, outcome: Outcome) -> None:
    """Wait until the code host shows what a script pushed, and every pod answers it."""

    def look() -> DeploymentRecord | None:
        record = deployment_record.read(project)
        old = before and before.commit
        return record if record and (outcome.word == "already there" or record.commit != old) else None

    if record := until(look, _PATIENCE, every=1.0):
        keep_record(project)
        until_rolled_out(project, record)
    else:
        what = f"{project.settings.host} does not show what was pushed to {project.settings.branch}."
        raise InstallerError(what, command("status", project.folder, "--watch"))


def check_not_held(project: Project, outcome: Outcome) -> None:
    """Raise where ci/deploy deployed nothing, since somebody held it meanwhile. What is superseded runs, in a newer."""
    if outcome.word == "held":
        release = command("rollback", project.folder, "--release-hold")
        raise InstallerError(f"Nothing was deployed, since it was held meanwhile: {outcome.text}", release)


def _confirm(project: Project, record: DeploymentRecord, question: str, target: str = "", *, yes: bool) -> None:
    """Ask; raise where somebody else held another deployment while the person thought about it."""
    console.confirm(question, yes=yes)
    now = None if yes else deployment_record.newest(project)
    if now and now.hold not in ("", record.hold) and now.revision != target:
        what = f"Meanwhile {project.settings.branch} was held at {now.revision[:12]} by {now.hold}."
        raise InstallerError(f"{what} Nothing was changed.", "Ask them, then run this again.")


@contextmanager
def or_by_the_ci(project: Project, pipeline: Pipeline, inputs: dict[str, str]) -> Iterator[None]:
    """Name what starts the CI's own run where it cannot be done from here."""
    try:
        yield
    except NotFromHere as error:
        by_ci = project.ci_unasked.manual_step(pipeline, inputs)
        raise InstallerError(error.message, "; ".join(filter(None, [by_ci, error.fix]))) from None


def _target(project: Project, record: DeploymentRecord, to: str, *, ask: bool) -> PastDeployment:
    """Return the deployment that comes back: the one that is named, or chosen, or else the one before."""
    if to:
        return deployment_record.named(project, to)
    previous = deployment_record.previous(project, record)
    if not ask or not console.interactive():
        return previous
    known: dict[str, PastDeployment] = {}  # the newest of each revision
    for past in islice(deployment_record.commits(project), 5 * OFFERED):
        if past.revision not in ("", record.revision):
            known.setdefault(past.revision, past)
    others = [past for past in known.values() if past.revision != previous.revision][: OFFERED - 1]
    offered = [past for past in known.values() if past in others or past.revision == previous.revision]
    if previous.revision not in known:
        offered.append(previous)
    for number, past in enumerate(offered, 1):
        console.report(f"{number:>3}  {past}")
    usual = [past.revision for past in offered].index(previous.revision) + 1
    chosen = click.prompt("Which one comes back?", type=click.IntRange(1, len(offered)), default=usual)
    return offered[int(chosen) - 1]


def _nothing_to_do(project: Project, record: DeploymentRecord) -> None:
    if not record.hold:
        what = f"{project.settings.branch} is at {record.revision[:12]} already, by a deployment."
        raise InstallerError(what, "Nothing was changed and nothing is held. Choose another with --to.")
    console.report(f"{project.settings.branch} is held at {record.revision[:12]} already.")
    until_rolled_out(project, record)


def reader(project: Project) -> registry.Login:
    """Return the login that reads the project's images: yours, or else the cluster's; with no token it is nobody's."""
    settings, credentials = project.settings, project.credentials
    found = registry.login_at_hand(settings, credentials)
    return found or registry.Login.to(settings, credentials.pull_username, credentials.pull_token)


def check_image(project: Project, target: DeploymentRecord) -> None:
    """Raise where the registry has lost the image of what is to be deployed again; note where it cannot be asked."""
    settings = project.settings
    if target.image != settings.image_repository or not registry.DIGEST.fullmatch(target.digest):
        return  # whoever may push to the branch chooses what is recorded there
    try:
        with registry.reached(settings, project.cluster, reader(project)) as login:
            there = registry.has(login, settings.image_name, target.digest)
    except InstallerError as error:
        console.report(f"Note: whether the registry still has its image was not checked: {error.message}")
        return
    if not there:
        what = f"{settings.registry} has the image of {target.revision[:12]} no more ({target.digest[:19]})."
        raise InstallerError(what, "Nothing was changed. Choose another deployment with --to.")


def _image_of(project: Project, head: str, record: DeploymentRecord) -> tuple[str, str]:
    """Return digest and platforms of the head's image, which its CI built and tested; raise where one is missing.

    The registry is asked as `ci/image --digest` does, but that takes no Docker, and no login where anyone may pull.
    """
    ci, name = project.ci_unasked, project.settings.image_name
    try:
        state = project.forge.check(head, ci.test, ci.check_app)
        if state != "success":
            raise InstallerError(f"its check `{ci.test}` is {state or 'not there'}.")
        login = reader(project)
        digest = registry.digest_of(login, name, head)
        machines = registry.architectures(login, name, digest) or record.architectures
    except InstallerError as error:
        here = f"{command('deploy', project.folder)} --break-glass REASON"
        raise InstallerError(error.message, f"{ci.manual_step(DEPLOY)}; or, without the CI: {here}") from None
    return digest, ",".join(f"linux/{each}" for each in machines)
