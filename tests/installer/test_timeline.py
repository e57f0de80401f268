"""The picture at the end of `up`: a bar for each step, and the chain that it waited for."""

import pytest

from installer.ui import progress
from installer.ui.progress import Span, Steps, Timeline, chain

SPANS = [
    Span("looking", 0, 2),
    Span("push", 2, 4),
    Span("Argo CD", 2, 14),
    Span("deployment", 4, 34),
    Span("rules", 4, 5),
    Span("Application", 14, 15),
    Span("rollout", 34, 40),
]


@pytest.fixture
def drawn() -> Timeline:
    made = Timeline()
    made.spans = SPANS
    return made


def test_the_chain_is_what_it_waited_for() -> None:
    assert [span.title for span in chain(SPANS)] == ["looking", "push", "deployment", "rollout"]
    slow = [Span("Argo CD", 2, 36) if span.title == "Argo CD" else span for span in SPANS[:-1]]
    slow = [span for span in slow if span.title != "Application"]
    assert [s.title for s in chain([*slow, Span("rollout", 36, 40)])] == ["looking", "Argo CD", "rollout"]


def test_each_step_has_a_bar_where_it_was(drawn: Timeline) -> None:
    *bars, words = drawn.lines()
    assert len({line.rindex("s") for line in bars}) == 1, "the seconds stand below each other"
    deployment = next(line for line in bars if line.startswith("deployment")).removeprefix("deployment".ljust(13))
    assert (deployment.index("━"), deployment.count("━")) == (4, 30)
    assert next(line for line in bars if line.startswith("rollout")).count("━") == 6
    assert words == ("40.0 s in all. The longest chain, 40.0 s: looking 2.0 → push 2.0 → deployment 30.0 → rollout 6.0")


@pytest.mark.parametrize("step", ["a step with quite a long title, number", "git server hello-api-git in argocd"])
def test_the_chain_takes_two_lines_at_most_and_its_longest_steps_stay(drawn: Timeline, step: str) -> None:
    drawn.spans = [Span(f"{step} {n}", n * 10.0, n * 10.0 + n) for n in range(1, 8)]
    *_, bar, first, second = drawn.lines(80)
    assert "━" in bar, "no more than these two"
    assert f"{first} {second}" == f"77.0 s in all. The longest chain, 28.0 s, mostly: {step} 6 6.0 → {step} 7 7.0"
    assert max(len(first), len(second)) <= 80


def test_steps_that_took_no_time_are_left_out_and_nothing_is_no_picture(drawn: Timeline) -> None:
    drawn.spans = [*SPANS, Span("kept", 5, 5.01)]
    assert not [line for line in drawn.lines() if line.startswith("kept")]
    assert Timeline().lines() == []


def test_steps_and_waits_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    noted = Timeline()
    with Steps(1, noted) as steps:
        now[0] = 103.0
        steps.ends("push", "created", 2.0)
    assert noted.spans == [Span("push", 1.0, 3.0)]
    now[0] = 110.0
    with noted.span("deployment", since=noted.end_of("push")):
        now[0] = 112.0
    assert noted.spans[1] == Span("deployment", 3.0, 12.0)
    with pytest.raises(RuntimeError), noted.span("fails"):
        raise RuntimeError
    assert len(noted.spans) == 2


def test_without_a_terminal_it_is_plain_text(drawn: Timeline, capsys: pytest.CaptureFixture[str]) -> None:
    progress.show_timeline(drawn)
    told = capsys.readouterr().out
    assert told.splitlines() == [line.rstrip() for line in drawn.lines()] or told.splitlines() == drawn.lines()
    assert "\x1b" not in told
