"""What people see: plans as tables, progress as lines, one place for colours (rich honours NO_COLOR and pipes)."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..support.errors import InstallerError
from ..support.plain_text import folded, paragraph, plain

if TYPE_CHECKING:  # they would bring the libraries for GitHub and the cluster, even where only an error is reported
    from ..engine.reconcile import Planned
    from ..engine.resource import Change, Finding
    from ..status.report import Report


class _Screen(Console):
    """Shows every string as plain text, whoever wrote it: this is the one way to the terminal.

    No string is read as markup. What has a style is a `Text` that `styled` made: the style is never in the words.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, emoji=False, markup=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the words that are left of a string."""
        return super().render_str(plain(text), **{**options, "markup": False})


def styled(*parts: str | tuple[str, str]) -> Text:
    """Join words, alone or each with a style of ours; nothing in the words is obeyed."""
    pairs = [(part, "") if isinstance(part, str) else part for part in parts]
    return Text.assemble(*((plain(words), style) for words, style in pairs))


out = _Screen(soft_wrap=True)
err = _Screen(stderr=True, soft_wrap=True)

Sign = tuple[str, str]
"""A sign of ours, and its style."""
_SIGN: dict[str, Sign] = {
    "create": ("+ create", "green"),
    "change": ("~ change", "yellow"),
    "unseen": ("+ create?", "green"),
    "blocked": ("✗ blocked", "red"),
}
_SIGN_WIDTH = 9
"""Columns of the longest of them."""
FINE: Sign = ("✓", "green")
WRONG: Sign = ("✗", "red")
NOTED: Sign = ("!", "yellow")
_IN_ASCII = {"✗": "x", "✓": "v", "→": "->", "…": "...", "━": "=", "·": "-", "–": "-", "×": "x", "�": "?"}
"""How our own signs are written where there are none but ASCII's."""


def take_any_encoding() -> None:
    """Let what is printed be readable, and no error, where the terminal's encoding lacks a character."""
    codecs.register_error("gitops-flask", _in_other_signs)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="gitops-flask")


def _in_other_signs(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_IN_ASCII.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


def hush() -> None:
    """Print nothing more, as nobody reads it: Python would, when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())


def interactive() -> bool:
    """Return whether someone can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty() and not os.environ.get("CI")


def confirm(question: str, *, yes: bool) -> None:
    """Go on only with a yes, said now or by --yes before; where nobody can answer, report that and stop."""
    if yes:
        return
    if not interactive():
        why = "CI is set" if os.environ.get("CI") else "there is no terminal"
        raise InstallerError(f"Nothing was changed: nobody can be asked here ({why}).", "Pass --yes")
    click.confirm(plain(question), abort=True)


def show_plan(planned: Sequence[Planned], where: str, *, brief: bool = False) -> None:
    """Print what would be done, a row for each remote thing; `where` names GitHub's side and the cluster.

    `brief` leaves the details out: a line for each.
    """
    report(where)
    for each in planned:
        sign = _sign(each.change)
        gap = " " * (_SIGN_WIDTH + 2 - len(sign[0]))
        out.print(styled(sign, gap, fold(each.resource.title, _SIGN_WIDTH + 2)))
        if not brief and (how := _details(each.change)):
            out.print(" " * (_SIGN_WIDTH + 4) + _column(how, _SIGN_WIDTH + 4))
    if any(p.change and p.change.action == "unseen" for p in planned):
        report("create? means: not checked whether it exists, because of what is missing.")


def _sign(change: Change | None) -> Sign:
    return ("  keep", "dim") if change is None else _SIGN.get(change.action, ("! skipped", "yellow"))


def fold(text: str, before: int = 0) -> str:
    """Break a text's lines where a terminal would, but at words; where there is no terminal there is no edge."""
    return folded(text, out.width, before) if out.is_terminal else text


def _column(text: str, before: int) -> str:
    """Return a text that begins after these columns, and whose further lines do, too."""
    return fold(text, before) if out.is_terminal else text.replace("\n", "\n" + " " * before)


def _details(change: Change | None) -> str:
    if change is None:
        return ""
    lines = [change.note] if change.note else []
    lines += [f"→ {change.fix}"] if change.fix else []
    for field in change.fields:
        new = "none" if field.new in (None, "") else field.new
        lines.append(f"{field.name}: {new}" if field.old is None else f"{field.name}: {field.old} → {new}")
    return "\n".join(lines)


def document(tree: dict[str, Any]) -> None:
    """Print what a program reads: JSON alone, without colours; all but printable ASCII is escaped."""
    click.echo(json.dumps(tree, indent=2))


def _rows(shown: Report) -> list[tuple[Sign, str, str]]:
    causes = [(WRONG, "not checked", str(problem)) for problem in shown.problems]
    seen = [(FINE if row.healthy else WRONG, row.title, row.state) for row in shown.rows if not row.unseen]
    count = len(shown.rows) - len(seen)
    return [*causes, *seen, *([(NOTED, f"{count} parts", "not looked at: see above")] if count else [])]


def _report(shown: Report) -> Text:
    """Draw a report: titles and states in two columns; on a terminal a state that does not fit there is below."""
    rows = [(sign, plain(what), paragraph(state)) for sign, what, state in _rows(shown)]
    column = 2 + max((len(what) for _, what, _ in rows), default=0) + 2
    drawn = []
    for sign, what, state in rows:
        below = column + max(map(len, state.split("\n"))) > out.width if out.is_terminal else False
        gap = "\n    " if below else " " * (column - 2 - len(what))
        drawn.append(styled(sign, f" {what}{gap}{_column(state, 4 if below else column)}".rstrip(" ")))
    return Text("\n").join(drawn)


def show_report(shown: Report) -> None:
    """Print a report, a row for each part."""
    out.print(_report(shown))


@contextmanager
def picture() -> Iterator[Callable[[Report], None]]:
    """Lend a place on the terminal in which each report takes the place of the one before; the last one stays.

    While they change, a line that is longer than the terminal is broken; as it stays, a link is whole.
    """
    last: list[Report] = []

    def show(shown: Report) -> None:
        last[:] = [shown]
        live.update(_report(shown), refresh=True)

    try:
        with Live(console=out, auto_refresh=False, transient=True) as live:
            yield show
    finally:
        for shown in last:
            show_report(shown)


def show_findings(findings: Sequence[Finding]) -> None:
    """Print what checks found, what is wrong with how to fix it below."""
    for finding in findings:
        sign = WRONG if finding.problem else NOTED if finding.fix else FINE
        out.print(styled(sign, " ", fold(paragraph(str(finding)), 2)))


def report(message: str) -> None:
    """Print a sentence of the story."""
    out.print(fold(paragraph(message)))


def relay(line: str) -> None:
    """Print a line of a program that runs to standard error."""
    err.print(styled((line, "dim")))


def fail(message: str) -> None:
    """Print an error to standard error."""
    text = paragraph(message)
    err.print(styled(("✗", "bold red"), " ", folded(text, err.width, 2) if err.is_terminal else text))
