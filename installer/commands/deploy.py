"""`deploy --break-glass`: a commit of main is tested, built and deployed from here, without its CI."""

from collections.abc import Callable

from ..ci import registry
from ..ci.base import DEPLOY
from ..config.settings import MAIN
from ..forges.git import Clone
from ..preflight import tools
from ..project.project import Project
from ..project.scripts import Scripts, private_clone
from ..resources.platforms import best_of, of_nodes
from ..status.service import DeploymentRecord
from ..support import process
from ..support.errors import InstallerError
from ..support.plain_text import one_line
from ..support.resume_command import command, git, this_run
from ..ui import console
from . import programs
from .rollback import check_not_held, or_by_the_ci, recorded, until_answered
from .up import until_rolled_out


def deploy(project: Project, *, commit: str, reason: str, skip_tests: bool, yes: bool) -> None:
    """Ask, run the project's own ci/test, ci/image and ci/deploy for a commit of main, and wait until it is live."""
    settings = project.settings
    if settings.source:
        what = f"{settings.environment} runs what was promoted from {settings.source}: nothing is built for it."
        raise InstallerError(what, command("promote", project.folder, settings.environment))
    record = recorded(project)
    if record.hold:
        fix = f"Release the hold before: {command('rollback', project.folder, '--release-hold')}"
        raise InstallerError(f"{settings.branch} is held by {record.hold}. Nothing was changed.", fix)
    otherwise = "; or deploy the commit without them: "
    wanted = meant(project, commit, lambda head: otherwise + _again(project, head, reason))
    check_docker()
    platforms = f"linux/{architecture(project)}"
    login = login_to_push(project, " Nothing was changed.")
    registry.check_login(login, settings.image_name)
    with private_clone(project, console.relay) as scripts, or_by_the_ci(project, DEPLOY, {}):
        head = scripts.fetch_main(history=True)
        revision = scripts.on_main(wanted)
        if not revision:
            what = f"{one_line(commit or wanted, 64)} is not on {MAIN} of {settings.repository}. Nothing was changed."
            raise InstallerError(what, f"Merge it first; or deploy the head of {MAIN}: {_again(project, head, reason)}")
        if record.revision == revision:
            console.report(f"{settings.branch} records {revision} already.")
            until_rolled_out(project, record)
            return
        check_order(project, scripts, record, revision)
        scripts.check_out(revision)
        if (image := scripts.image()) != settings.image_repository:  # the login is for one registry
            what = f"{revision[:12]} names the image {image}, and gitops.yaml here {settings.image_repository}."
            fix = f"{git(project.folder, 'checkout', revision)}, then run this again"
            raise InstallerError(f"{what} Nothing was changed.", fix)
        by = one_line(f"{scripts.who} (break-glass: {reason}{'; tests skipped' if skip_tests else ''})")
        console.report(f"Built and deployed from here, for {platforms}: {scripts.named(revision)}")
        console.report(f"The record says: Deployed-by: {by}")
        console.confirm(f"Deploy it to {settings.application}?", yes=yes)
        this_run.resume = _again(project, revision, reason, *(["--skip-tests"] if skip_tests else []))
        if not skip_tests:
            scripts.run("test")
            scripts.check_out(revision)  # whatever the tests left
        given = {"PLATFORMS": platforms, "DEPLOYED_BY": by}
        digest = scripts.run("image", REGISTRY_CA=settings.registry_ca_file, **login.variables, **given)
        outcome = scripts.push("deploy", IMAGE_DIGEST=digest, **given)
        check_not_held(project, outcome)
    until_answered(project, record, outcome)


def _again(project: Project, commit: str, reason: str, *options: str) -> str:
    return command("deploy", project.folder, commit, "--break-glass", reason, *options)


def check_order(project: Project, scripts: Scripts, record: DeploymentRecord, revision: str) -> None:
    """Raise where ci/deploy would refuse a commit: nobody waits for tests and image before that is said."""
    records, back = f"{project.settings.branch} records {record.revision[:12]}", command("rollback", project.folder)
    if not record.revision:
        raise InstallerError(record.unreadable, f"The deployment before it comes back, held: {back}")
    recorded_on_main = scripts.on_main(record.revision)
    if recorded_on_main and scripts.contains(record.revision, revision):
        fix = f"If it was deployed before, go back to it: {command('rollback', project.folder, '--to', revision)}"
        raise InstallerError(f"{records}, which is newer than {revision[:12]}.", fix)
    if not recorded_on_main or not scripts.contains(revision, record.revision):
        what = f"{records}, which is not in the history of {revision[:12]} (diverged)."
        release = command("rollback", project.folder, "--release-hold")
        raise InstallerError(what, f"Go back to a deployment that is: {back} --to REVISION; then {release}")


def meant(project: Project, commit: str, otherwise: Callable[[str], str] = lambda _: "") -> str:
    """Return the commit of a name, or else what is checked out; raise where files differ from that."""
    clone = Clone(project.folder)
    if commit:
        return clone.commit(commit) or commit
    head = clone.head()
    if changed := clone.uncommitted():
        files = f"{changed[0]} is" if len(changed) == 1 else f"{changed[0]} and {len(changed) - 1} more are"
        stash = git(project.folder, "stash", "--include-untracked")
        first = "Commit that, or leave it out: " if project.settings.local else ""
        what = f"{files} not as in commit {head[:12]}. Nothing was changed."
        raise InstallerError(what, f"{first}{stash}{otherwise(head)}")
    return head


def check_docker() -> None:
    """Raise where there is no Docker that runs, with what builds an image."""
    tools.docker()
    if process.attempt("docker", "buildx", "version").status:
        raise InstallerError("docker has no buildx: it builds the image.", "See https://docs.docker.com/go/buildx")


def login_to_push(project: Project, so: str = "") -> registry.Login:
    """Return the login by which images are pushed from here; raise where there is none."""
    settings = project.settings
    if login := registry.login_at_hand(settings, project.credentials):
        return login
    fix = f"Set REGISTRY_USERNAME and REGISTRY_TOKEN, or: docker login {settings.registry}"
    raise InstallerError(f"There is no login for {settings.registry}.{so}", fix)


def architecture(project: Project) -> str:
    """Return which of the nodes' machines to build for: this one's where there are such nodes."""
    nodes = of_nodes(project.cluster)
    if not nodes:
        what = "The cluster's nodes cannot be listed, so it is not known for which machines to build."
        raise InstallerError(what, "It takes the right to list nodes; kubectl get nodes")
    here = programs.architecture()
    return here if here in nodes else best_of(nodes)
