"""`plan`: what `up` would do, from the same code; nothing is changed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .. import console, converge, documents, preflight
from ..checks.finding import Finding
from ..converge import Planned
from ..resource import Change, Lane, Resource
from ..world import World

NOTHING, ERROR, CHANGES = 0, 1, 3
"""Exit codes with --exit-code."""


def plan(world: World, *, as_json: bool = False) -> int:
    """Print the plan and return its code. Works, half blind, with nothing at hand."""
    problems = preflight.before_reading(world)
    planned = look(world, problems)
    if as_json:
        console.document(documents.plan(world, planned, problems))
    else:
        console.show_plan(planned, world.where())
        if problems:
            console.report("\nMissing:")
            for problem in problems:
                console.report(f"- {problem}")
    return code(planned, problems)


def code(planned: Sequence[Planned], problems: Sequence[Finding]) -> int:
    """Tell whether there is something to do, or whether that cannot be known."""
    actions = {p.change.action for p in planned if p.change}
    if problems or "blocked" in actions:
        return ERROR
    return CHANGES if actions & {"create", "change", "unseen"} else NOTHING


def look(world: World, problems: Sequence[Finding]) -> list[Planned]:
    """Plan both lanes; one that cannot be looked at is planned as if nothing were there, and said to be so."""
    blind: set[Lane] = {p.lane for p in problems}
    resources = world.resources(person=console.interactive())
    lanes = {resource.key: resource.lane for resource in resources}
    looked = [r for r in resources if not blind & {r.lane, *(lanes[key] for key in r.needs)}]
    seen = {p.resource.key: p for p in converge.plan(looked)}
    blindly = {r.key: Planned(r, _unseen(r)) for r in resources if r not in looked and r.wanted}
    return [planned for r in resources if (planned := seen.get(r.key) or blindly.get(r.key))]


def _unseen(resource: Resource[Any]) -> Change | None:
    change = resource.diff(resource.blank())
    return replace(change, action="unseen") if change and change.effective else change
