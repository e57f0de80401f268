"""gitops.yaml as others have it: what is only here is undone by whoever runs this next from the repository."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from ..config.settings import FILE, MAIN
from ..engine.finding import Finding
from ..forges.git import Clone
from ..project.project import Project
from ..support.errors import InstallerError
from ..support.resume_command import git

_REVERSE = "whoever runs this from a clone plans the reverse"


def committed(project: Project) -> Iterable[Finding]:
    """Say so where gitops.yaml, or a file that it names, has changes that are in no commit."""
    clone = Clone(project.folder)
    changed = _changed(project)
    if not changed:
        return
    names, folder = " ".join(changed), project.folder
    steps = [git(folder, "add", *changed), git(folder, "commit", "-m", "Change the settings", *changed)]
    by = ""
    if clone.follows(MAIN):
        steps = [git(folder, "switch", "-c", "settings"), *steps, git(folder, "push", "-u", "origin", "settings")]
        by = ", and merge it by a pull request"
    command = " && ".join(steps) + by
    yield _note(project, f"{names}: what is set there is not committed; {_REVERSE}.", command)


def merged(project: Project) -> Iterable[Finding]:
    """Say so where main has another gitops.yaml than what is committed here, older or newer."""
    theirs = project.forge.file(FILE, MAIN)
    mine = (project.folder / FILE).read_text(encoding="utf-8")
    if theirs is None or theirs.splitlines() == mine.splitlines() or _changed(project):
        return
    push = git(project.folder, "push", "origin", "HEAD:refs/heads/settings")
    fix = f"{git(project.folder, 'pull')}, where {MAIN}'s is newer; else {push}, and merge that"
    yield _note(project, f"{FILE} here is not the one on {MAIN}: {_REVERSE}.", fix)


def _note(project: Project, what: str, fix: str) -> Finding:
    return Finding(project.settings.scm, what, fix, stops=False)


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
