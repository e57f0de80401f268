"""What others wrote is shown and never obeyed: no terminal's sequence, no hidden sign, no line of their own making."""

import contextlib
import io
import json
import logging
import re
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from installer.cli import main
from installer.cluster.pods import ailments
from installer.cluster.workloads import PodAnswer, parse, wrong_revision
from installer.commands.options import show_commands
from installer.engine.reconcile import Planned
from installer.engine.resource import Change, Field, Finding
from installer.status.deployment_record import PastDeployment, at, commits
from installer.status.deployment_record import read as read_record
from installer.status.report import Report, Row
from installer.status.reporter_main import _say
from installer.status.service import LONGEST, DeploymentState, read
from installer.support.errors import CommandFailed, InstallerError
from installer.support.plain_text import one_line, paragraph, plain
from installer.support.secret import Secret
from installer.ui import console, json_documents, progress
from installer.ui.progress import Span, Timeline
from tests.documents import valid

from .branches import holding

FORGED = "✓ service  all 3 pods answer, as recorded"
ATTACKS = {
    "colour": "\x1b[32mgreen\x1b[0m",
    "clear": "\x1b[2J\x1b[H",
    "up and over": "\x1b[1A\x1b[2K",
    "title": "\x1b]0;root@prod\x07",
    "link": "\x1b]8;;https://evil.example/\x1b\\docs\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "half a sequence": "\x1b]0;never ended",
    "reset": "\x1bc",
    "C1": "\x9b2J\x9d0;title\x9c\x90q\x9c\x85",
    "overwritten": "unhealthy\rhealthy\x08\x08",
    "bell, form feed": "\a\v\f",
    "delete": "\x7f",
    "bidi": "\u202eyhtlaeh\u202c\u2066x\u2069\u200f\u061c",
    "unseen": "heal\u200bthy\ufeff\u2060\U000e0041\u00ad",
    "ends of lines": "x\u2028y\u2029z",
    "half a character": "\ud800",
    "markup": "[bold red]x[/] [link=https://evil.example/]y[/link]",
    "markup once a sequence is gone": "[\x1b[0mlink=https://evil.example/]y[\x1b[0m/link][\x1b[0mbold green]z[/]",
    "an end of no beginning": "[\x1b[0m/x]",
    "markup around what nobody sees": "[\u200bbold]x[/\u200bbold][\ufeff/]",
    "fillers": "a\u3164b\u034fc\u115fd\u1160\u200c\u2065\u2800\uffa0\u17b4\U000e0100\U000e01ef\ufe0f",
}
EVIL = "".join(ATTACKS.values())
LOGGED = EVIL.replace("\ud800", "")  # pytest sends the log to another process
OBEYED = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u2800\u3164\uffa0\ufff0-\ufff8\U000e0080-\U000e0fff]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u00ad\U000e0000-\U000e007f]"
)
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|.?)")
STYLES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_nothing_of_it_is_left_that_a_terminal_obeys(attack: str) -> None:
    shown = plain(f"before {attack} after")
    assert not OBEYED.search(shown)
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    shown.encode()


def test_words_stay_and_what_was_hidden_shows() -> None:
    assert plain(ATTACKS["colour"]) == "green"
    assert plain(ATTACKS["link"]) == "docs"
    assert plain(ATTACKS["half a sequence"]) == "0;never ended"
    assert plain("heal\u200bthy") == "heal�thy"
    assert plain("über → 日本語 👩‍💻\tof\r\ntwo lines\n") == "über → 日本語 👩‍💻\tof\ntwo lines\n"


def test_what_changes_a_symbol_that_people_see_stays_and_alone_it_shows() -> None:
    assert plain("❤️ 👨‍👩‍👧 👋🏽 ❤️‍🔥") == "❤️ 👨‍👩‍👧 👋🏽 ❤️‍🔥"
    assert plain("pay\u200dload\ufe0f ❤\ufe0f\ufe0f") == "pay�load� ❤\ufe0f�"


