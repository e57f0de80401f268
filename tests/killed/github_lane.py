"""GitHub's lane of `up` as a process of its own: the installer's own code, without a cluster to talk to."""

import sys
from pathlib import Path

from installer.converge import Apply
from installer.errors import InstallerError
from installer.world import World


class Printed:
    """Progress, a line each."""

    def begins(self, title: str) -> None:
        pass

    def ends(self, title: str, outcome: str, seconds: float) -> None:
        print(f"{title}: {outcome}", flush=True)


def main(project: Path, *left_out: str) -> None:
    resources = [r for r in World.open(project).resources() if r.lane == "github" and r.key not in left_out]
    Apply(resources, Printed()).run()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), *sys.argv[2:])
    except InstallerError as error:
        sys.exit(str(error))
