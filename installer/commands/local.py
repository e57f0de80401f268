"""Deployments of a project on one machine: no CI could be down, so they take no reason and no question."""

import tempfile
from contextlib import suppress
from pathlib import Path

from ..ci import oci_layout, registry
from ..config.settings import MAIN
from ..forges.git import Clone
from ..preflight import checks
from ..project.local import keep_record
from ..project.project import Project
from ..project.scripts import Scripts, private_clone
from ..status import deployment_record
from ..status.service import DeploymentRecord
from ..support.errors import InstallerError
from ..support.plain_text import one_line
from ..support.resume_command import command, git, this_run
from ..support.secret import Secret
from ..ui import console
from ..ui.progress import Timeline, Waiting
from .deploy import architecture, check_docker, check_order, meant
from .rollback import check_not_held, reader
from .up import until_rolled_out

RELEASE = "--release-hold"
_TRIES = 3
"""How often an image is brought to the registry: a port-forward ends after a minute, and what arrived is there."""


def deploy_here(project: Project, *, commit: str, skip_tests: bool) -> None:
    """Test and build what is checked out, push it to main, deploy it, and wait until it is live."""
    checks.refuse(checks.before_reading(project, ask_ci=False))
    settings = project.settings
    if project.forge.head(MAIN) is None:
        what = f"There is no git server {settings.git_server} that runs and has a {MAIN}. Nothing was changed."
        raise InstallerError(what, command("up", project.folder))
    record = deployment_record.newest(project)
    wanted = meant(project, commit)
    timeline = Timeline()
    options = () if record else ("--init",)
    record = _deploy(
        project, timeline, wanted, options, before=record, skip_tests=skip_tests, checked_out=not commit,
        resume=command("deploy", project.folder, *([commit] if commit else [])),
    )  # fmt: skip
    until_rolled_out(project, record, Waiting(), timeline)


def ensure_deployed(project: Project, timeline: Timeline) -> DeploymentRecord:
    """Return what is deployed; deploy the head of main where nothing is, and build again what the registry lost."""
    record = deployment_record.read(project)
    if record is None:
        return _deploy(project, timeline, project.forge.head(MAIN) or "", ("--init",))
    if _lost(project, record):
        console.report(
            f"{project.settings.registry} has the image of {record.revision[:12]} no more: it is built again."
        )
        return _deploy(project, timeline, record.revision, ("--again",), skip_tests=True)
    return record


def release_here(project: Project, record: DeploymentRecord, *, yes: bool) -> None:
    """Take the hold away, deploy the head of main, and wait until it is live."""
    console.report(f"Held now: {record.hold}" if record.hold else f"{project.settings.branch} is not held.")
    head = project.forge.head(MAIN)
    if not head or (not record.hold and record.revision == head):
        return
    console.report(f"The head of {MAIN}, {head[:12]}, is deployed at once.")
    if head == record.rolled_back:
        console.report(
            "Note: that is what was rolled back. Commit the fix and `deploy` it before you release the hold."
        )
    console.confirm("Release the hold?" if record.hold else "Deploy it?", yes=yes)
    timeline, resume = Timeline(), command("rollback", project.folder, RELEASE)
    record = _deploy(project, timeline, head, before=record, release=True, resume=resume)
    until_rolled_out(project, record, Waiting(), timeline)


def _deploy(
    project: Project,
    timeline: Timeline,
    commit: str,
    options: tuple[str, ...] = (),
    *,
    before: DeploymentRecord | None = None,
    skip_tests: bool = False,
    checked_out: bool = False,
    release: bool = False,
    resume: str = "",
) -> DeploymentRecord:
    """Run the project's own ci/test, ci/image and ci/deploy for a commit of main; return what is recorded then.

    What the record `before` has already is not built again, and what ci/deploy would refuse on top of it is not built.
    A commit that is `checked_out` need not be on main: it is pushed there once its tests and its image are good. Under
    a hold it ends with that; to `release` that, the image is taken that was built then.
    """
    platforms = f"linux/{architecture(project)}"
    with private_clone(project, console.relay) as scripts:
        head = scripts.fetch_main(history=True)
        if checked_out:
            scripts.fetch_checked_out()
            _check_ahead(project, scripts, commit, head)
        revision = commit if checked_out else scripts.on_main(commit)
        if not revision:
            what = f"{one_line(commit, 64)} is not on {MAIN} of {project.settings.repository}. Nothing was changed."
            raise InstallerError(what, f"Its head is {head[:12]}: {command('deploy', project.folder, head)}")
        pushes = checked_out and revision != head
        held = before is not None and before.hold != "" and not release
        if before and held and not pushes:
            raise _held(project, before)
        if before and not release:
            if before.revision == revision:
                console.report(f"{project.settings.branch} records {revision} already.")
                return before
            check_order(project, scripts, before, revision)
        this_run.resume = resume or this_run.resume
        scripts.check_out(revision)
        digest = _built_before(project, revision) if release else ""
        if digest:
            console.report(f"Deployed here: {scripts.named(revision)}")
        else:
            check_docker()
            doing = "Built" if held else "Built and deployed"
            console.report(f"{doing} here, for {platforms}: {scripts.named(revision)}")
            if not skip_tests:
                with timeline.span("tests (ci/test)"):
                    _test(project, scripts, before)
                scripts.check_out(revision)  # whatever the tests left
            with timeline.span("image (ci/image)"):
                digest = _image(project, scripts, revision, platforms)
        if pushes:
            with timeline.span(f"push to {MAIN}"):
                clone, url = Clone(project.folder), project.settings.clone_url
                clone.connect(url)
                clone.push(url, MAIN, project.login, commit=revision)
        if before and held:
            this_run.resume = ""
            raise _held(project, before)
        if before and before.hold:
            scripts.push("rollback", "--release")
        with timeline.span("record (ci/deploy)"):
            outcome = scripts.push("deploy", *options, IMAGE_DIGEST=digest, PLATFORMS=platforms)
        check_not_held(project, outcome)
    keep_record(project)
    record = deployment_record.read(project)
    if record is None:
        what = f"{project.settings.git_server} does not show what was pushed to {project.settings.branch}."
        raise InstallerError(what, command("status", project.folder))
    return record


