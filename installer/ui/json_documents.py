"""What `--json` prints; docs/reference/json.md and the schemas beside it say what each part means."""

from collections.abc import Sequence
from typing import Any

from ..engine.reconcile import Planned
from ..engine.resource import Finding
from ..project.project import Project
from ..status.report import EnvironmentState, Report
from ..support.errors import InstallerError
from ..update.update import Rendered

SCHEMA = 2
"""Grows when a reader of an older document would misread a newer one; new fields alone do not count."""


def plan(project: Project, planned: Sequence[Planned], problems: Sequence[Finding]) -> dict[str, Any]:
    """Return a plan; of a secret only that it would be `set` or `rotated`."""
    return {
        **_head(project),
        "resources": [_planned(each) for each in planned],
        "problems": [_finding(each) for each in problems],
    }


def status(project: Project, report: Report) -> dict[str, Any]:
    """Return a report on the state of everything."""
    rows = [{"key": r.key, "title": r.title, "healthy": r.healthy, "state": r.state} for r in report.rows]
    run = report.under_way
    deployment = run and {"revision": run.revision, "status": run.state, "url": run.url}
    head = {**_head(project), "healthy": report.healthy, "hold": report.hold or None, "deployment": deployment}
    head["environments"] = [_environment(each) for each in report.environments]
    return {**head, "parts": rows, "problems": [_finding(each) for each in report.problems]}


def _environment(state: EnvironmentState) -> dict[str, Any]:
    return {
        "name": state.name,
        "healthy": state.healthy,
        "state": state.state,
        "revision": state.revision or None,
        "since": state.since or None,
        "behind": state.behind,
        "hold": state.hold or None,
    }


def doctor(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return all that was found, in the order of the checks."""
    fine = not any(finding.problem for finding in findings)
    return {"schema": SCHEMA, "healthy": fine, "findings": [_finding(each) for each in findings]}


def template(new: Rendered) -> dict[str, Any]:
    """Return what the template has that the project has not."""
    return {
        "schema": SCHEMA,
        "current": not new.changed,
        "version": new.before.record.version,
        "newest": new.record.version,
        "files": list(new.changed),
        "changelog": new.changelog if new.changed else "",
    }


def _head(project: Project) -> dict[str, Any]:
    try:
        cluster = project.cluster.describe()
    except InstallerError:
        cluster = None
    return {"schema": SCHEMA, "repository": project.settings.url, "cluster": cluster}


def _planned(planned: Planned) -> dict[str, Any]:
    resource, change = planned.resource, planned.change
    return {
        "key": resource.key,
        "lane": resource.lane,
        "title": resource.title,
        "action": change.action if change else "keep",
        "fields": [{"name": f.name, "old": f.old, "new": f.new} for f in change.fields] if change else [],
        "note": change.note if change else "",
        "fix": change.fix if change else "",
    }


def _finding(finding: Finding) -> dict[str, Any]:
    level = "problem" if finding.problem else "note" if finding.fix else "fine"
    return {"lane": finding.lane, "level": level, "what": finding.what, "fix": finding.fix}
