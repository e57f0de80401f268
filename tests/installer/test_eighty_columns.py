"""On a terminal of 80 columns no line breaks within a word, and what is there to be copied is whole."""

import io
import re
from pathlib import Path
from typing import Any

import pytest

from installer.commands import plan, up
from installer.engine.reconcile import Planned
from installer.engine.resource import Change, Field
from installer.project.project import Project
from installer.status.report import Report, Row
from installer.support.plain_text import folded
from installer.ui import console, progress
from installer.ui.console import _Screen
from installer.ui.progress import Span, Timeline
from tests.installer.typed import Run

WIDTH = 80
LINK = "https://github.com/an-organisation-with-a-long-name/a-service-with-a-long-name/actions/runs/17234567890"
COMMAND = "gh auth login --hostname github.example.com --scopes workflow,read:org,repo,admin:org"
SENTENCE = "The token may not read the rules of the organisation, so nobody knows whether one of them is in the way. "


class Part:
    """A resource, as far as a plan shows it."""

    def __init__(self, title: str) -> None:
        self.title = title


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    shown = io.StringIO()
    screen = _Screen(file=shown, force_terminal=True, width=WIDTH, soft_wrap=True, color_system=None)
    for module in (console, progress):
        monkeypatch.setattr(module, "out", screen)
    monkeypatch.setattr(console, "err", screen)
    return shown


def lines(shown: io.StringIO) -> list[str]:
    """Return the lines; each that is too long must be there for something that is copied as a whole."""
    printed = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.getvalue()).splitlines()
    long = [line for line in printed if len(line) > WIDTH]
    assert all(LINK in line or COMMAND in line for line in long), long
    return printed


def test_sentences_break_between_words_and_links_and_commands_do_not() -> None:
    text = f"{SENTENCE}\n  → {SENTENCE}See {LINK}\n  → {COMMAND}\n  → Ask: {COMMAND}\n{SENTENCE}Say `{COMMAND}`, now."
    broken = folded(text, WIDTH, before=2)
    assert " ".join(broken.split()) == " ".join(text.split()), "no word is lost or broken"
    assert broken.count(LINK) == 1
    assert broken.count(COMMAND) == 3
    others = [line for line in broken.splitlines() if LINK not in line and COMMAND not in line]
    assert max(map(len, others)) <= WIDTH
    assert all(line.startswith("  ") for line in others[1:])


def test_a_plan_has_each_thing_and_its_details_in_whole_words(terminal: io.StringIO) -> None:
    fields = (Field("description", None, SENTENCE), Field("address", None, LINK))
    changes = [Change("create", fields=fields), Change("blocked", note=SENTENCE, fix=COMMAND), None]
    planned: list[Any] = [Planned(Part(f"Argo CD's read access to {LINK}"), change) for change in changes]  # type: ignore[arg-type]
    console.show_plan(planned, f"{LINK} · the cluster kind-of-mine (https://127.0.0.1:6443)")
    told = "\n".join(lines(terminal))
    assert told.count(LINK) == 5
    assert "…" not in told
    assert COMMAND in told


def test_a_plan_in_brief_has_a_line_for_each_thing(terminal: io.StringIO) -> None:
    planned: list[Any] = [Planned(Part("GitHub repository"), Change("create", note=SENTENCE))] * 9  # type: ignore[list-item]
    console.show_plan(planned, "https://github.com/acme/web · no cluster", brief=True)
    assert len(lines(terminal)) == 10


@pytest.mark.parametrize("watched", [False, True])
def test_a_status_breaks_no_word_and_cuts_no_address(terminal: io.StringIO, *, watched: bool) -> None:
    parts = [("Argo CD", True, "v3.5.3"), ("branch main of acme/web", True, LINK), ("pods of web", False, SENTENCE * 2)]
    report = Report([Row(title, title, healthy, state) for title, healthy, state in parts], [])
    if watched:
        with console.picture() as show:
            show(Report([], []))
            show(report)
        shown = terminal.getvalue().rpartition("\x1b")[2]
    else:
        console.show_report(report)
        shown = terminal.getvalue()
    assert LINK in shown
    assert " ".join((SENTENCE * 2).split()) in " ".join(shown.split())
    assert "Argo CD                  v3.5.3" in shown


def test_findings_and_errors_break_between_words(terminal: io.StringIO) -> None:
    console.report(SENTENCE * 2)
    console.fail(f"{SENTENCE}\n  → {SENTENCE}")
    with progress.Steps(1) as steps:
        steps.begins("repository")
        steps.ends(f"Argo CD's read access to {LINK}", "created", 1.25)
        steps.waits(0, SENTENCE)
    told = "\n".join(lines(terminal))
    assert "(1.2 s)" in told


def test_what_is_under_way_takes_one_line_a_step_whatever_its_title(terminal: io.StringIO) -> None:
    with progress.Steps(1) as steps:
        steps.begins(f"namespace\n{SENTENCE}" * 2)
        under_way = [line for line in lines(terminal) if "namespace" in line]
        assert under_way
        steps.ends("namespace", "created", 1)
    assert all(line.endswith("…") and len(line) == WIDTH for line in under_way)


@pytest.mark.parametrize("longest", [12, 38, 90])
def test_the_closing_bars_take_one_line_a_step(longest: int, terminal: io.StringIO) -> None:
    timeline = Timeline()
    timeline.spans = [Span(str(number) * longest, number, number + 1.5) for number in range(9)]
    progress.show_timeline(timeline)
    bars = [line for line in terminal.getvalue().splitlines() if "━" in line]
    assert len(bars) == 9
    assert max(map(len, bars)) <= WIDTH
    assert [line.index("━") for line in bars] == sorted(line.index("━") for line in bars)


def test_live_and_the_address_are_the_last_lines(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    class Record:
        hold, revision = "", "c0ffee"

    def answer(value: Any) -> Any:
        return lambda *_, **__: value

    for name, value in {
        "deployment_record.wait": Record,
        "deployment_record.read": Record,
        "hint": "Address: x",
        "_report": None,
    }.items():
        monkeypatch.setattr(f"installer.commands.up.{name}", answer(value))
    monkeypatch.setattr("installer.commands.up.RunningService.wait_for_rollout", answer(None))
    monkeypatch.chdir(project)
    timeline = Timeline()
    timeline.spans = [Span("push", 0.0, 2.0)]
    up.until_live(Project.open(project), timeline)
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in printed[-2:]] == ["Live", "Address"]
    assert any("━" in line for line in printed[:-2])


def test_a_plan_with_nothing_to_do_says_so_in_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer.engine.reconcile.plan", lambda resources: [Planned(r, None) for r in resources])
    done = run("plan", "--exit-code", code=plan.NOTHING)
    plan_, _, notes = done.stdout.partition("\n\nNote:\n")
    (line,) = plan_.splitlines()
    assert notes.startswith("- acme/web is private, but gitops.yaml calls its image public")
    assert line.startswith("Nothing to change: all ")
    assert len(line) <= WIDTH
