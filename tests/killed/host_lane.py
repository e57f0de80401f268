"""The code host's lane of `up` as a process of its own: the installer's own code, without a cluster to talk to."""

import sys
from pathlib import Path

from installer.engine.reconcile import Apply, plan
from installer.forges.lock import RepositoryLock
from installer.project.project import Project
from installer.support.errors import InstallerError


class Printed:
    """Progress, a line each."""

    def begins(self, title: str) -> None:
        pass

    def ends(self, title: str, outcome: str, seconds: float) -> None:
        print(f"{title}: {outcome}", flush=True)


def up(project: Path) -> None:
    """Do what `up` does, without what it asks a cluster and a person."""
    opened = Project.open(project)
    resources = [resource for resource in opened.resources() if resource.lane != "cluster"]
    lock = RepositoryLock(opened.forge)
    if any(planned.change and planned.change.effective for planned in plan(resources)):
        Apply(resources, Printed(), lock.held).run()
    else:
        lock.remove_stale()


if __name__ == "__main__":
    try:
        up(Path(sys.argv[1]))
    except InstallerError as error:
        sys.exit(str(error))
