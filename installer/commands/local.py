"""Deployments of a project on one machine: no CI could be down, so they take no reason and no question."""

import tempfile
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
from .rollback import check_not_held
from .up import until_rolled_out

RELEASE = "--release-hold"
_TRIES = 3
"""How often an image is brought to the registry: a port-forward ends after a minute, and what arrived is there."""


def deploy_here(project: Project, *, commit: str, skip_tests: bool) -> None:
    """Push what is checked out to main, test, build and deploy it, and wait until it is live."""
    checks.refuse(checks.before_reading(project, ask_ci=False))
    settings = project.settings
    if project.forge.find() is None:
        what = f"There is no git server {settings.git_server} that runs. Nothing was changed."
        raise InstallerError(what, command("up", project.folder))
    record = deployment_record.newest(project)
    wanted = meant(project, commit)
    check_docker()
    timeline = Timeline()
    this_run.resume = command("deploy", project.folder, *([commit] if commit else []))
    if not commit:
        clone = Clone(project.folder)
        _check_not_behind(project, clone, wanted)
        with timeline.span(f"push to {MAIN}"):
            clone.connect(settings.clone_url)
            clone.push(settings.clone_url, MAIN, project.login)
    if record and record.hold:  # as after a merge elsewhere
        this_run.resume = ""
        fix = f"Release the hold, which deploys the head of {MAIN}: {command('rollback', project.folder, RELEASE)}"
        raise InstallerError(f"{settings.branch} is held by {record.hold}. Nothing was deployed.", fix)
    options = () if record else ("--init",)
    record = _deploy(project, timeline, wanted, options, before=record, skip_tests=skip_tests)
    until_rolled_out(project, record, Waiting(), timeline)


def _check_not_behind(project: Project, clone: Clone, head: str) -> None:
    """Raise where an older commit of main is checked out: no push of it would change main."""
    main = f"refs/remotes/origin/{MAIN}"
    known = clone.attempt("rev-parse", "--verify", "--quiet", main).out.strip()
    if known not in ("", head) and clone.attempt("merge-base", "--is-ancestor", head, main).status == 0:
        what = f"{head[:12]} is checked out, and {MAIN} is newer: {known[:12]}. Nothing was changed."
        back = command("rollback", project.folder, "--to", head[:12])
        raise InstallerError(what, f"{git(project.folder, 'checkout', MAIN)}; or, to go back: {back}")


def ensure_deployed(project: Project, timeline: Timeline) -> DeploymentRecord:
    """Return what is deployed; deploy the head of main where nothing is, and build again what the registry lost."""
    record = deployment_record.read(project)
    if record is None:
        check_docker()
        return _deploy(project, timeline, project.forge.head(MAIN) or "", ("--init",))
    if _lost(project, record):
        console.report(
            f"{project.settings.registry} has the image of {record.revision[:12]} no more: it is built again."
        )
        check_docker()
        return _deploy(project, timeline, record.revision, ("--again",), skip_tests=True)
    return record


def release_here(project: Project, record: DeploymentRecord, *, yes: bool) -> None:
    """Take the hold away, deploy the head of main, and wait until it is live."""
    console.report(f"Held now: {record.hold}" if record.hold else f"{project.settings.branch} is not held.")
    head = project.forge.head(MAIN)
    if not head or (not record.hold and record.revision == head):
        return
    check_docker()  # while the hold still stands
    console.report(f"The head of {MAIN}, {head[:12]}, is built and deployed at once.")
    if head == record.rolled_back:
        console.report(
            "Note: that is what was rolled back. Commit the fix and `deploy` it before you release the hold."
        )
    console.confirm("Release the hold?" if record.hold else "Deploy it?", yes=yes)
    this_run.resume = command("rollback", project.folder, RELEASE)
    if record.hold:
        with private_clone(project, console.relay) as scripts:
            scripts.check_out(scripts.fetch_main())
            scripts.push("rollback", "--release")
    timeline = Timeline()
    record = _deploy(project, timeline, head)
    until_rolled_out(project, record, Waiting(), timeline)


def _deploy(
    project: Project,
    timeline: Timeline,
    commit: str,
    options: tuple[str, ...] = (),
    *,
    before: DeploymentRecord | None = None,
    skip_tests: bool = False,
) -> DeploymentRecord:
    """Run the project's own ci/test, ci/image and ci/deploy for a commit of main; return what is recorded then.

    What the record `before` has already is not built again, and what ci/deploy would refuse on top of it is not built.
    """
    platforms = f"linux/{architecture(project)}"
    with private_clone(project, console.relay) as scripts:
        head = scripts.fetch_main(history=True)
        revision = scripts.on_main(commit)
        if not revision:
            what = f"{one_line(commit, 64)} is not on {MAIN} of {project.settings.repository}. Nothing was changed."
            raise InstallerError(what, f"Its head is {head[:12]}: {command('deploy', project.folder, head)}")
        if before and before.revision == revision:
            console.report(f"{project.settings.branch} records {revision} already.")
            return before
        if before:
            check_order(project, scripts, before, revision)
        scripts.check_out(revision)
        console.report(f"Built and deployed here, for {platforms}: {scripts.named(revision)}")
        if not skip_tests:
            with timeline.span("tests (ci/test)"):
                _test(project, scripts)
            scripts.check_out(revision)  # whatever the tests left
        with timeline.span("image (ci/image)"):
            digest = _image(project, scripts, revision, platforms)
        with timeline.span("record (ci/deploy)"):
            outcome = scripts.push("deploy", *options, IMAGE_DIGEST=digest, PLATFORMS=platforms)
        check_not_held(project, outcome)
    keep_record(project)
    record = deployment_record.read(project)
    if record is None:
        what = f"{project.settings.git_server} does not show what was pushed to {project.settings.branch}."
        raise InstallerError(what, command("status", project.folder))
    return record


def _test(project: Project, scripts: Scripts) -> None:
    try:
        scripts.run("test")
    except InstallerError as error:
        this_run.resume = ""
        fix = f"Nothing was deployed. Commit the fix, then: {command('deploy', project.folder)}"
        raise InstallerError(error.message, fix) from None


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
