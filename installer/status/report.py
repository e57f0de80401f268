"""Whether all is as it should be, part by part, up to what the running pods answer."""

import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..ci import registry
from ..ci.base import DEPLOY, Run, built_anew
from ..cluster.pod_answers import all_answer, wrong_image, wrong_revision
from ..config.settings import MAIN
from ..config.supported import CI_TOKENS
from ..engine.reconcile import Planned
from ..engine.resource import Finding
from ..forges.git import Clone
from ..project.project import Project
from ..resources.platforms import mismatch, of_nodes
from ..support.errors import InstallerError
from ..support.resume_command import command
from ..support.wait import threads
from . import deployment_record
from .deployment_record import DeploymentRecord
from .deployment_status import assess
from .github_deployments import Reported, close
from .rollout import RunningService

log = logging.getLogger(__name__)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Row:
    """One line of the report."""

    key: str
    title: str
    healthy: bool
    state: str
    unseen: bool = False
    """It is where nobody could look: the state says what would be made there."""


@dataclass(frozen=True)
class Report:
    """All lines, and what kept us from looking."""

    rows: Sequence[Row]
    problems: Sequence[Finding]
    hold: str = ""
    under_way: Run | None = None
    """A deployment that has not ended."""
    failed: str = ""
    """The kind of what keeps it from being well, where that does not go away by itself; empty where it may."""
    uncreated: bool = False
    """The repository is not there; or nobody can look, and this folder was never connected to it."""

    @property
    def healthy(self) -> bool:
        """Return whether all could be looked at and is as it should be: what answers is what was deployed last.

        A deployment that is under way takes nothing from that; its failure would.
        """
        return not self.problems and all(row.healthy for row in self.rows)

    @property
    def settled(self) -> bool:
        """Return whether all is as it should be and nothing is about to change it."""
        return self.healthy and self.under_way is None

    @property
    def blind(self) -> bool:
        """Return whether nothing could be looked at."""
        return bool(self.problems) and all(row.unseen for row in self.rows)


def examine(project: Project, problems: Sequence[Finding], plan: Callable[[], Iterable[Planned]]) -> Report:
    """Look at everything that can be looked at; `plan` compares each resource with what it should be."""
    unreachable = {problem.lane for problem in problems}
    unseen = project.settings.lane in unreachable
    run = None if unseen else project.ci.newest(DEPLOY)  # before the record: it may end in between
    found = None if unseen else deployment_record.newest(project)
    record = None if found is None or found.unreadable else found
    planned: list[Planned] = []

    def compared() -> Iterable[Row]:
        planned.extend(plan())
        return _resources(planned, unreachable)

    parts: list[Callable[[], Iterable[Row]]] = [compared]
    if not unseen:
        parts += [] if project.settings.local else [lambda: _secrets(project), lambda: _run(project, run)]
        parts.append(lambda: _branch(project, found))
    if record:
        parts.append(lambda: _image(project, record))
    if "cluster" not in unreachable:
        parts += [lambda: _argocd(project, record), lambda: _service(project, record)]
    with threads(len(parts)) as pool:
        rows = [row for found in pool.map(lambda part: list(part()), parts) for row in found]
    if record and "cluster" not in unreachable:
        rows += _architecture(project, record)
        rows += _deployment(project, record)  # last: where the service is as recorded, this look finds it so
    under_way = run if run and not run.over else None
    failed = "" if under_way or all(row.healthy for row in rows) else _certain(project, run, record, unreachable)
    missing = [p.resource.key for p in planned if p.change and p.change.action == "create"]
    uncreated = not Clone(project.folder).connected() if unseen else "repository" in missing
    return Report(rows, problems, record.hold if record else "", under_way, failed, uncreated)


def _certain(project: Project, run: Run | None, record: DeploymentRecord | None, unreachable: Collection[str]) -> str:
    """Return the kind of a failure that waiting does not change: of the newest run, or of what was deployed."""
    if run and not run.green:
        return "run"
    if record is None or "cluster" in unreachable:
        return ""
    try:
        found = assess(RunningService(project.cluster, project.settings), record)
    except InstallerError:  # the rows report what does not answer
        return ""
    return found.kind if found and found.state == "failure" else ""


def _resources(planned: Iterable[Planned], unreachable: Collection[str] = ()) -> Iterator[Row]:
    for p in planned:
        state, healthy = "as it should be", True
        unseen = p.resource.lane in unreachable or (p.change is not None and p.change.action == "unseen")
        if p.change:
            fields = ", ".join(field.name for field in p.change.fields)
            state = f"{p.change.action}: {p.change.note or fields}".removesuffix(": ")
            state += f"\n→ {p.change.fix}" if p.change.fix else ""
            healthy = p.change.action == "skipped"
        yield Row(p.resource.key, p.resource.title, healthy, state, unseen)


def _secrets(project: Project) -> Iterator[Row]:
    title = f"{project.ci.title.removeprefix('GitHub ')} secrets"
    if project.ci.no_token:
        yield Row("secrets", title, healthy=True, state=f"not seen: there is no token for {project.ci.title}")
        return
    names = ", ".join(sorted(project.ci.secrets()))
    needed = not project.settings.own_registry
    yield Row("secrets", title, bool(names) or not needed, names or "none")