def test_one_line_is_one_and_is_not_long() -> None:
    assert one_line(f"orders fail\n\n{FORGED}\r\v\x85\u2028x") == f"orders fail {' '.join(FORGED.split())} x"
    assert one_line("x" * 400) == "x" * 299 + "…"
    assert paragraph("\nMissing:\n\n✓ x\n  → y") == "\nMissing:\n\n  ✓ x\n  → y"


# --- each way to the terminal -----------------------------------------------------------------------------------------


class Thing:
    key, lane, title = "thing", "cluster", EVIL


FINDING = Finding("cluster", f"it is\n{FORGED}{EVIL}", f"fix\n{FORGED}{EVIL}")
REPORT = Report([Row("run", EVIL, False, f"failed\n{FORGED}\n{EVIL}")], [FINDING])
PLANNED: Any = [Planned(Thing(), Change("change", (Field(EVIL, EVIL, EVIL),), EVIL))]  # type: ignore[arg-type]


def steps() -> None:
    with progress.Steps(1) as shown:
        shown.begins(EVIL)
        logging.getLogger("installer.x").info("%s", f"waits\n{FORGED}{LOGGED}")
        shown.ends(EVIL, EVIL, 1)


def timeline() -> None:
    drawn = Timeline()
    drawn.spans = [Span(EVIL, 0, 1)]
    progress.show_timeline(drawn)


def picture() -> None:
    with console.picture() as show:
        show(REPORT)


def reporters_log() -> None:
    with contextlib.redirect_stdout(console.out.file):
        _say(f"{EVIL}\n{FORGED}")


WAYS: dict[str, Callable[[], None]] = {
    "report": lambda: console.report(f"Held: {EVIL}\n{FORGED}"),
    "fail": lambda: console.fail(str(CommandFailed(EVIL, 1, f"{EVIL}\n{FORGED}", EVIL))),
    "plan": lambda: console.show_plan(PLANNED, EVIL),
    "status": lambda: console.show_report(REPORT),
    "picture": picture,
    "findings": lambda: console.show_findings([FINDING]),
    "steps": steps,
    "waiting": lambda: progress.Waiting()(f"waits\n{FORGED}{EVIL}"),
    "timeline": timeline,
    "go on": lambda: console.err.print(EVIL, markup=False),
    "the reporter's log": reporters_log,
}


