"""Whether all is as it should be, part by part, up to what the running pods answer."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ..ci import registry
from ..ci.base import Run, built_anew
from ..cluster.workloads import all_answer, wrong_image, wrong_revision
from ..config.settings import CI_TOKENS, MAIN
from ..engine.reconcile import Planned
from ..engine.resource import Finding
from ..forges.git import Clone
from ..project.project import Project
from ..resources.platforms import mismatch, of_nodes
from ..support.errors import InstallerError
from ..support.resume_command import command
from ..support.wait import result, threads
from . import deployment_record
from .github_deployments import Reported, close
from .rollout import RunningService
from .service import DeploymentRecord, assess

log = logging.getLogger(__name__)


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
class EnvironmentState:
    """One environment in a line, where there are several."""

    name: str
    healthy: bool
    state: str
    revision: str = ""
    since: str = ""
    behind: int | None = None
    """Commits that the environment has which is promoted to it, or main, and it has not; None where that is unknown."""
    hold: str = ""


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
    environments: Sequence[EnvironmentState] = ()
    """Each of them, where there are several."""
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
    unseen, promoted = project.settings.lane in unreachable, bool(project.settings.source)
    run = None if unseen or promoted else project.ci.newest()  # before the record: it may end in between
    found = None if unseen else deployment_record.newest(project)
    record = None if found is None or found.unreadable else found
    own = project.settings.environment if promoted else ""
    parts: list[Callable[[], Row]] = []
    if not unseen:
        parts += [] if project.settings.local else [lambda: _secrets(project)]
        parts.append(lambda: _branch(project, found))
        parts += [] if promoted or project.settings.local else [lambda: _run(project, run)]
    if record:
        parts.append(lambda: _image(project, record))
    if "cluster" not in unreachable and (found or not promoted):
        parts += [lambda: _argocd(project, record), lambda: _service(project, record)]
    with threads(len(parts) + 1) as pool:
        compared = pool.submit(lambda: [*plan()])
        looked = pool.map(lambda part: part(), parts)
        planned = result(compared)
        of_it = [each for each in planned if each.resource.environment in ("", own)]
        rows = [*_resources(of_it, unreachable), *looked]
    if record and "cluster" not in unreachable:
        rows += _architecture(project, record)
        rows += _deployment(project, record)  # last: where the service is as recorded, this look finds it so
    environments: list[EnvironmentState] = []
    for each in project.settings.of_each() if project.settings.environments and not unreachable else []:
        there = rows if each == project.settings else None
        environments.append(_environment(project.of(each.environment), planned, there))
    rows += [Row(f"environment-{e.name}", f"environment {e.name}", e.healthy, e.state) for e in environments]
    under_way = run if run and not run.over else None
    failed = "" if under_way or all(row.healthy for row in rows) else _certain(project, run, record, unreachable)
    missing = [p.resource.key for p in planned if p.change and p.change.action == "create"]
    uncreated = not Clone(project.folder).connected() if unseen else "repository" in missing
    return Report(rows, problems, record.hold if record else "", under_way, failed, environments, uncreated)


def _environment(project: Project, planned: Iterable[Planned], rows: Sequence[Row] | None) -> EnvironmentState:
    """Return an environment in a line; `rows` are its parts, where these were looked at already."""
    settings, record = project.settings, deployment_record.newest(project)
    if rows is None:
        rows = [*_resources(p for p in planned if p.resource.environment == settings.environment)]
        rows.append(_branch(project, record))
        if record and not record.unreadable:
            rows += [_argocd(project, record), _service(project, record)]
            report_outcome(project, record, log.info)
    wrong = [f"{row.title}: {row.state}".partition("\n")[0] for row in rows if not row.healthy]
    if record is None:
        none = "nothing promoted yet" if settings.source else "nothing was deployed yet"
        return EnvironmentState(settings.environment, not wrong, "\n".join([none, *wrong]))
    head = next(deployment_record.commits(project), None)
    since = head.when if head and head.commit == record.commit else ""
    behind = _behind(project, record)
    said = [record.revision[:12] or "no revision"]
    said += [_lacking(behind, settings.source or MAIN)] if behind else []
    said += [f"since {since}"] if since else []
    said += [f"held by {record.hold}"] if record.hold else ["healthy"] if not wrong else []
    state = "\n".join([", ".join(said), *wrong])
    return EnvironmentState(settings.environment, not wrong, state, record.revision, since, behind, record.hold)


def _behind(project: Project, record: DeploymentRecord) -> int | None:
    """Return how many commits an environment lacks; None where that cannot be known, as of a commit that is gone."""
    source = project.settings.source
    try:
        newer = deployment_record.newest(project.of(source)) if source else None
        return project.forge.count(newer.revision if newer else MAIN, record.revision)
    except InstallerError:
        return None


def _lacking(commits: int, source: str) -> str:
    return f"{commits} commit{'s' * (commits != 1)} behind {source}"


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


def _secrets(project: Project) -> Row:
    title = f"{project.ci.title.removeprefix('GitHub ')} secrets"
    if project.ci.no_token:
        return Row("secrets", title, healthy=True, state=f"not seen: there is no token for {project.ci.title}")
    names = ", ".join(sorted(project.ci.secrets()))
    return Row("secrets", title, bool(names) or project.settings.own_registry, names or "none")


def _run(project: Project, run: Run | None) -> Row:
    ci, row = project.ci, partial(Row, "run", "last deployment run")
    if ci.unseen:
        return row(healthy=True, state=f"not seen, {ci.unseen}: {ci.page}")
    if run is None:
        skipped = project.settings.ci in CI_TOKENS  # perhaps: GitHub shows the runs of a commit, that is of the head
        return row(skipped, f"none for the head of {MAIN}: {ci.page}" if skipped else "none yet")
    where = f"for {run.revision[:12]}: {run.url}"
    if not run.over:
        return row(healthy=True, state=f"under way ({run.state.replace('_', ' ')}) {where}")
    logs = "" if run.green else f"\n{ci.failing_logs(run, lines=5)}"
    return row(run.green, f"{run.state} {where}{logs}".rstrip())


def _branch(project: Project, record: DeploymentRecord | None) -> Row:
    row = partial(Row, "branch", f"branch {project.settings.branch}")
    if record is None and project.settings.source:
        first = command("promote", project.folder, project.settings.environment)
        return row(healthy=True, state=f"nothing promoted yet\n→ {first}")
    if record is None:
        return row(healthy=False, state="nothing was deployed yet")
    if record.unreadable:
        back = f"{command('rollback', project.folder)} brings back the deployment before it"
        return row(healthy=False, state=f"{record.unreadable}\n→ {back}")
    head = next(deployment_record.commits(project), None)
    by = f", deployed by {head.deployed_by}" if head and head.commit == record.commit and head.deployed_by else ""
    held = f", held by {record.hold}" if record.hold else ""
    behind = None if project.settings.environments else _behind(project, record)  # the environment's line says it
    lacking = f", {_lacking(behind, MAIN)}" if behind else ""
    return row(healthy=True, state=f"records {record.revision[:12]}{by}{held}{lacking}")


def _image(project: Project, record: DeploymentRecord) -> Row:
    """Ask the project's own registry, and no other: whoever may push to the branch chooses what is recorded there."""
    settings, credentials, own = project.settings, project.credentials, project.settings.image_repository
    row = partial(Row, "image", f"image in {own}")
    if record.image != own or not registry.DIGEST.fullmatch(record.digest):
        recorded = f"{record.image}@{record.digest}" if record.image else "nothing"
        state = f"{settings.branch} records {recorded}, which is no image of {own}: it was not looked for"
        return row(healthy=False, state=state)
    username, token = credentials.registry_username, credentials.registry_token
    if settings.own_registry:  # only jobs push there
        username, token = credentials.pull_username, credentials.pull_token
    login = registry.Login.to(settings, username, token)
    try:
        with registry.reached(settings, project.cluster, login) as reached:
            there = registry.has(reached, own.partition("/")[2], record.digest)
    except InstallerError as error:
        return row(healthy=False, state=error.message)
    shown = record.digest[:19]
    return row(there, f"{shown} is there" if there else f"{shown}, which {settings.branch} records, is not there")


