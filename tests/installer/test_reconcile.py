"""The loops: two lanes at once, each resource looked at before it is written, failures told as a whole."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from installer.engine.reconcile import Apply, plan, remove
from installer.engine.resource import Change, Field, differences, exact_differences
from installer.support.errors import InstallerError

from .things import Thing, things


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


def test_a_need_of_the_other_lane_is_waited_for() -> None:
    existing: dict[str, int] = {}
    Apply(things(existing), Heard()).run()  # Thing.apply asserts that its needs stand
    assert existing["credential"] == 1


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
    assert exact_differences(desired, seen) == (Field("a.c", 2, None), Field("d", 3, None))
    assert differences({"a": {"b": 2}}, seen) == (Field("a.b", 1, 2),)
