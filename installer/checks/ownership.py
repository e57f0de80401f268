"""What has a name of ours in the cluster and is another repository's."""

from collections.abc import Iterable

from .. import converge
from ..errors import InstallerError
from ..marks import NotOurs
from ..world import World
from .finding import Finding


def taken(world: World) -> Iterable[Finding]:
    """Name each thing that `up` would need and that belongs to another repository, with both addresses."""
    for resource in world.resources():
        if resource.lane != "cluster":
            continue
        try:
            planned = converge.plan([resource])
        except InstallerError:  # a code host that does not answer: its own checks say so
            continue
        for change in (each.change for each in planned):
            if isinstance(change, NotOurs):
                yield Finding("cluster", f"{resource.title}: {change.note}.", change.fix)