def _argocd(project: Project, record: DeploymentRecord | None) -> Row:
    live, row = RunningService(project.cluster, project.settings), partial(Row, "sync", "Argo CD")
    synced = live.sync_state()
    if synced is None:
        return row(healthy=False, state="there is no Application")
    commit = record.commit if record else synced.revision
    if synced.revision != commit and not live.refresh():  # it would look of itself, later
        synced = live.sync_state() or synced
    state = f"{synced.sync} and {synced.health} at {synced.revision[:7] or 'no commit'}"
    if not synced.has(commit):
        behind = f"{project.settings.branch} is at {commit[:7]}" if synced.revision != commit else ""
        state = "\n".join(filter(None, [state, behind, *live.problems()]))
    return row(synced.has(commit), state)


def _service(project: Project, record: DeploymentRecord | None) -> Row:
    live, row = RunningService(project.cluster, project.settings), partial(Row, "service", "service")
    ready = live.answers()
    if record is None:
        reported = sorted({answer.revision for answer in ready if answer.revision})
        return row(healthy=False, state=f"answers {', '.join(reported) or 'nothing'}")
    wrong = wrong_revision(ready, record.revision) or wrong_image(live.pods(), record.digest)
    return row(not wrong, wrong or f"{all_answer(ready, record.revision)}, as recorded")


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
    return close(project.github, RunningService(project.cluster, project.settings), record, say)
