"""Deployments of a project on one machine: no CI could be down, so they take no reason and no question."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
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
from ..ui.progress import Timeline
from .deploy import architecture, check_docker, check_order, login_to_push, meant
from .rollback import check_not_held, reader
from .up import until_rolled_out

_TRIES = 3
"""How often an image is brought to the registry: a port-forward ends after a minute, and what arrived is there."""


def deploy_here(project: Project, *, commit: str, skip_tests: bool) -> None:
    """Test and build what is checked out, push it to main, deploy it, and wait until it is live.

    Only what is good comes to main. Under a hold it ends there. What ci/deploy would refuse is not built.
    """
    checks.refuse(checks.before_reading(project, ask_ci=False))
    settings = project.settings
    if project.forge.head(MAIN) is None:
        what = f"There is no git server {settings.git_server} that runs and has a {MAIN}. Nothing was changed."
        raise InstallerError(what, command("up", project.folder))
    before = deployment_record.newest(project)
    hold = before.hold if before else ""
    wanted, timeline = meant(project, commit), Timeline()
    with _steps(project, timeline) as steps:
        revision = steps.of_main(wanted) if commit else steps.checked_out(wanted)
        is_new = not commit and revision != steps.head
        if hold and not is_new:
            raise _held(project, hold)
        if before and before.revision == revision:
            console.report(f"{settings.branch} records {revision} already.")
            until_rolled_out(project, before, timeline)
            return
        if before:
            check_order(project, steps.scripts, before, revision)
        this_run.resume = command("deploy", project.folder, *([commit] if commit else []))
        digest = steps.build(revision, before, skip_tests=skip_tests, doing="Built" if hold else "Built and deployed")
        if is_new:
            steps.push_to_main(revision)
        if hold:
            this_run.resume = ""
            raise _held(project, hold)
        record = steps.record(digest, *([] if before else ["--init"]))
    until_rolled_out(project, record, timeline)


def ensure_deployed(project: Project, timeline: Timeline) -> DeploymentRecord:
    """Return what is deployed; deploy the head of main where nothing is, and build again what the registry lost."""
    record = deployment_record.read(project)
    if record is None:
        head = project.forge.head(MAIN) or ""
        with _steps(project, timeline) as steps:
            return steps.record(steps.build(steps.of_main(head)), "--init")
    if _lost(project, record):
        place = project.settings.registry
        console.report(f"{place} has the image of {record.revision[:12]} no more: it is built again.")
        with _steps(project, timeline) as steps:
            return steps.record(steps.build(steps.of_main(record.revision), skip_tests=True), "--again")
    return record


def release_here(project: Project, record: DeploymentRecord, *, yes: bool) -> None:
    """Take the hold away, deploy the head of main, and wait until it is live."""
    console.report(f"Held now: {record.hold}" if record.hold else f"{project.settings.branch} is not held.")
    head = project.forge.head(MAIN)
    if not head or (not record.hold and record.revision == head):
        return
    console.report(f"The head of {MAIN}, {head[:12]}, is deployed at once.")
    if head == record.rolled_back:
        fixed = "Commit the fix and `deploy` it before you release the hold."
        console.report(f"Note: that is what was rolled back. {fixed}")
    console.confirm("Release the hold?" if record.hold else "Deploy it?", yes=yes)
    timeline = Timeline()
    with _steps(project, timeline) as steps:
        revision = steps.of_main(head)
        this_run.resume = command("rollback", project.folder, "--release-hold")
        digest = steps.built_before(revision) or steps.build(revision, record)
        if record.hold:
            steps.scripts.push("rollback", "--release")
        record = steps.record(digest)
    until_rolled_out(project, record, timeline)


def _held(project: Project, hold: str) -> InstallerError:
    fix = f"Release the hold, which deploys the head of {MAIN}: {command('rollback', project.folder, '--release-hold')}"
    return InstallerError(f"{project.settings.branch} is held by {hold}. Nothing was deployed.", fix)


def _lost(project: Project, record: DeploymentRecord) -> bool:
    """Return whether the registry in the cluster has the recorded image no more."""
    settings = project.settings
    if not settings.registry_in_cluster or record.image != settings.image_repository:
        return False
    nobody = registry.Login.to(settings, "", Secret(""))
    with registry.reached(settings, project.cluster, nobody) as login:
        return not registry.has(login, settings.image_name, record.digest)


@contextmanager
def _steps(project: Project, timeline: Timeline) -> Iterator["_Steps"]:
    """Lend the steps of one deployment, in a private clone that has main with its history."""
    platforms = f"linux/{architecture(project)}"
    with private_clone(project, console.relay) as scripts:
        yield _Steps(project, scripts, scripts.fetch_main(history=True), platforms, timeline)


@dataclass(frozen=True)
class _Steps:
    """What a deployment takes: a commit, its tests, its image, a push to main, and the record."""

    project: Project
    scripts: Scripts
    head: str
    """Of main, at the git server."""
    platforms: str
    timeline: Timeline

    def of_main(self, commit: str) -> str:
        """Return the whole name of a commit of main; raise where it is none."""
        if revision := self.scripts.on_main(commit):
            return revision
        what = f"{one_line(commit, 64)} is not on {MAIN} of {self.project.settings.repository}. Nothing was changed."
        fix = f"Its head is {self.head[:12]}: {command('deploy', self.project.folder, self.head)}"
        raise InstallerError(what, fix)

    def checked_out(self, commit: str) -> str:
        """Return what is checked out; raise where it lacks what is on main, which is in the clone then."""
        self.scripts.fetch_checked_out()
        if self.scripts.contains(commit, self.head):
            return commit
        folder = self.project.folder
        keep_record(self.project)
        merge = git(folder, "merge", f"origin/{MAIN}")
        if not self.scripts.contains(self.head, commit):
            what = f"{commit[:12]} and {MAIN} have diverged: {MAIN}'s {self.head[:12]} is not in its history."
            raise InstallerError(f"{what} Nothing was changed.", merge)
        on_a_branch = not Clone(folder).attempt("symbolic-ref", "--quiet", "HEAD").status
        forward = merge if on_a_branch else git(folder, "checkout", MAIN)
        back = command("rollback", folder, "--to", commit[:12])
        what = f"{commit[:12]} is behind {MAIN}, which is at {self.head[:12]}. Nothing was changed."
        raise InstallerError(what, f"{forward}; or, if it was deployed before, go back to it: {back}")

    def built_before(self, revision: str) -> str:
        """Return the digest of the image that a commit has already; empty where it has none."""
        if digest := _digest_of(self.project, revision):
            self.scripts.check_out(revision)
            console.report(f"Deployed here: {self.scripts.named(revision)}")
        return digest

    def build(
        self,
        revision: str,
        before: DeploymentRecord | None = None,
        *,
        skip_tests: bool = False,
        doing: str = "Built and deployed",
    ) -> str:
        """Run ci/test and ci/image, and bring the image to the registry; return its digest."""
        self.scripts.check_out(revision)
        check_docker()
        console.report(f"{doing} here, for {self.platforms}: {self.scripts.named(revision)}")
        if not skip_tests:
            with self.timeline.span("tests (ci/test)"):
                self._test(before)
            self.scripts.check_out(revision)  # whatever the tests left
        with self.timeline.span("image (ci/image)"):
            return self._image(revision)

    def push_to_main(self, revision: str) -> None:
        """Push a commit from the project's folder."""
        with self.timeline.span(f"push to {MAIN}"):
            clone, url = Clone(self.project.folder), self.project.settings.clone_url
            clone.connect(url)
            clone.push(url, MAIN, self.project.login, commit=revision)

    def record(self, digest: str, *options: str) -> DeploymentRecord:
        """Run ci/deploy; return what is recorded then."""
        project = self.project
        with self.timeline.span("record (ci/deploy)"):
            outcome = self.scripts.push("deploy", *options, IMAGE_DIGEST=digest, PLATFORMS=self.platforms)
        check_not_held(project, outcome)
        keep_record(project)
        if record := deployment_record.read(project):
            return record
        what = f"{project.settings.git_server} does not show what was pushed to {project.settings.branch}."
        raise InstallerError(what, command("status", project.folder))

    def _test(self, before: DeploymentRecord | None) -> None:
        """Run ci/test; where it fails, say what still runs, and what to do: the same once more would fail again."""
        try:
            self.scripts.run("test")
        except InstallerError as error:
            this_run.resume = ""
            runs = f"; {before.revision[:12]} still runs" if before and before.revision else ""
            again = command("deploy", self.project.folder)
            fix = f"Nothing was deployed{runs}. Fix it, commit, and run: {again}"
            raise InstallerError(error.message, fix) from None

    def _image(self, revision: str) -> str:
        settings, image = self.project.settings, partial(self.scripts.run, "image", PLATFORMS=self.platforms)
        if not settings.registry_in_cluster:
            return image(REGISTRY_CA=settings.registry_ca_file, **login_to_push(self.project).variables)
        if settings.kind_cluster:  # whose port is this machine's
            return image()
        with tempfile.TemporaryDirectory(prefix="gitops-flask-") as folder:
            layout = Path(folder).resolve() / "layout"
            image(f"--layout={layout}")
            return _pushed(self.project, layout, revision)


def _digest_of(project: Project, revision: str) -> str:
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


def _pushed(project: Project, layout: Path, revision: str) -> str:
    """Bring an image through a port-forward to the registry; return its digest."""
    name, port = registry.IN_CLUSTER, registry.IN_CLUSTER_PORT
    for left in reversed(range(_TRIES)):
        try:
            with project.cluster.forwarded(f"deployment/{name}", name, port) as address:
                return oci_layout.push(layout, address, project.settings.image_name, revision)
        except InstallerError:
            if not left:
                raise
    raise AssertionError("the last try returns or raises")
