"""Everything that can be checked before the first write: one list for `plan`, `up` and `doctor`."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from .checks import actions, cluster, database, gitlab, image, other_ci, owner, repository, token, tools
from .checks.finding import Finding
from .converge import Planned
from .credentials import CI_TOKENS
from .errors import InstallerError
from .resource import Lane
from .world import World


@dataclass(frozen=True)
class Check:
    """One check, and when it is made; `doctor` makes all of them."""

    where: Literal["host", "cluster"] | None
    """Whose trouble makes it pointless: a refused token at the code host, a cluster that does not answer."""
    ask: Callable[[World], Iterable[Finding]]
    before: str = ""
    """`looking`, `writing` (anything), or the key of a resource that is to be written."""
    anywhere: bool = False
    """Whether it makes sense without a project."""
    only: str = ""
    """The code host or the CI that it is about; empty: it is about all of them."""

    def concerns(self, world: World) -> bool:
        """Tell whether it is about this project."""
        return self.only in ("", world.settings.scm, world.settings.ci)

    def lane(self, world: World) -> Lane | None:
        """Return the lane whose trouble this is."""
        return world.settings.scm if self.where == "host" else self.where


CHECKS = (
    Check(None, tools.present, "looking", anywhere=True),
    Check(None, token.works, "looking", anywhere=True, only="github"),
    Check(None, gitlab.works, "looking", anywhere=True, only="gitlab"),
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
    Check("host", repository.clone, "content"),
    Check("host", repository.no_branch_in_the_way, "writing", only="github"),
    Check("host", repository.no_rule_in_the_way, "writing", only="github"),
    Check("host", actions.allowed, "writing", only="github-actions"),
    Check("host", repository.runner, "content", only="github-actions"),
    Check("host", gitlab.scopes, "writing", anywhere=True, only="gitlab"),
    Check("host", gitlab.clock, anywhere=True, only="gitlab"),
    Check("host", gitlab.owner, "repository", only="gitlab"),
    Check("host", gitlab.same_project, "writing", only="gitlab"),
    Check("host", gitlab.administered, "writing", only="gitlab"),
    Check("host", gitlab.no_branch_in_the_way, "writing", only="gitlab"),
    Check("host", gitlab.runner, "content", only="gitlab"),
    Check("host", image.login, "registry-token"),
    *(Check("host", ask, before, only=ci) for ci in CI_TOKENS for ask, before in other_ci.CHECKS),
    Check("cluster", image.pull, "pull-secret"),
    Check("cluster", cluster.versions, "writing", anywhere=True),
    Check("cluster", cluster.rights_to_install, "argocd", anywhere=True),
    Check("cluster", cluster.rights_to_wire, "application"),
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
        Finding(p.resource.lane, f"{p.resource.title}: {p.change.note}", "Give it, then run this again.")
        for p in planned
        if p.change and p.change.action == "unknown"
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
    with ThreadPoolExecutor(max_workers=8) as pool:
        return [finding for found in pool.map(lambda check: _one(world, check), asked) for finding in found]


def _one(world: World, check: Check) -> list[Finding]:
    try:
        return list(check.ask(world))
    except InstallerError as error:  # what one check stumbles over must not hide what the others found
        return [Finding(check.lane(world) or world.settings.scm, error.message, error.fix or "Run this again with -v.")]
