"""`plan`: what `up` would do, from the same code; nothing is changed."""

from collections.abc import Sequence

from .. import console, converge, preflight
from ..converge import Planned
from ..preflight import Problem
from ..resource import Change, Lane
from ..world import World


def plan(world: World) -> bool:
    """Print the plan; return whether there is anything to do. Works, half blind, with nothing at hand."""
    problems = preflight.before_reading(world)
    planned = look(world, problems)
    console.show_plan(planned)
    if problems:
        console.report("\nMissing:")
        for problem in problems:
            console.report(f"- {problem}")
    return any(p.change for p in planned)


def look(world: World, problems: Sequence[Problem]) -> list[Planned]:
    """Plan both lanes; a lane that cannot be looked at is planned as unknown."""
    blind: dict[Lane, str] = {p.lane: "not looked at: see what is missing" for p in reversed(problems)}
    resources = world.resources()
    seen = {p.resource.key: p for p in converge.plan([r for r in resources if r.lane not in blind])}
    return [seen.get(r.key) or Planned(r, Change("unknown", note=blind[r.lane])) for r in resources]