def _run(project: Project, run: Run | None) -> Iterator[Row]:
    title = "last deployment run"
    if project.ci.unseen:
        yield Row("run", title, healthy=True, state=f"not seen, {project.ci.unseen}: {project.ci.page}")
        return
    if run is None:
        skipped = project.settings.ci in CI_TOKENS  # perhaps: GitHub shows the runs of a commit, that is of the head
        state = f"none for the head of {MAIN}: {project.ci.page}" if skipped else "none yet"
        yield Row("run", title, healthy=skipped, state=state)
        return
    where = f"for {run.revision[:12]}: {run.url}"
    if not run.over:
        yield Row("run", title, healthy=True, state=f"under way ({run.state.replace('_', ' ')}) {where}")
        return
    state = f"{run.state} {where}"
    if not run.green:
        state = f"{state}\n{project.ci.failing_logs(run, lines=5)}".rstrip()
    yield Row("run", title, run.green, state)


def _branch(project: Project, record: DeploymentRecord | None) -> Iterator[Row]:
    title = f"branch {project.settings.branch}"
    if record is None:
        yield Row("branch", title, healthy=False, state="nothing was deployed yet")
        return
    if record.unreadable:
        state = f"{record.unreadable}\n→ {command('rollback', project.folder)} brings back the deployment before it"
        yield Row("branch", title, healthy=False, state=state)
        return
    head = next(deployment_record.commits(project), None)
    by = f", deployed by {head.deployed_by}" if head and head.commit == record.commit and head.deployed_by else ""
    held = f", held by {record.hold}" if record.hold else ""
    yield Row("branch", title, healthy=True, state=f"records {record.revision[:12]}{by}{held}")


def _image(project: Project, record: DeploymentRecord) -> Iterator[Row]:
    """Ask the project's own registry, and no other: whoever may push to the branch chooses what is recorded there."""
    settings, credentials = project.settings, project.credentials
    title, own = f"image in {settings.image_repository}", settings.image_repository
    if record.image != own or not _DIGEST.fullmatch(record.digest):
        recorded = f"{record.image}@{record.digest}" if record.image else "nothing"
        state = f"{settings.branch} records {recorded}, which is no image of {own}: it was not looked for"
        yield Row("image", title, healthy=False, state=state)
        return
    username, token = credentials.registry_username, credentials.registry_token
    if settings.own_registry:  # only jobs push there
        username, token = credentials.pull_username, credentials.pull_token
    login = registry.Login.to(settings, username, token)
    try:
        with registry.reached(settings, project.cluster, login) as reached:
            there = registry.has(reached, own.partition("/")[2], record.digest)
    except InstallerError as error:
        yield Row("image", title, healthy=False, state=error.message)
        return
    shown = record.digest[:19]
    state = f"{shown} is there" if there else f"{shown}, which {settings.branch} records, is not there"
    yield Row("image", title, there, state)


def _argocd(project: Project, record: DeploymentRecord | None) -> Iterator[Row]:
    live = RunningService(project.cluster, project.settings)
    synced, title = live.sync_state(), "Argo CD"
    if synced is None:
        yield Row("sync", title, healthy=False, state="there is no Application")
        return
    commit = record.commit if record else synced.revision
    if synced.revision != commit and not live.refresh():  # it would look of itself, later
        synced = live.sync_state() or synced
    state = f"{synced.sync} and {synced.health} at {synced.revision[:7] or 'no commit'}"
    if not synced.has(commit):
        behind = f"{project.settings.branch} is at {commit[:7]}" if synced.revision != commit else ""
        state = "\n".join(filter(None, [state, behind, *live.problems()]))
    yield Row("sync", title, synced.has(commit), state)


def _service(project: Project, record: DeploymentRecord | None) -> Iterator[Row]:
    live = RunningService(project.cluster, project.settings)
    ready = [answer for answer in live.answers() if answer.ready]
    reported = sorted({answer.revision for answer in ready if answer.revision})
    if record is None:
        yield Row("service", "service", healthy=False, state=f"answers {', '.join(reported) or 'nothing'}")
        return
    wrong = wrong_revision(ready, record.revision) or wrong_image(live.pods(), record.digest)
    yield Row("service", "service", not wrong, wrong or f"{all_answer(ready, record.revision)}, as recorded")


def _architecture(project: Project, record: DeploymentRecord) -> Iterator[Row]:
    """Name an image that no node runs; nothing to say where one does."""
    if record.architectures and (wrong := mismatch(record.architectures, of_nodes(project.cluster))):
        state = f"{wrong}\n→ {built_anew(project.folder, project.ci)}"
        yield Row("architecture", "machines that the image is for", healthy=False, state=state)


def _deployment(project: Project, record: DeploymentRecord) -> Iterator[Row]:
    """Report to GitHub, too: the only part that writes. Whether GitHub takes it does not change the health."""
    if reported := report_outcome(project, record, log.info).text:
        yield Row("deployment", "GitHub Deployment", healthy=True, state=reported)


def report_outcome(project: Project, record: DeploymentRecord, say: Callable[[str], None] = lambda _: None) -> Reported:
    """Close GitHub's Deployment of what `env/dev` records, after asking the pods from here."""
    if project.settings.scm != "github":
        return Reported("")
    return close(project.github, RunningService(project.cluster, project.settings), project.settings, record, say)
