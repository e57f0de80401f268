"""`status`: what is where, and whether what was deployed is what answers."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from ..preflight import checks
from ..project.project import Project
from ..status import report as status_report
from ..status.report import Report, Row
from ..support.errors import InstallerError
from ..support.resume_command import command
from ..support.wait import until
from ..ui import console, json_documents
from .plan import look

DEADLINE = 900.0
EVERY = 10.0
"""Seconds between two looks: each asks GitHub some twenty questions, of five thousand an hour."""


def status(project: Project, *, as_json: bool = False, watch: bool = False) -> bool:
    """Print one line for each part; return whether all are as they should be."""
    report = _watch(project, silent=as_json) if watch else examine(project)
    if as_json:
        console.document(json_documents.status(project, report))
    elif report.uncreated:
        console.report(f"Nothing was created yet. Create it with: {command('up', project.folder)}")
        console.show_findings(report.problems)
    elif not watch or report.blind:
        console.show_report(report)
    return report.healthy


def examine(project: Project) -> Report:
    """Look at everything once."""
    problems = checks.before_reading(project)
    return status_report.examine(project, problems, lambda: look(project, problems))


def _watch(project: Project, *, silent: bool) -> Report:
    """Look again and again until all is well and no deployment is under way, for a quarter of an hour at most.

    What certainly does not become well by itself ends it, too: that nothing was created yet, say, or that already the
    first look can see nothing.
    """
    reports: list[Report] = []
    show: AbstractContextManager[Callable[[Report], None]]
    if silent:
        show = nullcontext(lambda _: None)
    else:
        show = console.picture() if console.out.is_terminal else nullcontext(_Changes())
    with show as seen:
        trouble: InstallerError | None = None

        def well() -> bool:
            nonlocal trouble
            try:
                reports.append(examine(project))
            except InstallerError as error:  # GitHub or the cluster is away: who watches wants to know when it is back
                if trouble is None or trouble.message != error.message:
                    console.fail(error.message)
                trouble = error
                return False
            trouble = None
            if reports[-1].uncreated or (len(reports) == 1 and reports[0].blind):
                return True
            seen(reports[-1])
            return reports[-1].settled or _surely_failed(reports)

        until(well, DEADLINE, EVERY)
        if trouble:
            raise trouble
    return reports[-1]


def _surely_failed(reports: Sequence[Report]) -> bool:
    """Return whether two looks in a row found the same failure, as `up` asks for."""
    return len(reports) > 1 and bool(reports[-1].failed) and reports[-1].failed == reports[-2].failed


class _Changes:
    """For a log: everything once, then only what changed."""

    def __init__(self) -> None:
        self._last: Sequence[Row] = ()

    def __call__(self, report: Report) -> None:
        new = [row for row in report.rows if row not in self._last]
        console.show_report(Report(new, report.problems))
        self._last = report.rows
