"""Everything that can be checked before the first write: one list for `plan`, `up` and `doctor`."""

from collections.abc import Sequence

from .checks import actions, cluster, database, image, owner, ownership, repository, token, tools
from .checks.check import Check
from .checks.finding import Finding
from .checks.gitlab import CHECKS as OF_GITLAB
from .checks.other_ci import CHECKS as OF_OTHER_CIS
from .converge import Planned
from .errors import InstallerError
from .wait import threads
from .world import World

CHECKS = (
    Check(None, tools.present, "looking", anywhere=True),
    Check(None, token.works, "looking", anywhere=True, only="github"),
    Check(None, cluster.answers, "looking", anywhere=True),
    Check(None, tools.recent, "writing", anywhere=True),
    Check("host", token.scopes, "writing", anywhere=True, only="github"),
    Check("host", token.clock, anywhere=True, only="github"),
    Check("host", owner.exists, "repository", only="github"),
    Check("host", owner.may_create, "repository", only="github"),
    Check("host", owner.deploy_keys, "credential", only="github"),
    Check("host", owner.plan, only="github"),
    Check("host", repository.same_project, "writing", only="github"),
    Check("host", repository.administered, "writing", only="github"),
    Check("host", repository.as_wanted),
    Check("host", repository.clone, "content"),
    Check("host", repository.no_branch_in_the_way, "writing", only="github"),
    Check("host", repository.no_rule_in_the_way, "writing", only="github"),
    Check("host", actions.allowed, "writing", only="github-actions"),
    Check("host", repository.runner, "content", only="github-actions"),
    Check("host", repository.strangers, "writing", only="github-actions"),
    *OF_GITLAB,
    Check("host", image.login, "registry-token"),
    *OF_OTHER_CIS,
    Check("cluster", image.pull, "pull-secret"),
    Check("cluster", cluster.versions, "writing", anywhere=True),
    Check("cluster", cluster.rights_to_install, "argocd", anywhere=True),
    Check("cluster", cluster.rights_to_wire, "application"),
    Check("cluster", ownership.taken),
    Check("cluster", cluster.namespace, "writing"),
    Check("cluster", cluster.kinds, "writing"),
    Check("cluster", database.rights_to_write, "database-address"),
    Check("cluster", database.address),
)


def before_reading(world: World) -> list[Finding]:
    """Return the problems with what looking needs: programs, a token that works, a cluster that answers."""
    checks = [check for check in CHECKS if check.before == "looking"]
    return [finding for finding in _ask(world, checks) if finding.problem]


def before_writing(world: World, planned: Sequence[Planned]) -> list[Finding]:
    """Return the problems with what changing needs: scopes, owner, name, rules, registry, rights in the cluster."""
    moments = {"writing", *(p.resource.key for p in planned if p.change and p.change.effective)}
    missing = [
        Finding(p.resource.lane, f"{p.resource.title}: {p.change.note}", p.change.fix)
        for p in planned
        if p.change and p.change.blocked
    ]
    found = _ask(world, [check for check in CHECKS if check.before in moments])
    return missing + [finding for finding in found if finding.problem]


def everything(world: World) -> list[Finding]:
    """Make every check that can be made here and return all that was found, the good as well."""
    here = [check for check in CHECKS if check.anywhere or world.settings.slug]
    first = _ask(world, [check for check in here if check.before == "looking"])
    blind = {finding.lane for finding in first if finding.problem}
    return first + _ask(world, [c for c in here if c.before != "looking" and c.lane(world) not in blind])


def refuse(problems: Sequence[Finding]) -> None:
    """Raise one error that tells all problems; nothing where there are none."""
    if problems:
        raise InstallerError("Nothing was changed.\n" + "\n".join(map(str, problems)))


def _ask(world: World, checks: Sequence[Check]) -> list[Finding]:
    asked = [check for check in checks if check.concerns(world)]
    with threads(8) as pool:
        return [finding for found in pool.map(lambda check: _one(world, check), asked) for finding in found]


def _one(world: World, check: Check) -> list[Finding]:
    try:
        return list(check.ask(world))
    except InstallerError as error:  # what one check stumbles over must not hide what the others found
        return [Finding(check.lane(world) or world.settings.scm, error.message, error.fix or "Run this again with -v.")]
