"""Runs of the project's pipelines: started, waited for, and reported in words; the same for every CI."""

from collections.abc import Callable, Mapping

from ..support.errors import DeadlinePassed, InstallerError
from ..support.wait import until
from .base import CI, DEPLOY, Pipeline, Run

_PATIENCE = 60.0
"""Seconds in which a run that was asked for must show up."""


def number(run: Run | None) -> int:
    """Return a run's number, which grows from run to run; 0 where there is none."""
    return run.number if run else 0


def start(ci: CI, pipeline: Pipeline, inputs: Mapping[str, str]) -> int:
    """Start a pipeline on main and return the run's number."""
    before = number(ci.newest(pipeline))
    return ci.start(pipeline, inputs) or after(ci, pipeline, before)


def after(ci: CI, pipeline: Pipeline, before: int) -> int:
    """Wait for a run that is newer than another to show up, and return its number."""

    def look() -> int:
        found = number(ci.newest(pipeline))
        return found if found > before else 0

    found = until(look, _PATIENCE, every=1.0)
    if not found:
        fix = f"Is it there, and is {ci.title} on? See {ci.page}"
        raise DeadlinePassed(f"A run of {ci.named(pipeline)}", _PATIENCE, "none showed up", fix)
    return found


def follow(ci: CI, run: int, pipeline: Pipeline, seconds: float, say: Callable[[str], None]) -> Run:
    """Wait until a run is over; one that is not green ends it with the last lines of its log."""
    last, url = "", ci.page

    def look() -> Run | None:
        nonlocal last, url
        found = ci.run(run, pipeline)
        last, url = in_words(ci, found, pipeline), found.url if found else url
        say(last)
        return found if found and found.over else None

    found = until(look, seconds, every=2.0)
    if found is None:
        raise DeadlinePassed(f"A run of {ci.named(pipeline)}", seconds, last, f"See {url}")
    if not found.green:
        reported = f"{last}: {url}\n{ci.failing_logs(found)}".rstrip()
        raise InstallerError(reported, "Fix what it names, then run this again.")
    return found


def in_words(ci: CI, run: Run | None, pipeline: Pipeline = DEPLOY) -> str:
    """Say where a run stands."""
    if ci.unseen:
        return f"{ci.title}'s runs are not seen, {ci.unseen}: see {ci.page}"
    if run is None:
        return f"{ci.named(pipeline)}: no run yet"
    return f"{ci.named(pipeline)}: {run.name} {run.state.replace('_', ' ')}"
