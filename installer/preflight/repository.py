"""The repository and the clone, at whichever code host: whose they are, what is in the way, what is not committed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ..ci.variables import OWNER_VARIABLE
from ..cluster.objects import digest, identities
from ..config.settings import FILE, MAIN
from ..config.settings_file import load_yaml
from ..engine.resource import Finding
from ..forges.base import template_files
from ..forges.git import Clone
from ..project.project import Project
from ..support import resume_command
from ..support.errors import UNREADABLE, ApiError, InstallerError
from ..support.resume_command import git

_REVERSE = "whoever runs this from a clone plans the reverse"


def token_works(project: Project, makes: str, fix: str, ask: Callable[[], str]) -> Iterable[Finding]:
    """Check that there is a token for the code host, and that this takes it; `ask` returns what it says of it."""
    host, lane = project.settings.host, project.settings.lane
    if not project.credentials.token:
        yield Finding(lane, f"There is no token for {host}: it {makes} need.", fix)
        return
    try:
        yield Finding(lane, f"the token for {host}{ask()}")
    except InstallerError as error:
        refused = f"The token for {host} does not work: " if isinstance(error, ApiError) else ""
        yield Finding(lane, f"{refused}{error.message}", error.fix or fix)


def same_project(project: Project, called: str = "repository") -> Iterable[Finding]:
    """Adopt a repository that is as good as empty, marked as ours or holds this very project; refuse any other."""
    forge = project.forge
    if forge.find() is None or _marked(project, forge.variables()):
        return
    if holds := _others(project):
        fix = f"Choose another project_slug, or move that {called} away."
        yield Finding(project.settings.lane, f"{project.settings.url} exists and {holds}.", fix)


def _marked(project: Project, variables: Mapping[str, str]) -> bool:
    """Return whether the mark of the repository says that it is this project's, under today's address or an earlier."""
    return any(digest(address) in identities(project.known) for address in variables.get(OWNER_VARIABLE, "").split())


def _others(project: Project) -> str:
    """Say what in the repository is of others; empty where there is nothing, or what a code host's form puts there."""
    forge = project.forge
    if forge.head(MAIN):
        return "" if not (holds := _other_content(project)) or template_files(forge) else holds
    branches = [*forge.branches()]
    if len(branches) == 1 and template_files(forge, *branches):  # the plan says how to rename it
        return ""
    return f"has no {MAIN}, but {', '.join(branches[:3])}" if branches else ""


def _other_content(project: Project) -> str:
    """Say what else than this project is on main; empty where it is this one."""
    text = project.forge.file(FILE, MAIN)
    try:
        tree = load_yaml(text or "")
    except (yaml.YAMLError, *UNREADABLE):
        tree = None
    section = tree.get("project") if isinstance(tree, dict) else None
    slug = section.get("slug") if isinstance(section, dict) else None
    if slug == project.settings.slug:
        return ""
    return f"holds something else: {f'the project {slug}' if slug else f'no {FILE} of a project'}"


def as_wanted(project: Project) -> Iterable[Finding]:
    """Report drift of the repository: its name, owner, visibility, default branch."""
    for resource in project.resources():
        if resource.key == "repository":
            seen = resource.observe()
            change = resource.diff(seen) if seen is not None else None
            if change and change.blocked:
                yield Finding(resource.lane, f"{resource.title}: {change.note}.", change.fix)
            elif change and change.action == "change":
                fields = ", ".join(f"{field.name} is {field.old}" for field in change.fields)
                what = f"{resource.title}: {fields}{f' ({change.note})' if change.note else ''}."
                yield Finding(resource.lane, what, "gitops-flask up sets it right.", stops=False)


def clone(project: Project) -> Iterable[Finding]:
    """Check that the project is a git repository with something to push, and to nowhere else."""
    folder = Clone(project.folder)
    folder.head()
    folder.check_origin(project.settings.url)
    folder.check_address(project.settings.clone_url)
    return ()


def parent(project: Project) -> str:
    """Return the name of the branch that git cannot hold next to the environment's: `env` next to `env/dev`."""
    return project.settings.branch.partition("/")[0]


def branch_in_the_way(project: Project, fix: str) -> Iterable[Finding]:
    """Check for a branch `env`: git cannot hold `env` and `env/dev`."""
    if project.forge.head(parent(project)):
        what = f"A branch `{parent(project)}` makes `{project.settings.branch}` impossible: git cannot hold both."
        yield Finding(project.settings.lane, what, fix)


# --- gitops.yaml as others have it: what is only here is undone by whoever runs this next from the repository -------


def committed(project: Project) -> Iterable[Finding]:
    """Say so where gitops.yaml, or a file that it names, has changes that are in no commit."""
    changed = _changed(project)
    if not changed:
        return
    names, folder = " ".join(changed), project.folder
    steps = [git(folder, "add", *changed), git(folder, "commit", "-m", "Change the settings", *changed)]
    by = ""
    if project.settings.local:
        by = f" && {resume_command.command('deploy', folder)}"
    elif Clone(folder).follows(MAIN):
        steps = [git(folder, "switch", "-c", "settings"), *steps, git(folder, "push", "-u", "origin", "settings")]
        by = ", and merge it by a pull request"
    what = f"{names}: what is set there is not committed; {_REVERSE}."
    yield Finding(project.settings.lane, what, " && ".join(steps) + by, stops=False)


def merged(project: Project) -> Iterable[Finding]:
    """Say so where main has another gitops.yaml than what is committed here, older or newer."""
    if project.settings.local:  # `deploy` brings it there
        return
    theirs = project.forge.file(FILE, MAIN)
    mine = (project.folder / FILE).read_text(encoding="utf-8")
    if theirs is None or theirs.splitlines() == mine.splitlines() or _changed(project):
        return
    push = git(project.folder, "push", "origin", "HEAD:refs/heads/settings")
    fix = f"{git(project.folder, 'pull')}, where {MAIN}'s is newer; else {push}, and merge that"
    yield Finding(project.settings.lane, f"{FILE} here is not the one on {MAIN}: {_REVERSE}.", fix, stops=False)


def _changed(project: Project) -> list[str]:
    try:
        return Clone(project.folder).changed([FILE, *_named(project.folder)])
    except InstallerError:  # no repository, or no commit: its own check says so
        return []


def _named(folder: Path) -> Iterator[str]:
    tree: Any = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
    for section in tree.values():
        if isinstance(section, dict) and isinstance(section.get("ca"), str) and section["ca"]:
            yield section["ca"]