@pytest.fixture(params=["a terminal", "a pipe"])
def screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return what reaches the screen, or the pipe."""
    return shown_on(monkeypatch, terminal=request.param == "a terminal")


def shown_on(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> io.StringIO:
    """Let all that is shown go to one place, and return that."""
    seen = io.StringIO()
    for name in ("out", "err"):
        monkeypatch.setattr(console, name, console._Screen(file=seen, force_terminal=terminal, soft_wrap=True))
    monkeypatch.setattr(progress, "out", console.out)
    return seen


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_whatever_is_printed_only_our_own_styles_reach_the_screen(way: Callable[[], None], screen: io.StringIO) -> None:
    way()
    text = screen.getvalue()
    assert "green" in text, "it was shown"
    for moves in ("\x1b[?25l", "\x1b[?25h", "\x1b[2K", "\r", "\x1b[1A"):  # rich's own, of a picture that is replaced
        if way in (picture, steps):
            text = text.replace(moves, "")
    assert not OBEYED.search(STYLES.sub("", text))
    for harm in ("\x1b]", "\x1b[2J", "\x1b[H", "\x1bc", "evil.example/\x1b"):
        assert harm not in text


PIECES = st.sampled_from(
    [
        *ATTACKS.values(),
        *("[", "]", "[/", "/]", "[/]", "[dim]", "\\", "\x1b[0m", "\x1b", "\u200b", "🔥", "x", " ", "\n"),
        *("link=https://evil.example/", "bold green", "(1.0 s)", "\u00a0(1.0\u00a0s)"),
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.lists(PIECES, min_size=1, max_size=8).map("".join))
def test_no_mixture_of_markup_sequences_and_hidden_signs_brings_a_style_or_a_link_or_breaks_the_way(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = text.replace("\ud800", "")

    def styles(words: str) -> tuple[set[str], str]:
        seen = shown_on(monkeypatch, terminal=True)
        finding = Finding("cluster", words, words)
        thing: Any = SimpleNamespace(key="thing", lane="cluster", title=words)
        console.report(words)
        console.fail(words)
        console.show_plan([Planned(thing, Change("change", (Field(words, words, words),), words))], words)
        console.show_report(Report([Row("run", words, False, words)], [finding]))
        console.show_findings([finding])
        with progress.Steps(1) as shown:
            shown.begins(words)
            shown.waits(threading.get_ident(), words)
            shown.ends(words, words, 1)
        progress.Waiting()(words)
        said = seen.getvalue()
        return {*ESCAPES.findall(said)}, STYLES.sub("", said)

    with_text, said = styles(text)
    ours, _ = styles("word")
    assert with_text <= ours
    assert "\x1b]" not in said


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_no_line_of_somebody_elses_making_looks_like_one_of_ours(way: Callable[[], None], screen: io.StringIO) -> None:
    way()
    lines = STYLES.sub("", screen.getvalue()).replace("\r", "\n").splitlines()
    assert not [line for line in lines if line.startswith(FORGED[:9])]


def test_with_verbose_the_log_of_commands_is_shown_and_not_obeyed(capfd: pytest.CaptureFixture[str]) -> None:
    root, ours = logging.getLogger(), logging.getLogger("installer")
    before, level = [*root.handlers], ours.level
    root.handlers.clear()
    try:
        show_commands()
        logging.getLogger("installer.support.process").debug("$ git push %s", LOGGED)
    finally:
        root.handlers[:] = before
        ours.setLevel(level)
    said = capfd.readouterr().err
    assert "$ git push green" in said
    assert not OBEYED.search(said)


def test_what_nobody_foresaw_is_reported_without_a_traceback_and_its_log_is_not_obeyed_and_holds_no_secret(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    token = Secret("ghp_of_somebody").reveal()

    def broken(**_: object) -> None:
        raise KeyError(f"{EVIL} {token}") from ValueError(f"{EVIL} {token}")

    monkeypatch.setattr("installer.cli.cli", broken)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    (log,) = (tmp_path / "gitops-flask/logs").iterdir()
    text = log.read_text()
    assert "in broken" not in said
    assert f"The log: {log}" in said
    assert "in broken" in text
    for each in (said, text):
        assert "green" in each
        assert not OBEYED.search(each)
        assert token not in each
    assert (log.stat().st_mode & 0o777, log.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_in_json_it_is_escaped_and_what_a_program_reads_is_what_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    document = json_documents.doctor([FINDING])
    console.document(document)
    said = capsys.readouterr().out
    assert re.fullmatch(r"[\n -~]+", said), "printable ASCII alone"
    assert valid("doctor", said)["findings"][0]["what"] == FINDING.what
    assert json.loads(said) == document


# --- each field that is one line by its nature ------------------------------------------------------------------------


IMAGE = f'image: {{repository: "docker.io/acme/web", digest: "sha256:1"}}\nrevision: "{"a" * 40}"\n'


def test_a_hold_is_one_line_whatever_its_author_wrote() -> None:
    hold = json.dumps({"who": f"eve\n{FORGED}", "since": "today", "why": f"x\n\n{FORGED}{'y' * 1000}"})
    told = at(holding({"image.yaml": IMAGE, "hold.yaml": hold}), "c" * 40).hold
    assert told.startswith("eve ✓ service all 3 pods")
    assert "\n" not in told
    assert len(told) < 700
    assert (
        at(holding({"image.yaml": IMAGE, "hold.yaml": "who: eve\nsince: 2026-11-28\nwhy: 7"}), "c").hold
        == "eve, since 2026-11-28: 7"
    )


def test_a_hold_that_unfolds_into_gigabytes_is_not_unfolded() -> None:
    levels = "\n".join(
        f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]"
        for below, name in zip("abcdefghi", "bcdefghij", strict=True)
    )
    bomb = f"a: &a [lol]\n{levels}\nwho: eve\nsince: now\nwhy: *j\n"
    assert at(holding({"image.yaml": IMAGE, "hold.yaml": bomb}), "c" * 40).hold == "eve, since now: ?"


def test_a_record_names_an_image_and_a_revision_and_no_more() -> None:
    evil = json.dumps({"image": {"repository": f"x\n{FORGED}", "digest": EVIL}, "revision": EVIL})
    record = at(holding({"image.yaml": evil}), "c")
    assert (record.image, record.digest, record.revision) == ("", "", "")
    assert at(holding({"image.yaml": IMAGE}), "c").revision == "a" * 40


@pytest.mark.parametrize("file", ["image", "hold"])
@pytest.mark.parametrize("text", ["x: [\n\x07", "2026-13-45", "[" * 400, "- just\n- words"])
def test_a_record_that_cannot_be_read_is_reported_as_an_error_with_a_way_out_that_does_not_read_it(
    file: str, text: str
) -> None:
    here = holding({"image.yaml": IMAGE, f"{file}.yaml": text})
    with pytest.raises(InstallerError, match=rf"{file}.yaml on env/dev .*(is no YAML|holds no fields)") as caught:
        read_record(here)
    assert "\n" not in caught.value.message
    assert "rollback --project" in caught.value.fix
    assert bool(at(here, "c" * 40).hold) == (file == "hold"), "as ci/deploy sees it: the file is the hold"


def test_a_commits_subject_is_one_line() -> None:
    message = f"Deploy\n\nArgocd-reference-commit-subject: Sell\r\v{FORGED}{'z' * 300}\n"
    (past,) = commits(holding({}, message, f"now\n{FORGED}"))
    assert past.subject.startswith("Sell ✓ service")
    assert len(str(past).splitlines()) == 1
    assert len(past.subject) == 100
    assert isinstance(past, PastDeployment)


@pytest.mark.parametrize("revision", [f"{'a' * 40}\n{FORGED}", f"{'a' * 40}\x1b[2J", "a" * 9000, "ａ" * 40])
def test_what_a_pod_calls_its_revision_is_reported_as_it_is_where_it_is_none(revision: str) -> None:
    answer = parse("web-1", json.dumps({"revision": revision}))
    assert answer.revision == ""
    wrong = wrong_revision([answer], "a" * 40)
    assert len(wrong.splitlines()) == 1
    assert not OBEYED.search(wrong)
    assert "which names no revision" in wrong


def test_what_pods_and_events_say_is_one_line_each() -> None:
    waiting = {"name": "web", "state": {"waiting": {"reason": "CreateContainerError", "message": f"no\n{FORGED}"}}}
    event = {
        "type": "Warning", "reason": "Failed", "message": f"no\n{FORGED}{'x' * 5000}",
        "involvedObject": {"name": "a"}, "lastTimestamp": "1",
    }  # fmt: skip
    unscheduled = {"type": "PodScheduled", "status": "False", "message": f"no\n{FORGED}"}
    status = {"containerStatuses": [waiting], "conditions": [unscheduled]}
    told = ailments({"metadata": {"name": "a"}, "status": status}, [event])
    assert len(told) == 3
    assert all(len(line.splitlines()) == 1 and len(line) <= 300 for line in told)


def test_what_argo_cd_says_of_a_chart_is_one_line() -> None:
    status = {"conditions": [{"type": "ComparisonError", "message": f"x\n{FORGED}"}]}
    operation = {"operationState": {"phase": "Failed", "message": f"x\n{FORGED}"}}
    assert [len(line.splitlines()) for line in read({"status": {**status, **operation}}).conditions] == [1, 1]


def test_what_github_is_reported_holds_nothing_that_its_page_or_a_terminal_obeys() -> None:
    text = DeploymentState("failure", f"{EVIL}\n{FORGED}", "crash").text
    assert not OBEYED.search(text)
    assert len(text) <= LONGEST


def test_a_pod_that_is_well_is_reported_in_words_of_ours() -> None:
    assert wrong_revision([PodAnswer("a", revision="a" * 40)], "a" * 40) == ""
