"""The checks before the first write. checks.py lists them all; each file holds those of one subject.

commands/ and ui/ import it. A check reads and yields findings, and an InstallerError that it raises is one, too. It
changes nothing that stays (a push to the registry is tried, and cancelled).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from ..engine.resource import Finding, Lane
from ..project.project import Project


@dataclass(frozen=True)
class Check:
    """One check, and when it is made; `doctor` makes all of them."""

    where: Literal["host", "cluster"] | None
    """Whose trouble makes it pointless: a refused token at the code host, a cluster that does not answer."""
    ask: Callable[[Project], Iterable[Finding]]
    before: str = ""
    """`looking`, `writing` (anything), the key of a resource that is to be written, or `advice` (it stops nothing)."""
    anywhere: bool = False
    """Whether it makes sense without a project."""
    only: str = ""
    """The code host or the CI that it is about; empty: it is about all of them."""

    def concerns(self, project: Project) -> bool:
        """Return whether it is about this project."""
        return self.only in ("", project.settings.scm, project.settings.ci)

    def lane(self, project: Project) -> Lane | None:
        """Return the lane whose trouble this is."""
        return project.settings.lane if self.where == "host" else self.where
