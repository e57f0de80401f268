"""The loops: each resource after what it needs and all else at once, looked at before it is written; one report."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from installer.cluster.kubectl import Cluster
from installer.config.settings import CIS
from installer.engine.reconcile import Apply, plan, remove
from installer.engine.resource import Change, Field, differences
from installer.forges import credentials
from installer.project.project import FORGE_KINDS, Project
from installer.support.errors import InstallerError
from installer.support.wait import ended, until

from .cluster import SETTINGS
from .things import Thing, things

PATIENCE = 60


class Heard:
    """Progress that is kept."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def begins(self, title: str) -> None:
        pass

    def ends(self, title: str, outcome: str, seconds: float) -> None:
        self.lines.append((title, outcome))


def test_a_plan_reads_only_and_keeps_the_order() -> None:
    existing = {"argocd": 1, "rules": 2}
    planned = plan(things(existing))
    assert [(p.resource.key, p.change and p.change.action) for p in planned] == [
        ("repository", "create"), ("secret", "create"), ("rules", "change"), ("argocd", None), ("credential", "create"),
    ]  # fmt: skip
    assert existing == {"argocd": 1, "rules": 2}


def test_applied_twice_the_second_run_changes_nothing() -> None:
    existing: dict[str, int] = {}
    first = Apply(things(existing), Heard())
    first.run()
    assert set(existing) == {"repository", "secret", "rules", "argocd", "credential"}
    again, heard = things(existing), Heard()
    second = Apply(again, heard)
    second.run()
    assert not second.done
    assert {outcome for _, outcome in heard.lines} == {"kept"}
    assert not any(thing.applied.is_set() for thing in again)


def test_what_a_resource_needs_is_applied_before_it_wherever_it_is_and_whatever_the_order() -> None:
    existing: dict[str, int] = {}
    Apply(things(existing)[::-1], Heard()).run()  # Thing.apply asserts that its needs stand
    assert existing["credential"] == 1


def test_what_needs_nothing_of_each_other_is_applied_at_once() -> None:
    all_are_here = threading.Barrier(5, timeout=PATIENCE)

    class Meeting(Thing):
        def apply(self, seen: int | None, change: Change) -> None:
            all_are_here.wait()
            super().apply(seen, change)

    existing: dict[str, int] = {}
    Apply([Meeting(existing, f"thing-{number}", "cluster") for number in range(5)], Heard()).run()
    assert len(existing) == 5


def test_the_first_is_applied_before_the_lock_is_taken_and_all_others_while_it_is_held() -> None:
    existing: dict[str, int] = {}
    at_the_lock: list[set[str]] = []

    @contextmanager
    def held() -> Iterator[None]:
        at_the_lock.append({*existing})
        yield
        at_the_lock.append({*existing})

    Apply(things(existing), Heard(), held).run()
    assert at_the_lock == [{"repository"}, {*existing}]
    assert len(existing) == 5


def test_after_a_failure_what_is_under_way_ends_and_nothing_begins() -> None:
    existing: dict[str, int] = {}
    heard = Heard()

    class Slow(Thing):
        def apply(self, seen: int | None, change: Change) -> None:
            assert until(lambda: ("thing secret", "failed") in heard.lines, PATIENCE, every=0.01)
            super().apply(seen, change)

    some = [
        Slow(existing, "argocd", "cluster"),
        Thing(existing, "secret", "github", fails="no"),
        Thing(existing, "namespace", "cluster", needs=("argocd",)),
    ]
    with pytest.raises(InstallerError, match=r"thing secret: no[^D]*Done: thing argocd\.\nRemains: thing secret, "):
        Apply(some, heard).run()
    assert existing == {"argocd": 1}


def test_every_failure_is_reported() -> None:
    both_are_here = threading.Barrier(2, timeout=PATIENCE)

    class Failing(Thing):
        def apply(self, seen: int | None, change: Change) -> None:
            both_are_here.wait()
            super().apply(seen, change)

    some = [Failing({}, "secret", "github", fails="no token"), Failing({}, "argocd", "cluster", fails="no room")]
    with pytest.raises(InstallerError) as error:
        Apply(some, Heard()).run()
    assert all(told in str(error.value) for told in ("thing secret: no token", "thing argocd: no room"))


