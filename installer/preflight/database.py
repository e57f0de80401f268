"""The database: whether the service will find its address."""

from collections.abc import Iterable

from ..engine.finding import Finding
from ..project.project import Project
from ..resources.database_address import DatabaseAddress
from .cluster import rights

TO_WRITE = (("get", "secrets"), ("create", "secrets"))


def rights_to_write(project: Project) -> Iterable[Finding]:
    """Check what writing the Secret with the address needs."""
    if project.settings.database == "none":
        return
    home = project.settings.namespace
    yield from rights(project, TO_WRITE, home, f"Ask an administrator for these rights in the namespace {home}.")


def address(project: Project) -> Iterable[Finding]:
    """Look for the address: in the cluster, or at hand."""
    for resource in project.resources():
        if isinstance(resource, DatabaseAddress):
            change = resource.diff(resource.observe())
            if change and change.blocked:
                what = f"The service cannot find its database: {resource.title}: {change.note}."
                yield Finding("cluster", what, change.fix)
            else:
                there = "will be written" if change and change.effective else "is there"
                yield Finding("cluster", f"{resource.title} {there}")
