"""The loops over the resources: plan and apply, the code host's steps and the cluster's at once."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from ..support.errors import InstallerError
from ..support.wait import result, threads
from .resource import Change, Resource

log = logging.getLogger(__name__)
Resources = Sequence[Resource[Any]]
Exclusive = Callable[[], AbstractContextManager[None]]
_OUTCOMES = {
    "create": "created",
    "change": "changed",
    "skipped": "skipped",
}


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


@dataclass(frozen=True)
class Failure:
    """A step that failed, and why."""

    resource: Resource[Any]
    error: Exception


class Stopped(Exception):
    """A lane ended because a step of another one failed."""


def visible(resources: Resources, unreachable: Collection[str]) -> list[Resource[Any]]:
    """Leave out what is where nobody can look, and what needs something that is there."""
    lanes = {resource.key: resource.lane for resource in resources}
    return [r for r in resources if not {*unreachable} & {r.lane, *(lanes[key] for key in r.needs if key in lanes)}]


def plan(resources: Resources) -> list[Planned]:
    """Say what `apply` would do, in the order in which it would; reads only, several at once.

    What nobody wants and is not there stands in no plan.
    """
    ordered = [resource for lane in _lanes(resources) for resource in lane]
    with threads(4) as pool:
        planned = list(pool.map(lambda resource: Planned(resource, _look(resource)[1]), ordered))
    return [each for each in planned if each.change or each.resource.wanted]


def _look(resource: Resource[Any]) -> tuple[Any, Change | None]:
    seen = resource.observe()
    change = resource.diff(seen)
    return seen, (change and change.effective and resource.obstacle()) or change


def _lanes(resources: Resources) -> list[Resources]:
    names = dict.fromkeys(resource.lane for resource in resources)
    return [[r for r in resources if r.lane == name] for name in names]


class Apply:
    """One run over all resources. Each is looked at anew just before it is written.

    After a failure no further step begins. What is blocked keeps back only what needs it, and the run fails at its end.
    """

    def __init__(self, resources: Resources, progress: Progress, exclusive: Exclusive | None = None) -> None:
        self._resources = resources
        self._exclusive = exclusive
        self._progress = progress
        self._finished = {resource.key: threading.Event() for resource in resources}
        self._satisfied: set[str] = set()
        """Keys of what is as it should be, or as far as it can be; what is over and not here was blocked."""
        self._stop = threading.Event()
        self._failures: list[Failure] = []
        self.done: list[str] = []

    def run(self) -> None:
        """Apply all; raise one error that reports every failure, what was done and what remains.

        `exclusive` holds the lock. It lives in the first resource, which is therefore applied before it.
        """
        if self._exclusive is None:
            self._all(self._resources)
        else:
            self._lane(self._resources[:1])
            if not self._failures:
                with self._exclusive():
                    self._all(self._resources[1:])
        if self._failures:
            raise InstallerError(self._summary())

    def _all(self, resources: Resources) -> None:
        lanes = _lanes(resources)
        with threads(len(lanes), to_the_end=True) as pool:
            futures = [pool.submit(self._lane, lane) for lane in lanes]
            try:
                for future in futures:
                    result(future)
            except BaseException:  # Ctrl-C reaches the main thread: let the lanes end after their present step
                self._stop.set()
                raise

    def _lane(self, lane: Resources) -> None:
        for resource in lane:
            try:
                lacks = self._await(resource)
                if self._stop.is_set():
                    return
                if lacks:
                    self._progress.ends(resource.title, f"skipped: it needs {', '.join(lacks)}", 0)
                else:
                    self._step(resource)
                self._finished[resource.key].set()
            except Stopped:
                return
            except InstallerError as error:
                self._failures.append(Failure(resource, error))
                self._progress.ends(resource.title, "failed", 0)
                self._stop.set()
                return
            except BaseException:
                self._stop.set()
                raise

    def _await(self, resource: Resource[Any]) -> list[str]:
        """Wait until all that a resource needs was tried; return the titles of what does not stand."""
        needed = [r for r in self._resources if r.key in resource.needs]
        if missing := [r.title for r in needed if not self._finished[r.key].is_set()]:
            log.info("%s waits for %s", resource.title, ", ".join(missing))
        for each in needed:
            while not self._finished[each.key].wait(0.1):
                if self._stop.is_set():
                    raise Stopped
        return [each.title for each in needed if each.key not in self._satisfied]

    def _step(self, resource: Resource[Any]) -> None:
        began = time.monotonic()
        if resource.wanted:
            self._progress.begins(resource.title)
            seen, change = _look(resource)
        else:
            seen, change = _look(resource)
            if change is None:
                self._satisfied.add(resource.key)
                return
            self._progress.begins(resource.title)
        if change and change.blocked:
            self._failures.append(Failure(resource, InstallerError(change.note, change.fix)))
            self._progress.ends(resource.title, "blocked", time.monotonic() - began)
            return
        if change and change.effective:
            resource.apply(seen, change)
            self.done.append(resource.title)
        self._progress.ends(resource.title, _OUTCOMES[change.action] if change else "kept", time.monotonic() - began)
        self._satisfied.add(resource.key)

    def _summary(self) -> str:
        failed = [f"{failure.resource.title}: {failure.error}" for failure in self._failures]
        remains = [r.title for r in self._resources if r.key not in self._satisfied and r.wanted]
        return "\n".join(
            [
                *failed,
                f"Done: {', '.join(self.done) or 'nothing'}.",
                f"Remains: {', '.join(remains)}.",
            ]
        )


def removal(resources: Resources) -> list[tuple[Resource[Any], str]]:
    """Say what `remove` would do about each thing that is there, in its order; reads only."""
    ordered = _newest_first(resources)
    with threads(4) as pool:
        reported = list(pool.map(lambda resource: (resource, resource.removal(resource.observe())), ordered))
    return [(resource, fate) for resource, fate in reported if fate]


def _newest_first(resources: Resources) -> Resources:
    """Return the cluster's things, which go while their controller lives, then the code host's; each newest first."""
    newest_first = resources[::-1]
    return sorted(newest_first, key=lambda resource: resource.lane != "cluster")


def remove(resources: Resources, progress: Progress) -> list[tuple[Resource[Any], str]]:
    """Remove what was made, newest first."""
    reported = []
    for resource in _newest_first(resources):
        began = time.monotonic()
        if resource.wanted:
            progress.begins(resource.title)
        outcome = resource.remove()
        if not resource.wanted and outcome == "was not there":
            continue
        progress.ends(resource.title, outcome, time.monotonic() - began)
        reported.append((resource, outcome))
    return reported
