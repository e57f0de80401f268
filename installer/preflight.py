"""Everything that can be checked before the first write is checked there, and all of it is reported at once."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import yaml

from . import registry, shell
from .converge import Planned
from .errors import InstallerError
from .git import Clone
from .resource import Lane
from .resources.variables import MARK
from .settings import FILE, MAIN
from .world import World

PURPOSE = {
    "git": "commits and pushes the project",
    "gh": "creates the repository and lends git its login",
    "helm": "installs Argo CD and its wiring",
    "argocd": "refreshes and removes the Application",
    "kubectl": "reads the cluster",
}
_TOOLS: dict[Lane, tuple[str, ...]] = {"github": ("git", "gh"), "cluster": ("kubectl", "helm", "argocd")}
_CLUSTER_RIGHTS = (("create", "namespaces"), ("create", "customresourcedefinitions"), ("create", "clusterrolebindings"))


@dataclass(frozen=True)
class Problem:
    """Something missing or wrong: what, and what mends it."""

    lane: Lane
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.what}\n  → {self.fix}"


def refuse(problems: Sequence[Problem]) -> None:
    """Raise one error that tells all problems; nothing where there are none."""
    if problems:
        raise InstallerError("Nothing was changed.\n" + "\n".join(map(str, problems)))


def before_reading(world: World) -> list[Problem]:
    """Check what looking needs: programs, a token that works, a cluster that answers."""
    problems = [
        Problem(lane, f"{tool} is not installed: it {PURPOSE[tool]}.", f"See {shell.INSTALL[tool]}")
        for lane, tools in _TOOLS.items()
        for tool in tools
        if shell.missing(tool)
    ]
    checks = [_token]
    if not shell.missing("kubectl"):
        checks.append(_reachable)
    return problems + _all(world, checks)


def before_writing(world: World, planned: Iterable[Planned]) -> list[Problem]:
    """Check what changing needs: scopes, owner, name, rules, registry, rights in the cluster."""
    changing = {p.resource.key for p in planned if p.change and p.change.effective}
    checks: list[Check] = [_scopes, _same_project, _no_branch_in_the_way]
    if "repository" in changing:
        checks.append(_owner)
    if "content" in changing:
        checks.append(_clone)
    if "registry-token" in changing:
        checks.append(_registry)
    if "argocd" in changing:
        checks.append(_rights)
    missing = [
        Problem(p.resource.lane, f"{p.resource.title}: {p.change.note}", "Give it, then run this again.")
        for p in planned
        if p.change and p.change.action == "unknown"
    ]
    return missing + _all(world, checks)


Check = Callable[[World], Iterable[Problem]]


def _all(world: World, checks: Sequence[Check]) -> list[Problem]:
    with ThreadPoolExecutor(max_workers=8) as pool:
        return [problem for found in pool.map(lambda check: list(check(world)), checks) for problem in found]


def _token(world: World) -> Iterable[Problem]:
    host = world.settings.host
    if not world.credentials.github:
        yield Problem("github", f"There is no token for {host}.", f"gh auth login --hostname {host} --scopes workflow")
        return
    try:
        world.github.call("GET", "/user")
    except InstallerError as error:
        yield Problem("github", f"The token for {host} does not work: {error.message}", error.fix)


def _reachable(world: World) -> Iterable[Problem]:
    try:
        world.cluster.reachable()
    except InstallerError as error:
        yield Problem("cluster", error.message, error.fix)


def _scopes(world: World) -> Iterable[Problem]:
    given = world.github.scopes()
    if given is None:
        return  # a fine-grained token has none to show: GitHub's answers to each step tell
    for scope in ("repo", "workflow"):
        if scope not in given:
            yield Problem(
                "github",
                f"The token lacks the scope `{scope}` (it has {', '.join(sorted(given)) or 'none'}).",
                f"gh auth refresh --hostname {world.settings.host} --scopes repo,workflow",
            )


def _owner(world: World) -> Iterable[Problem]:
    owner = world.settings.owner
    found = world.github.get(f"/users/{owner}")
    if found is None:
        yield Problem("github", f"There is no user or organisation {owner}.", f"Mend github.owner in {FILE}.")
    elif found["type"] == "User" and world.github.call("GET", "/user")["login"].casefold() != owner.casefold():
        yield Problem("github", f"{owner} is another user: only they can create this.", f"Mend github.owner in {FILE}.")


def _same_project(world: World) -> Iterable[Problem]:
    """Adopt a repository that is empty, marked as ours or holds this very project; refuse any other."""
    settings, github = world.settings, world.github
    if github.find() is None or github.head(MAIN) is None or github.variables().get(MARK) == settings.slug:
        return
    text = github.file(FILE, MAIN)
    there = yaml.safe_load(text) if text else None
    if not isinstance(there, dict) or there.get("project", {}).get("slug") != settings.slug:
        yield Problem(
            "github",
            f"{settings.url} exists and holds something else.",
            "Choose another project_slug, or move that repository away.",
        )


def _clone(world: World) -> Iterable[Problem]:
    """Check that the project is a git repository with something to push, and to nowhere else."""
    try:
        clone = Clone(world.project)
        clone.head()
        clone.check_origin(world.settings.url)
    except InstallerError as error:
        yield Problem("github", error.message, error.fix)


def _no_branch_in_the_way(world: World) -> Iterable[Problem]:
    branch = world.settings.branch
    parent = branch.partition("/")[0]
    if world.github.head(parent):
        yield Problem(
            "github",
            f"A branch `{parent}` makes `{branch}` impossible: git cannot hold both.",
            f"Rename it: gh api -X POST {world.github.path('branches', parent, 'rename')} -f new_name={parent}-old",
        )


def _registry(world: World) -> Iterable[Problem]:
    settings, credentials = world.settings, world.credentials
    image = f"{settings.account}/{settings.slug}"
    try:
        registry.check_login(settings.registry, image, credentials.registry_username, credentials.registry_token)
    except InstallerError as error:
        yield Problem("github", error.message, error.fix)


def _rights(world: World) -> Iterable[Problem]:
    for verb, kind in _CLUSTER_RIGHTS:
        if not world.cluster.allowed(verb, kind):
            yield Problem(
                "cluster",
                f"You may not {verb} {kind} in {world.cluster.describe()}.",
                "Use a kubeconfig of a cluster administrator, or let one install Argo CD first.",
            )