def _check_ahead(project: Project, scripts: Scripts, commit: str, head: str) -> None:
    """Raise where a commit has not the server's main behind it; what is on that is here then, as origin/main."""
    if scripts.contains(commit, head):
        return
    keep_record(project)
    clone, merge = Clone(project.folder), git(project.folder, "merge", f"origin/{MAIN}")
    if not scripts.contains(head, commit):
        what = f"{commit[:12]} and {MAIN} have diverged: {MAIN}'s {head[:12]} is not in its history."
        raise InstallerError(f"{what} Nothing was changed.", merge)
    forward = (
        git(project.folder, "checkout", MAIN) if clone.attempt("symbolic-ref", "--quiet", "HEAD").status else merge
    )
    back = command("rollback", project.folder, "--to", commit[:12])
    what = f"{commit[:12]} is behind {MAIN}, which is at {head[:12]}. Nothing was changed."
    raise InstallerError(what, f"{forward}; or, if it was deployed before, go back to it: {back}")


def _held(project: Project, record: DeploymentRecord) -> InstallerError:
    fix = f"Release the hold, which deploys the head of {MAIN}: {command('rollback', project.folder, RELEASE)}"
    return InstallerError(f"{project.settings.branch} is held by {record.hold}. Nothing was deployed.", fix)


def _test(project: Project, scripts: Scripts, before: DeploymentRecord | None) -> None:
    """Run ci/test; where it fails, say what still runs, and what to do: the same once more would fail again."""
    try:
        scripts.run("test")
    except InstallerError as error:
        this_run.resume = ""
        runs = f"; {before.revision[:12]} still runs" if before and before.revision else ""
        fix = f"Nothing was deployed{runs}. Fix it, commit, and run: {command('deploy', project.folder)}"
        raise InstallerError(error.message, fix) from None


def _built_before(project: Project, revision: str) -> str:
    """Return the digest of a commit's image, as it was deployed or as the cluster's registry has it; empty for none."""
    settings = project.settings
    with suppress(InstallerError), registry.reached(settings, project.cluster, reader(project)) as login:
        for past in deployment_record.commits(project):
            record = deployment_record.at(project, past.commit) if past.revision == revision else None
            if record and record.image == settings.image_repository:
                return record.digest if registry.has(login, settings.image_name, record.digest) else ""
        if settings.registry_in_cluster:
            return registry.digest_of(login, settings.image_name, revision)
    return ""


def _image(project: Project, scripts: Scripts, revision: str, platforms: str) -> str:
    """Build the image and bring it to the registry; return its digest."""
    settings = project.settings
    if not settings.registry_in_cluster:
        login = registry.login_at_hand(settings, project.credentials)
        if login is None:
            fix = f"Set REGISTRY_USERNAME and REGISTRY_TOKEN, or: docker login {settings.registry}"
            raise InstallerError(f"There is no login for {settings.registry}.", fix)
        given = {"REGISTRY_CA": settings.registry_ca_file, **login.variables}
        return scripts.run("image", PLATFORMS=platforms, **given)
    if settings.kind_cluster:  # whose port is this machine's
        return scripts.run("image", PLATFORMS=platforms)
    with tempfile.TemporaryDirectory(prefix="gitops-flask-") as folder:
        layout = Path(folder).resolve() / "layout"
        scripts.run("image", f"--layout={layout}", PLATFORMS=platforms)
        return _pushed(project, layout, revision)


def _pushed(project: Project, layout: Path, revision: str) -> str:
    name, port = registry.IN_CLUSTER, registry.IN_CLUSTER_PORT
    for left in reversed(range(_TRIES)):
        try:
            with project.cluster.forwarded(f"deployment/{name}", name, port) as address:
                return oci_layout.push(layout, address, project.settings.image_name, revision)
        except InstallerError:
            if not left:
                raise
    raise AssertionError("the last try returns or raises")


def _lost(project: Project, record: DeploymentRecord) -> bool:
    """Return whether the registry in the cluster has the recorded image no more."""
    settings = project.settings
    if not settings.registry_in_cluster or record.image != settings.image_repository:
        return False
    nobody = registry.Login.to(settings, "", Secret(""))
    with registry.reached(settings, project.cluster, nobody) as login:
        return not registry.has(login, settings.image_name, record.digest)