def test_ctrl_c_lets_what_is_under_way_end_and_begins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    existing: dict[str, int] = {}
    waits, heard = threading.Event(), threading.Event()

    class Slow(Thing):
        def apply(self, seen: int | None, change: Change) -> None:
            assert waits.wait(PATIENCE)
            signal.raise_signal(signal.SIGINT)  # the main thread hears of it
            assert until(heard.is_set, PATIENCE, every=0.01)
            super().apply(seen, change)

    def interrupt(number: int, frame: object) -> None:
        heard.set()
        raise KeyboardInterrupt

    def seen_waiting(futures: Any) -> Any:
        waits.set()
        return ended(futures)

    monkeypatch.setattr("installer.engine.reconcile.ended", seen_waiting)
    some = [Slow(existing, "argocd", "cluster"), Thing(existing, "namespace", "cluster", needs=("argocd",))]
    former = signal.signal(signal.SIGINT, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            Apply(some, Heard()).run()
    finally:
        signal.signal(signal.SIGINT, former)
    assert existing == {"argocd": 1}


def resources_of(ci: str) -> dict[str, tuple[str, ...]]:
    """Return what each resource of a project with a database needs, by key and in the order of plans."""
    scm = CIS[ci].scm
    settings = replace(SETTINGS, scm=scm, ci=ci, host=f"{scm}.com", database="postgresql")
    nobodys = credentials.none(settings)
    project = Project(Path(), settings, nobodys, FORGE_KINDS[scm].connect(settings, nobodys), Cluster())
    project.__dict__["known"] = settings  # else the code host is asked for it
    return {resource.key: resource.needs for resource in project.resources()}


def before(key: str, needs: dict[str, tuple[str, ...]]) -> set[str]:
    """Return all that is applied before a resource."""
    direct = {each for each in needs[key] if each in needs}
    return direct.union(*(before(each, needs) for each in direct))


@pytest.mark.parametrize("ci", CIS)
def test_in_every_project_the_first_run_finds_what_it_needs_and_secrets_find_their_rules(
    ci: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.endswith("_TOKEN")]:
        monkeypatch.delenv(name)
    needs = resources_of(ci)
    assert next(iter(needs)) == "repository"
    list(TopologicalSorter(needs).static_order())  # raises where they go round in a circle
    pushed = {"variables", "registry-token", "platforms", *({"rules", "push-access"} if ci == "gitlab-ci" else ())}
    assert pushed <= before("initial-push", needs)
    assert "initial-push" in before("deployment", needs)
    first, then = ("rules", "registry-token") if ci == "gitlab-ci" else ("initial-push", "rules")
    assert first in before(then, needs)
    assert {"argocd", "namespace", "credential", "pull-secret", "database-address"} <= before("application", needs)


def test_every_need_is_the_key_of_a_resource() -> None:
    projects = [resources_of(ci) for ci in CIS]
    keys = {key for needs in projects for key in needs}
    assert {need for needs in projects for each in needs.values() for need in each} <= keys


def test_a_failure_ends_what_needs_it_and_reports_what_was_done_and_what_remains() -> None:
    existing: dict[str, int] = {}
    run = Apply(things(existing, secret="no such token"), Heard())
    with pytest.raises(InstallerError) as error:
        run.run()
    told = str(error.value)
    assert "thing secret: no such token" in told
    assert "fix it" in told
    assert "thing repository" in told.split("Done:")[1].split("Remains:")[0]
    assert all(name in told.split("Remains:")[1] for name in ("thing secret", "thing rules", "thing credential"))
    assert "credential" not in existing


def test_what_is_blocked_keeps_back_what_needs_it_and_nothing_else() -> None:
    existing: dict[str, int] = {}
    some = [
        Thing(existing, "repository", "github"),
        Thing(existing, "secret", "github", needs=("repository",), blocked=True),
        Thing(existing, "rules", "github", needs=("repository",)),
        Thing(existing, "argocd", "cluster"),
        Thing(existing, "credential", "cluster", needs=("secret", "argocd")),
        Thing(existing, "application", "cluster", needs=("credential",)),
        Thing(existing, "webhook", "cluster", needs=("argocd",)),
    ]
    heard = Heard()
    with pytest.raises(InstallerError) as error:
        Apply(some, heard).run()
    assert set(existing) == {"repository", "rules", "argocd", "webhook"}
    assert dict(heard.lines) == {
        **dict.fromkeys(["thing repository", "thing rules", "thing argocd", "thing webhook"], "created"),
        "thing secret": "blocked",
        "thing credential": "skipped: it needs thing secret",
        "thing application": "skipped: it needs thing credential",
    }
    told = str(error.value)
    assert "thing secret: somebody else's\n  → Rename it." in told
    assert told.endswith("Remains: thing secret, thing credential, thing application.")


def test_what_nobody_wants_is_shown_only_where_it_goes() -> None:
    class Unwanted(Thing):
        wanted = False

        def diff(self, seen: int | None) -> Change | None:
            return Change("change") if seen else None

        def apply(self, seen: int | None, change: Change) -> None:
            del self.existing[self.key]

    class Reporter(Thing):
        def apply(self, seen: int | None, change: Change) -> None:
            self.existing[self.key] = 1  # what it needs, if that is wanted, is not there

    def of(existing: dict[str, int]) -> list[Thing]:
        return [
            Thing(existing, "argocd", "cluster"),
            Unwanted(existing, "webhook", "cluster"),
            Reporter(existing, "reporter", "cluster", needs=("webhook",)),
        ]

    existing: dict[str, int] = {}
    heard = Heard()
    assert [p.resource.key for p in plan(of(existing))] == ["argocd", "reporter"]
    Apply(of(existing), heard).run()
    assert [title for title, _ in heard.lines] == ["thing argocd", "thing reporter"]
    assert [r.key for r, _ in remove(of(dict(existing)), Heard())] == ["reporter", "argocd"]

    existing["webhook"], heard = 1, Heard()
    assert [p.resource.key for p in plan(of(existing))] == ["argocd", "webhook", "reporter"]
    assert [r.key for r, _ in remove(of(dict(existing)), Heard())] == ["reporter", "webhook", "argocd"]
    Apply(of(existing), heard).run()
    assert dict(heard.lines)["thing webhook"] == "changed"
    assert "webhook" not in existing


def test_where_the_first_is_blocked_no_lock_can_be_taken_and_nothing_is_done() -> None:
    existing: dict[str, int] = {}

    @contextmanager
    def alone() -> Iterator[None]:
        pytest.fail("the lock is kept in what is blocked")
        yield

    some = [Thing(existing, "repository", "github", blocked=True), Thing(existing, "argocd", "cluster")]
    with pytest.raises(InstallerError, match=r"Rename it\.\nDone: nothing\."):
        Apply(some, Heard(), alone).run()
    assert existing == {}


def test_after_the_failure_is_repaired_the_next_run_reconciles() -> None:
    existing: dict[str, int] = {}
    with pytest.raises(InstallerError):
        Apply(things(existing, secret="no")  , Heard()).run()  # fmt: skip
    Apply(things(existing), Heard()).run()
    assert set(existing.values()) == {1}
    assert not any(p.change for p in plan(things(existing)))


def test_a_bug_keeps_its_traceback() -> None:
    existing: dict[str, int] = {}
    broken = things(existing)
    broken[0].existing = None  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        Apply(broken, Heard()).run()


def test_removing_goes_backwards_the_cluster_first() -> None:
    existing = dict.fromkeys(["repository", "secret", "rules", "argocd", "credential"], 1)
    told = remove(things(existing), Heard())
    assert [r.key for r, _ in told] == ["credential", "argocd", "rules", "secret", "repository"]
    assert not existing
    assert {outcome for _, outcome in remove(things(existing), Heard())} == {"was not there"}


def test_differences_ignore_what_others_added_and_exact_differences_do_not() -> None:
    desired, seen = {"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}
    assert differences(desired, seen) == ()
    assert differences(desired, seen, exact=True) == (Field("a.c", 2, None), Field("d", 3, None))
    assert differences({"a": {"b": 2}}, seen) == (Field("a.b", 1, 2),)
