"""gitops.yaml as others have it: what is only here is undone by whoever runs this next from the repository."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from ..config.settings import FILE, MAIN
from ..engine.finding import Finding
from ..forges.git import Clone
from ..project.project import World
from ..support.errors import InstallerError
from ..support.resume_command import git

_REVERSE = "whoever runs this from a clone plans the reverse"


def committed(world: World) -> Iterable[Finding]:
    """Say so where gitops.yaml, or a file that it names, has changes that are in no commit."""
    clone = Clone(world.project)
    changed = _changed(world)
    if not changed:
        return
    names, project = " ".join(changed), world.project
    steps = [git(project, "add", *changed), git(project, "commit", "-m", "Change the settings", *changed)]
    by = ""
    if clone.follows(MAIN):
        steps = [git(project, "switch", "-c", "settings"), *steps, git(project, "push", "-u", "origin", "settings")]
        by = ", and merge it by a pull request"
    command = " && ".join(steps) + by
    yield _note(world, f"{names}: what is set there is not committed; {_REVERSE}.", command)


def merged(world: World) -> Iterable[Finding]:
    """Say so where main has another gitops.yaml than what is committed here, older or newer."""
    theirs = world.host.file(FILE, MAIN)
    mine = (world.project / FILE).read_text(encoding="utf-8")
    if theirs is None or theirs.splitlines() == mine.splitlines() or _changed(world):
        return
    push = git(world.project, "push", "origin", "HEAD:refs/heads/settings")
    fix = f"{git(world.project, 'pull')}, where {MAIN}'s is newer; else {push}, and merge that"
    yield _note(world, f"{FILE} here is not the one on {MAIN}: {_REVERSE}.", fix)


def _note(world: World, what: str, fix: str) -> Finding:
    return Finding(world.settings.scm, what, fix, stops=False)


def _changed(world: World) -> list[str]:
    try:
        return Clone(world.project).changed([FILE, *_named(world.project)])
    except InstallerError:  # no repository, or no commit: its own check says so
        return []


def _named(project: Path) -> Iterator[str]:
    tree: Any = yaml.safe_load((project / FILE).read_text(encoding="utf-8"))
    for section in tree.values():
        if isinstance(section, dict) and isinstance(section.get("ca"), str) and section["ca"]:
            yield section["ca"]
