"""`down`: list what goes and what stays, ask, and remove what `up` made, newest first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from ..cluster.kind import Kind
from ..cluster.objects import is_ours
from ..config.settings import Settings
from ..engine import reconcile
from ..engine.resource import GOES, Resource
from ..forges.lock import RepositoryLock
from ..preflight import checks
from ..project.local import keep_record
from ..project.project import Project
from ..support.errors import InstallerError
from ..ui import console
from ..ui.progress import Steps

Removals = Sequence[tuple[Resource[Any], str]]


@dataclass(frozen=True)
class DestructiveOption:
    """One of the two things that only their names remove: whether it is to go, and the name that was given for that."""

    goes: bool = False
    confirmed: str | None = None


def down(project: Project, *, yes: bool, repository: DestructiveOption, argocd: DestructiveOption) -> None:
    """Take the project out of the cluster and off its code host."""
    if project.settings.kind_cluster and _remove_cluster(project, yes=yes):
        return
    checks.refuse(checks.before_reading(project))
    settings = project.settings
    resources = project.resources(remove_repository=repository.goes, remove_argocd=argocd.goes)
    removals = reconcile.removal(resources)
    going = {resource.key: f"{resource.title}{f[len(GOES) :]}" for resource, f in removals if f.startswith(GOES)}
    console.report(project.where())
    console.report("This removes what `up` made:")
    _list(going.values() or ["nothing that can be seen"])
    console.report("Stays:")
    _list([*_staying(removals), *_images(settings, removals, repository_goes=repository.goes)])
    named = False
    if repository.goes and "repository" in going:
        _by_name("repository", "The repository goes, with all its history", settings.repository, repository.confirmed)
        named = True
    if argocd.goes and "argocd" in going:
        _by_name("argocd", "Argo CD goes, for all its users", settings.argocd_namespace, argocd.confirmed)
        named = True
    if not named:
        console.confirm("Remove it?", yes=yes)
    steps_of = {each.key for each in resources if each.wanted} | {each.key for each, _ in removals}
    with RepositoryLock(project.forge, "down").held(), Steps(len(steps_of)) as steps:
        reported = reconcile.remove(resources, steps)
    console.report("\nStays on purpose:")
    _list([*_staying(reported), *_images(settings, reported, repository_goes=repository.goes)])


def _remove_cluster(project: Project, *, yes: bool) -> bool:
    """Remove the kind cluster that `try` made, with all that is in it; False where other projects are in it, too."""
    settings, kind = project.settings, Kind(project.settings.kind_cluster)
    if not kind.exists():
        console.report(f"There is no kind cluster {kind.name}.")
        return True
    checks.refuse(checks.before_reading(project))
    applications = project.cluster.list("applications.argoproj.io")
    if others := [each["metadata"]["name"] for each in applications if not is_ours(each, settings)]:
        console.report(f"The kind cluster {kind.name} stays: {', '.join(others)} is in it, too.")
        return False
    keep_record(project)
    console.report(project.where())
    console.report(f"This removes the kind cluster {kind.name}: the service, Argo CD, git server and registry with it.")
    console.report("Stays:")
    _list([f"{project.folder.resolve()}, with its history and the record: `gitops-flask try` in it brings it back"])
    console.confirm("Remove it?", yes=yes)
    kind.delete()
    console.report(f"The kind cluster {kind.name} is removed.")
    return True


def _staying(removals: Removals) -> list[str]:
    return [f"{resource.title}{fate.removeprefix('stays')}" for resource, fate in removals if fate.startswith("stays")]


def _images(settings: Settings, removals: Removals, *, repository_goes: bool) -> list[str]:
    """Name the images where they stay: GitLab keeps them in the project, and a registry in the cluster may go."""
    if settings.registry_in_cluster:
        go = not any(resource.key == "registry" and fate.startswith("stays") for resource, fate in removals)
    else:
        go = repository_goes and settings.own_registry
    return [] if go else [f"images in {settings.image_repository}"]


def _list(lines: Iterable[str]) -> None:
    for line in lines:
        console.report(f"- {line}")


def _by_name(option: str, consequence: str, name: str, given: str | None) -> None:
    """Go on only where the name was given, or is typed now; nothing is removed otherwise."""
    needed = f"--confirm-{option} {name}"
    if given is not None:
        if given != name:
            raise InstallerError(f"Nothing was changed: it is {name}, and --confirm-{option} says {given}.", needed)
        return
    try:
        typed = click.prompt(f"{consequence}. Type {name} to go on", default="", show_default=False).strip()
    except click.Abort:
        if console.interactive():
            raise
        what = f"Nothing was changed: --{option} takes a name, and nobody can be asked for it here."
        raise InstallerError(what, f"Pass {needed}") from None
    if typed != name:
        console.fail(f"Nothing was changed: that is not {name}.")
        raise click.Abort
