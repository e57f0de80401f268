"""`plan`: what `up` would do, from the same code; nothing is changed."""

from collections.abc import Sequence
from typing import Any

from .. import console, converge, preflight
from ..converge import Planned
from ..preflight import Problem
from ..resource import Change, Lane, Resource
from ..world import World


def plan(world: World) -> bool:
    """Print the plan; return whether there is anything to do. Works, half blind, with nothing at hand."""
    problems = preflight.before_reading(world)
    planned = look(world, problems)
    console.show_plan(planned, world.where())
    if problems:
        console.report("\nMissing:")
        for problem in problems:
            console.report(f"- {problem}")
    return any(p.change for p in planned)


def look(world: World, problems: Sequence[Problem]) -> list[Planned]:
    """Plan both lanes; one that cannot be looked at is planned as if nothing were there, and said to be so."""
    blind: set[Lane] = {p.lane for p in problems}
    resources = world.resources()
    seen = {p.resource.key: p for p in converge.plan([r for r in resources if r.lane not in blind])}
    return [seen.get(resource.key) or Planned(resource, _unseen(resource)) for resource in resources]


def _unseen(resource: Resource[Any]) -> Change:
    change = resource.diff(resource.blank())
    if change is None or not change.effective:
        return change or Change("unknown")
    return Change("unseen", change.fields, change.note)
