"""`plan`: what `up` would do, from the same code. `doctor`: whether it could. Nothing is changed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config.settings import FILE
from ..engine import reconcile
from ..engine.reconcile import Planned
from ..engine.resource import Change, Finding, Resource
from ..preflight import checks
from ..project.project import Project
from ..ui import console, json_documents
from .options import opened

NOTHING, ERROR, CHANGES = 0, 1, 3
"""Exit codes with --exit-code."""


def plan(project: Project, *, as_json: bool = False) -> int:
    """Print the plan and return its code. Works without a token or a cluster, as far as that goes."""
    problems = checks.before_reading(project)
    planned = look(project, problems)
    findings = preflight_findings(project, planned, problems)
    if as_json:
        console.document(json_documents.plan(project, planned, findings))
    else:
        show(project, planned, findings)
    return code(planned, findings)


def preflight_findings(project: Project, planned: Sequence[Planned], problems: Sequence[Finding]) -> list[Finding]:
    """Return the problems with looking, those that `up` would refuse to begin with, and what is worth knowing."""
    unreachable = {problem.lane for problem in problems}
    return [*problems, *checks.before_writing(project, planned, unreachable), *checks.notes(project, unreachable)]


def show(project: Project, planned: Sequence[Planned], findings: Sequence[Finding], *, brief: bool = False) -> None:
    """Print a plan, or in one line that there is nothing to do; then what is missing for it, and what is worth knowing.

    `brief` leaves the details of each part out.
    """
    if any(p.change for p in planned) or any(finding.problem for finding in findings):
        console.show_plan(planned, project.where(), brief=brief)
    else:
        console.report(f"Nothing to change: all {len(planned)} parts are as {FILE} says.")
    missing = [finding for finding in findings if finding.problem]
    worth_knowing = [finding for finding in findings if not finding.stops]
    if brief:  # why a part cannot be made, or is left to people, is nowhere else
        known = {finding.what for finding in missing}
        for p in planned:
            if p.change and p.change.action in ("blocked", "skipped"):
                found = Finding(p.resource.lane, f"{p.resource.title}: {p.change.note}", p.change.fix)
                if found.what not in known:
                    (missing if p.change.blocked else worth_knowing).append(found)
    for head, reported in (("Missing", missing), ("Note", worth_knowing)):
        if reported:
            console.report(f"\n{head}:")
        for finding in reported:
            console.report(f"- {finding}")


def code(planned: Sequence[Planned], findings: Sequence[Finding]) -> int:
    """Return whether there is something to do, or whether that cannot be known or done."""
    actions = {p.change.action for p in planned if p.change}
    if "blocked" in actions or any(finding.problem for finding in findings):
        return ERROR
    return CHANGES if actions & {"create", "change", "unseen"} else NOTHING


def look(project: Project, problems: Sequence[Finding]) -> list[Planned]:
    """Plan both lanes; one that cannot be looked at is planned as if nothing were there, and said to be so."""
    resources = project.resources()
    looked = reconcile.visible(resources, {problem.lane for problem in problems})
    seen = {p.resource.key: p for p in reconcile.plan(looked)}
    unobserved = {r.key: Planned(r, _unseen(r)) for r in resources if r not in looked and r.wanted}
    return [planned for r in resources if (planned := seen.get(r.key) or unobserved.get(r.key))]


def _unseen(resource: Resource[Any]) -> Change | None:
    change = resource.diff(resource.nothing)
    return replace(change, action="unseen") if change and change.effective else change


# --- doctor ------------------------------------------------------------------------------------


def doctor(folder: Path, context: str | None, *, as_json: bool = False) -> bool:
    """Print what each check found, inside a project or anywhere; return whether nothing must be repaired."""
    inside = (folder / FILE).exists()
    project = opened(folder, context) if inside else Project.without_project(context)
    findings = checks.everything(project)
    fine = not any(finding.problem for finding in findings)
    if as_json:
        console.document(json_documents.doctor(findings))
        return fine
    console.show_findings(findings)
    if not inside:
        console.report(f"There is no {FILE} in {folder.resolve()}: what depends on a project was not checked.")
    console.report("Nothing stands in the way." if fine else "Fix what is marked ✗, then run this again.")
    return fine
