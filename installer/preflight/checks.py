"""Everything that can be checked before the first write: one list for `plan`, `up` and `doctor`."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

from ..config.settings import FORGES, LOCAL, module
from ..engine import reconcile
from ..engine.reconcile import Planned
from ..engine.resource import Finding, Lane, Resource
from ..project.project import Project
from ..support import crash_report
from ..support.errors import InstallerError
from ..support.wait import threads
from . import Check, cluster, repository, tokens, tools

CHECKS = (
    Check(None, tools.present, "looking", anywhere=True),
    Check(None, cluster.answers, "looking", anywhere=True),
    Check(None, tools.recent, "writing", anywhere=True),
    *(check for name in (*FORGES, LOCAL) for check in import_module(f".{module(name)}", __package__).CHECKS),
    Check("host", repository.as_wanted, "repository"),
    Check("host", repository.clone, "initial-push"),
    Check("host", tokens.login, "registry-token"),
    Check(None, tokens.public_source, "advice"),
    Check("host", tokens.first_push, "advice"),
    Check("host", tokens.exposed),
    *tokens.CHECKS,
    Check("cluster", tokens.pull, "pull-secret"),
    Check("cluster", cluster.versions, "writing", anywhere=True),
    Check("cluster", cluster.rights_to_install, "argocd", anywhere=True),
    Check("cluster", cluster.rights_to_wire, "application"),
    Check("cluster", cluster.namespace, "writing"),
    Check("cluster", cluster.kinds, "writing"),
    Check("cluster", cluster.architectures),
    Check("cluster", cluster.rights_for_database, "database-address"),
    Check("cluster", cluster.database_address, "database-address"),
    Check(None, repository.committed, "advice"),
    Check("host", repository.merged, "advice"),
)


def before_reading(project: Project, *, ask_ci: bool = True) -> list[Finding]:
    """Return the problems with what looking needs: programs, a token that works, a cluster that answers."""
    others = () if ask_ci else tokens.CHECKS
    checks = [check for check in CHECKS if check.before == "looking" and check not in others]
    return [finding for finding in _ask(project, checks) if finding.problem]


def before_writing(project: Project, planned: Sequence[Planned], unreachable: Collection[str] = ()) -> list[Finding]:
    """Return the problems with what changing needs: scopes, owner, name, rules, registry, rights in the cluster.

    `unreachable` names where nobody can look: what is there is not checked. What is blocked, the plan itself says.
    """
    if not any(p.change and p.change.action != "skipped" for p in planned):
        return []
    planned_keys = (
        p.resource.key.removesuffix(f"-{p.resource.environment}") for p in planned if p.change and p.change.effective
    )
    moments = {"writing", *planned_keys}
    found = _ask(
        project, [check for check in CHECKS if check.before in moments and check.lane(project) not in unreachable]
    )
    return [finding for finding in found if finding.problem]


def blocked(planned: Sequence[Planned]) -> list[Finding]:
    """Return what must be done before the plan can be carried out."""
    return [
        Finding(p.resource.lane, f"{p.resource.title}: {p.change.note}.", p.change.fix)
        for p in planned
        if p.change and p.change.blocked
    ]


def notes(project: Project, unreachable: Collection[str] = ()) -> list[Finding]:
    """Return what is worth knowing of the settings, though it stops nothing."""
    checks = [check for check in CHECKS if check.before == "advice" and check.lane(project) not in unreachable]
    return [finding for finding in _ask(project, checks) if not finding.stops]


def everything(project: Project) -> list[Finding]:
    """Make every check that can be made here and return all that was found, the good as well."""
    here = [check for check in CHECKS if check.anywhere or project.settings.slug]
    first = _ask(project, [check for check in here if check.before == "looking"])
    unreachable = {finding.lane for finding in first if finding.problem}
    later = [check for check in here if check.before != "looking" and check.lane(project) not in unreachable]
    found = _each(project, later)
    reported = {check.before for check, findings in found if any(finding.problem for finding in findings)}
    rest = [finding for _, findings in found for finding in findings]
    return list(
        dict.fromkeys([*first, *rest, *(_in_the_way(project, unreachable, reported) if project.settings.slug else [])])
    )


def _in_the_way(project: Project, unreachable: Collection[str], reported: Collection[str]) -> list[Finding]:
    """Return what keeps `up` from planning or making a thing, where no check of that thing has reported it."""
    resources = [r for r in project.resources() if r.key not in reported]
    seen = reconcile.visible(resources, unreachable)
    with threads(4) as pool:
        found = [finding for each in pool.map(_obstacles, seen) for finding in each]
    return found + blocked_unseen(project, unreachable, reported)


def blocked_unseen(project: Project, unreachable: Collection[str], reported: Collection[str] = ()) -> list[Finding]:
    """Return what `up` would ask for next, where it cannot look yet: tokens and addresses."""
    resources = [r for r in project.resources() if r.key not in reported]
    seen = reconcile.visible(resources, unreachable)
    unseen = [Planned(r, r.diff(r.nothing)) for r in resources if r not in seen and r.wanted]
    return [replace(f, what=f"{f.what.removesuffix('.')} (not needed if it is stored)") for f in blocked(unseen)]


def _obstacles(resource: Resource[Any]) -> list[Finding]:
    try:
        return blocked(reconcile.plan([resource]))
    except InstallerError as error:
        return [_stumbled(resource.lane, error)]


def refuse(problems: Sequence[Finding]) -> None:
    """Raise one error that reports all problems; nothing where there are none."""
    if problems:
        raise InstallerError("Nothing was changed.\n" + "\n".join(map(str, problems)))


def _ask(project: Project, checks: Sequence[Check]) -> list[Finding]:
    return [finding for _, found in _each(project, checks) for finding in found]


def _each(project: Project, checks: Sequence[Check]) -> list[tuple[Check, list[Finding]]]:
    asked = [check for check in checks if check.concerns(project)]
    with threads(8) as pool:
        return list(zip(asked, pool.map(lambda check: _one(project, check), asked), strict=True))


def _one(project: Project, check: Check) -> list[Finding]:
    lane = check.lane(project) or project.settings.lane
    try:
        return list(check.ask(project))
    except InstallerError as error:  # what one check stumbles over must not hide what the others found
        return [_stumbled(lane, error)]
    except Exception as error:  # nor must what nobody foresaw
        what, _, fix = crash_report.report(error).partition("\n  ")
        return [Finding(lane, what, fix.removeprefix("→ "))]


def _stumbled(lane: Lane, error: InstallerError) -> Finding:
    return Finding(lane, error.message, error.fix or "Run this again with -v.")
