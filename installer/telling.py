"""Telling GitHub what became of a delivery, so that its commit and pull request show it; once, however often asked."""

from collections.abc import Callable
from dataclasses import dataclass

from .delivered import Delivered
from .deployments import OPEN, Deployment, Deployments
from .errors import InstallerError
from .live import Live
from .refused import Refused
from .verdict import Verdict, judge
from .wait import pause
from .world import World

PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds between attempts while GitHub is out of order; it is given a minute."""


@dataclass(frozen=True)
class Told:
    """What GitHub shows now, in words; `news` where this run changed it, or could not."""

    text: str
    news: bool = False


def tell(world: World, record: Delivered, say: Callable[[str], None] = lambda _: None) -> Told:
    """Close the Deployment of the delivery that `env/dev` records, if it is certain how; GitHub's no fails nothing."""
    if world.settings.scm != "github":
        return Told("")
    last = ""
    for wait in (*PAUSES, None):
        try:
            return _tell(world, record)
        except Refused as error:
            last = error.message
            if error.status < 500:
                return Told(f"not told: {last}", news=True)
        except InstallerError as error:
            last = error.message
        if wait is not None:
            say(f"GitHub was not told yet: {last}")
            pause(wait)
    return Told(f"not told: {last}; the next `status` or `up` will", news=True)


def _tell(world: World, record: Delivered) -> Told:
    deployments = Deployments(world.github, world.settings.environment)
    there = deployments.of(record.commit, record.revision)
    if there is None:
        return Told("none was opened for this delivery")
    live = Live(world.cluster, world.settings)
    try:
        verdict = judge(live, record)
    except InstallerError:  # the cluster does not answer, which others tell
        verdict = None
    if verdict is None or _says(there, verdict):
        return Told(_shown(there))
    # Between the look and now another delivery may have come: what was seen is true of this one only while it is there.
    if world.host.head(world.settings.branch) != record.commit:
        return Told(f"{_shown(there)}; another delivery has come since", news=True)
    for old in deployments.overtaken(there):
        deployments.close(old, "inactive", "Overtaken before anybody asked the pods")
    deployments.close(there, verdict.state, verdict.text, live.address() if verdict.state == "success" else "")
    return Told(f"{verdict.state}, told now: {verdict.text}", news=True)


def _says(there: Deployment, verdict: Verdict) -> bool:
    """Tell whether GitHub shows this already, but for numbers that differ from look to look."""
    return there.state == verdict.state and (verdict.state == "success" or there.text.partition(":")[0] == verdict.kind)


def _shown(there: Deployment) -> str:
    state = "in progress" if there.state in OPEN else there.state
    return f"{state}: {there.text}" if there.text else state
