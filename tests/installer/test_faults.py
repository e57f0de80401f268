"""Every request of GitHub's half against every fault: success after a bounded retry, or one message with its fix."""

import pytest

from .bench import Bench
from .fault_table import ASKED, CASES, Asked, Case
from .meeting import meet, no_rests

pytestmark = pytest.mark.slow

TABLE = [(asked, case) for asked in ASKED for case in CASES]
SAMPLE = 4 * (len(CASES) + 1)  # another fault for every fourth request
ABSENT = ("404 scope", "409")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    return no_rests(monkeypatch, "resources.github_repository")


def meets(bench: Bench, asked: Asked, case: Case, waits: list[float]) -> None:
    def told(text: str) -> None:
        check_reported(bench, asked, case, text)

    def made() -> str:
        return bench.kept("web-webhook", "secret") or ""

    old_way, no = r"^/acme/web/(HEAD|objects|info/refs$)", is_a_no(asked, case)
    limits = ("resources.github_repository.PATIENCE",)
    meet(bench, bench.github.faults, asked, case, waits, timeouts=limits, old_way=old_way, told=told, no=no, made=made)
    check_reconciled(bench, asked)


def is_a_no(asked: Asked, case: Case) -> bool:
    """Tell whether the fault is an answer that has a meaning here: not there, none yet, not in this plan."""
    meanings = {
        ("404 scope", "GET"): True,
        ("404 scope", "DELETE"): True,
        ("409", "GET"): "git/ref" in asked.path,
        ("403 plan", "GET"): "rulesets" in asked.path,
        ("cut", "POST"): asked.by_a_program,  # it was done, and is found to be
    }
    return meanings.get((case.fault.name, asked.method), False)


def check_reported(bench: Bench, asked: Asked, case: Case, told: str) -> None:
    assert case.times > 1 or not asked.may_be_repeated or asked.by_a_program, f"one fault should have passed: {told}"
    if not (case.fault.name in ABSENT and asked.method == "GET"):  # then it is what came next that was told
        cause, fix = told.split("→")
        for word in words(asked, case):
            assert word in told, told
        assert cause.strip()
        assert fix.strip()


def words(asked: Asked, case: Case) -> tuple[str, ...]:
    """Return what must be said; git hides what it is answered to a push, gh and git say less than the API."""
    if asked.method == "POST" and asked.key == "initial-push" and case.fault.status in (403, 404, 409, 422, 429):
        return (f"{case.fault.status}",)
    return case.words[-1:] if asked.by_a_program else case.words


def check_reconciled(bench: Bench, asked: Asked) -> None:
    resource = bench.resources()[asked.key]
    change = resource.diff(resource.observe())
    if asked.key == "deployment":  # ends with a run under way; the branch is that run's work
        assert len(bench.repository.runs) == 1
    else:
        assert change is None
    assert len(bench.github.repositories) == 1
    assert len({r.name for r in bench.repository.rulesets.values()}) == len(bench.repository.rulesets)
    titles = [key.title for key in bench.repository.keys.values()]
    assert len(titles) == len(set(titles))
    assert len(bench.repository.hooks) <= 1


@pytest.mark.all
@pytest.mark.parametrize(("asked", "case"), TABLE, ids=lambda each: str(each).replace("\\", ""))
def test_any_fault_is_survived_or_reported_and_the_next_run_reconciles(
    shared: Bench, waits: list[float], asked: Asked, case: Case
) -> None:
    meets(shared, asked, case, waits)


@pytest.mark.parametrize(("asked", "case"), TABLE[::SAMPLE], ids=lambda each: str(each).replace("\\", ""))
def test_a_sample_of_the_faults_is_survived_or_reported(
    shared: Bench, waits: list[float], asked: Asked, case: Case
) -> None:
    meets(shared, asked, case, waits)
