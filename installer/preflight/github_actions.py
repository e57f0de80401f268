"""GitHub Actions: whether they are on, whether a policy lets the workflows use what they name, and where they run."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from ..config.settings import FILE, GITHUB_ACTIONS
from ..engine.resource import Finding
from ..forges.github.api_errors import GitHubApiError
from ..project.project import Project
from ..support.parsing import UNREADABLE

_OF_GITHUB = ("actions", "github")
_BY_COMMIT = re.compile(r"@[0-9a-f]{40}$")
_RUNNER_OF_GITHUB = re.compile(r"(ubuntu|windows|macos)-[\w.-]+")
"""What GitHub calls its own machines at github.com, which are thrown away after each job."""
Policy = dict[str, Any]


def allowed(project: Project) -> Iterable[Finding]:
    """Check the repository's policy, or before there is one the organisation's, where the token may ask."""
    settings = project.settings
    there = project.github.find() is not None
    path = project.github.path("actions/permissions") if there else f"/orgs/{settings.owner}/actions/permissions"
    of_owner = f"https://{settings.host}/organizations/{settings.owner}/settings/actions"
    page = f"{settings.url}/settings/actions, or, where it is greyed out, an owner's {of_owner}" if there else of_owner
    policy = _ask(project, path)
    if policy is None:
        return
    if policy.get("enabled") is False or policy.get("enabled_repositories") == "none":
        yield Finding("github", f"GitHub Actions are switched off for {settings.repository}.", f"See {page}")
    elif policy.get("enabled_repositories") == "selected":
        yield Finding(
            "github",
            f"{settings.owner} lets only chosen repositories use GitHub Actions; {settings.repository} would be none.",
            f"Let an owner create it, empty, and choose it: {page}",
        )
    elif forbidden := [action for action in used(project) if not _may_use(project, path, policy, action)]:
        which = f"`{policy['allowed_actions']}` actions"
        if policy.get("sha_pinning_required"):
            which += ", pinned to a commit,"
        yield Finding(
            "github",
            f"Only {which} are allowed in {settings.repository}; the workflows use {', '.join(forbidden)}.",
            f"Allow {', '.join(sorted({_name(action) + '@*' for action in forbidden}))}: {page}",
        )


def blocking_reason(project: Project) -> str:
    """Say what keeps runs from starting, where that is known."""
    return "\n".join(map(str, allowed(project))) if project.settings.ci == GITHUB_ACTIONS else ""


def used(project: Project) -> list[str]:
    """Return the actions of others that the project's workflows name, each once."""
    files = sorted(project.folder.glob(".github/workflows/*.y*ml"))
    named = dict.fromkeys(action for path in files for action in _uses(_workflow(path)))
    return [action for action in named if not action.startswith(("./", "docker://"))]


def _workflow(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, *UNREADABLE):  # GitHub names the line, in a run that fails
        return None


def _uses(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        if isinstance(tree.get("uses"), str):
            yield tree["uses"]
        tree = list(tree.values())
    for each in tree if isinstance(tree, list) else []:
        yield from _uses(each)


def _ask(project: Project, path: str) -> Policy | None:
    try:
        found: Policy | None = project.github.get(path)
    except GitHubApiError:  # an organisation's policy is for its owners to read
        return None
    return found


def _may_use(project: Project, path: str, policy: Policy, action: str) -> bool:
    if policy.get("sha_pinning_required") and not _BY_COMMIT.search(action):
        return False
    kind = policy.get("allowed_actions", "all")
    if kind == "all" or action.partition("/")[0].casefold() == project.settings.owner.casefold():
        return True
    chosen = _ask(project, f"{path}/selected-actions") if kind == "selected" else {}
    if chosen is None:  # it is unknown
        return True
    patterns = chosen.get("patterns_allowed") or []
    if any(fnmatchcase(action, pattern[1:]) for pattern in patterns if pattern.startswith("!")):
        return False
    group = "github_owned_allowed" if action.partition("/")[0] in _OF_GITHUB else "verified_allowed"  # perhaps it is
    return bool(chosen.get(group)) or any(fnmatchcase(action, pattern) for pattern in patterns)


def _name(action: str) -> str:
    return action.partition("@")[0]


def self_hosted_runner(project: Project) -> Iterable[Finding]:
    """Refuse machines of one's own for a public repository: its workflows run what anybody proposes."""
    settings = project.settings
    label = settings.runner or project.github.variables().get("RUNNER", "")
    if settings.private or settings.public_runner == "allowed" or not label or _RUNNER_OF_GITHUB.fullmatch(label):
        return
    what = f"{settings.repository} is public: whatever anybody proposes in a pull request would run on `{label}`."
    fix = (
        f"Leave github.runner empty (and take the variable RUNNER away), make the repository private, or say "
        f"github.public_runner: allowed in {FILE} where these machines are thrown away after each job."
    )
    yield Finding("github", what, fix)


def runner(project: Project) -> Iterable[Finding]:
    """Check that an Enterprise Server's runners are named: without one that it has, runs wait for ever."""
    settings = project.settings
    if not (settings.in_cloud or settings.runner or project.github.variables().get("RUNNER")):
        what = f"{settings.host} has no runners of GitHub's own, and gitops.yaml names none of yours."
        yield Finding("github", what, f"Write the label of your runners into {FILE}, github.runner.")
