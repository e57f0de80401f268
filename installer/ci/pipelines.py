"""Runs of the project's pipelines, reported in words; the same for every CI."""

from .base import CI, DEPLOY, Pipeline, Run


def number(run: Run | None) -> int:
    """Return a run's number, which grows from run to run; 0 where there is none."""
    return run.number if run else 0


def in_words(ci: CI, run: Run | None, pipeline: Pipeline = DEPLOY) -> str:
    """Say where a run stands."""
    if ci.unseen:
        return f"{ci.title}'s runs are not seen, {ci.unseen}: see {ci.page}"
    if run is None:
        return f"{ci.named(pipeline)}: no run yet"
    return f"{ci.named(pipeline)}: {run.name} {run.state.replace('_', ' ')}"
