"""What people see: plans as tables, progress as lines, one place for colours (rich honours NO_COLOR and pipes)."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from .errors import InstallerError
from .plain_text import paragraph, plain

if TYPE_CHECKING:  # they would bring the libraries for GitHub and the cluster, even where only an error is told
    from .checks.finding import Finding
    from .converge import Planned
    from .health import Report
    from .resource import Change
    from .timeline import Timeline


class _Screen(Console):
    """Shows every string as plain text, whoever wrote it: this is the one way to the terminal."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Read markup, which is ours, and escape nothing else: see `escape` where text is put in."""
        return super().render_str(plain(text), **options)


out = _Screen(soft_wrap=True)
err = _Screen(stderr=True, soft_wrap=True)

_SIGN = {
    "create": "[green]+ create[/]",
    "change": "[yellow]~ change[/]",
    "unseen": "[green]+ create?[/]",
    "blocked": "[red]✗ blocked[/]",
}


_wide = _Screen(width=1000)
_FINE, _WRONG = "[green]✓[/]", "[red]✗[/]"


_SIGNS = {"✗": "x", "✓": "v", "→": "->", "…": "...", "━": "=", "·": "-", "–": "-", "×": "x", "�": "?"}
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
    return "".join(_SIGNS.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


def hush() -> None:
    """Print nothing more, as nobody reads it: Python would, when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())


def interactive() -> bool:
    """Tell whether someone can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty() and not os.environ.get("CI")


def confirm(question: str, *, yes: bool) -> None:
    """Go on only with a yes, said now or by --yes before; where nobody can say it, tell so and stop."""
    if yes:
        return
    if not interactive():
        why = "CI is set" if os.environ.get("CI") else "there is no terminal"
        raise InstallerError(f"Nothing was changed: nobody can be asked here ({why}).", "To go on without: --yes")
    click.confirm(plain(question), abort=True)


def show_plan(planned: Sequence[Planned], where: str) -> None:
    """Print what would be done, a row for each remote thing; `where` names GitHub's side and the cluster."""
    report(where)
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("does", no_wrap=True)
    table.add_column("what")
    table.add_column("how")
    for p in planned:
        sign = "[dim]  keep[/]" if p.change is None else _SIGN.get(p.change.action, "[yellow]! cannot[/]")
        table.add_row(sign, escape(p.resource.title), escape(_details(p.change)))
    _print(table)


def _details(change: Change | None) -> str:
    if change is None:
        return ""
    lines = [change.note] if change.note else []
    lines += [f"→ {change.fix}"] if change.fix else []
    for field in change.fields:
        new = str(field.new)
        lines.append(f"{field.name}: {new}" if field.old is None else f"{field.name}: {field.old} → {new}")
    return "\n".join(lines)


def document(tree: dict[str, Any]) -> None:
    """Print what a program reads: JSON alone, without colours; all but printable ASCII is escaped."""
    click.echo(json.dumps(tree, indent=2))


def _table(lines: Iterable[tuple[str, str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, show_header=False)
    for sign, what, state in lines:
        table.add_row(sign, escape(what), escape(state))
    return table


def _print(table: Table) -> None:
    """Print a table; only a terminal has an edge at which to break lines."""
    (out if out.is_terminal else _wide).print(table)


def _report(shown: Report) -> Table:
    lines = [(_FINE if row.healthy else _WRONG, row.title, row.state) for row in shown.rows]
    return _table([*lines, *((_WRONG, "cannot look", str(problem)) for problem in shown.problems)])


def show_report(shown: Report) -> None:
    """Print a report, a row for each part."""
    _print(_report(shown))


@contextmanager
def picture() -> Iterator[Callable[[Report], None]]:
    """Lend a place on the terminal in which each report takes the place of the one before."""
    with Live(console=out, auto_refresh=False) as live:
        yield lambda shown: live.update(_report(shown), refresh=True)


def show_findings(findings: Sequence[Finding]) -> None:
    """Print what checks found, what is wrong with what mends it below."""
    for finding in findings:
        sign = _WRONG if finding.problem else "[yellow]![/]" if finding.fix else _FINE
        out.print(f"{sign} {escape(paragraph(str(finding)))}")


def show_timeline(timeline: Timeline) -> None:
    """Print when each step began and ended; nothing where nothing was done."""
    for line in timeline.lines():
        out.print(escape(line), style="cyan" if "━" in line else "bold", no_wrap=True, overflow="ignore", crop=False)


def report(message: str) -> None:
    """Print a sentence of the story."""
    out.print(escape(paragraph(message)))


def fail(message: str) -> None:
    """Print an error to standard error."""
    err.print(f"[bold red]✗[/] {escape(paragraph(message))}")
