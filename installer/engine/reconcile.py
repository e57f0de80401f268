"""The loops over the resources: plan, apply, remove. What a resource needs is applied before it, all else at once."""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any, Protocol

from ..support.errors import InstallerError
from ..support.wait import ended, threads
from .resource import Change, Resource

Resources = Sequence[Resource[Any]]
Lock = Callable[[], AbstractContextManager[None]]
_READS_AT_ONCE = 4
_STEPS_AT_ONCE = 8
_OUTCOMES = {"create": "created", "change": "changed", "skipped": "skipped"}


class Progress(Protocol):
    """Who hears of each step; called from several threads."""

    def begins(self, title: str) -> None:
        """Hear that a step has begun."""

    def ends(self, title: str, outcome: str, seconds: float) -> None:
        """Hear that a step ended."""


@dataclass(frozen=True)
class Planned:
    """One line of a plan."""

    resource: Resource[Any]
    change: Change | None


def visible(resources: Resources, unreachable: Collection[str]) -> list[Resource[Any]]:
    """Leave out what is where nobody can look, and what needs something that is there."""
    lanes = {resource.key: resource.lane for resource in resources}
    return [r for r in resources if not {*unreachable} & {r.lane, *(lanes[key] for key in r.needs if key in lanes)}]


def plan(resources: Resources) -> list[Planned]:
    """Say what `apply` would do about each; reads only, several at once.

    What nobody wants and is not there stands in no plan.
    """
    with threads(_READS_AT_ONCE) as pool:
        planned = list(pool.map(lambda resource: Planned(resource, _look(resource)[1]), resources))
    return [each for each in planned if each.change or each.resource.wanted]


def _look(resource: Resource[Any]) -> tuple[Any, Change | None]:
    seen = resource.observe()
    change = resource.diff(seen)
    return seen, (change and change.effective and resource.obstacle()) or change


class Apply:
    """One run over all resources: the first (with what it needs), then the lock in it, then all others as they need.

    Each is looked at anew just before it is written. After a failure no further step begins. What is blocked keeps
    back only what needs it, and the run fails at its end.
    """

    def __init__(self, resources: Resources, progress: Progress, lock: Lock | None = None) -> None:
        self._resources = resources
        self._progress = progress
        self._lock = lock
        self._failed = threading.Event()
        self._failures: list[str] = []
        self._satisfied: set[str] = set()
        """Keys of what is as it should be, or as far as it can be."""
        self.done: list[str] = []

    def run(self) -> None:
        """Apply all; raise one error that reports every failure, what was done and what remains."""
        if self._lock is None:
            self._all(self._resources)
        else:
            first = self._resources[0]
            before = [each for each in self._resources if each.key in first.needs]
            self._all(before)
            self._step(first)
            if not self._failures:
                with self._lock():
                    self._all([each for each in self._resources if each not in (first, *before)])
        if self._failures:
            remains = [r.title for r in self._resources if r.key not in self._satisfied and r.wanted]
            summary = [f"Done: {', '.join(self.done) or 'nothing'}.", f"Remains: {', '.join(remains)}."]
            raise InstallerError("\n".join([*self._failures, *summary]))

    def _all(self, resources: Resources) -> None:
        by_key = {resource.key: resource for resource in resources}
        graph = TopologicalSorter({r.key: [key for key in r.needs if key in by_key] for r in resources})
        graph.prepare()
        running: dict[Future[None], str] = {}
        with threads(_STEPS_AT_ONCE, to_the_end=True) as pool:
            while graph.is_active():
                running |= {pool.submit(self._step, by_key[key]): key for key in graph.get_ready()}
                for step in ended(running):
                    step.result()
                    graph.done(running.pop(step))

    def _step(self, resource: Resource[Any]) -> None:
        if self._failed.is_set():
            return
        began = time.monotonic()
        try:
            outcome = self._reconcile(resource)
        except InstallerError as error:
            self._failed.set()
            self._failures.append(f"{resource.title}: {error}")
            outcome = "failed"
        if outcome:
            self._progress.ends(resource.title, outcome, time.monotonic() - began)

    def _reconcile(self, resource: Resource[Any]) -> str:
        """Observe, compare and write one resource; return the outcome, empty where there is nothing to say."""
        needed = [each for each in self._resources if each.key in resource.needs]
        if lacks := [each.title for each in needed if each.key not in self._satisfied]:
            return f"skipped: it needs {', '.join(lacks)}"
        if resource.wanted:
            self._progress.begins(resource.title)
        seen, change = _look(resource)
        if change and not resource.wanted:
            self._progress.begins(resource.title)
        if change and change.blocked:
            self._failures.append(f"{resource.title}: {InstallerError(change.note, change.fix)}")
            return "blocked"
        if change and change.effective:
            resource.apply(seen, change)
            self.done.append(resource.title)
        self._satisfied.add(resource.key)
        return _OUTCOMES[change.action] if change else "kept" if resource.wanted else ""


def removal(resources: Resources) -> list[tuple[Resource[Any], str]]:
    """Say what `remove` would do about each thing that is there, in its order; reads only."""
    with threads(_READS_AT_ONCE) as pool:
        reported = list(pool.map(lambda resource: (resource, resource.removal(resource.observe())), resources[::-1]))
    return [(resource, fate) for resource, fate in reported if fate]


def remove(resources: Resources, progress: Progress) -> list[tuple[Resource[Any], str]]:
    """Remove what was made, the last one first: the cluster's things go while their controller lives."""
    reported = []
    for resource in resources[::-1]:
        began = time.monotonic()
        if resource.wanted:
            progress.begins(resource.title)
        outcome = resource.remove()
        if not resource.wanted and outcome == "was not there":
            continue
        progress.ends(resource.title, outcome, time.monotonic() - began)
        reported.append((resource, outcome))
    return reported
