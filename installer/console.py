"""What people see: plans as tables, progress as lines, one place for colours (rich honours NO_COLOR and pipes)."""

import sys
import threading
import time
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .converge import Planned
from .resource import Change

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_SIGN = {
    "create": "[green]+ create[/]",
    "change": "[yellow]~ change[/]",
    "unseen": "[green]+ create?[/]",
    "unknown": "[red]? unknown[/]",
}


def interactive() -> bool:
    """Tell whether someone can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


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
    out.print(table)


def _details(change: Change | None) -> str:
    if change is None:
        return ""
    lines = [change.note] if change.note else []
    for field in change.fields:
        new = str(field.new)
        lines.append(f"{field.name}: {new}" if field.old is None else f"{field.name}: {field.old} → {new}")
    return "\n".join(lines)


def report(message: str) -> None:
    """Print a sentence of the story."""
    out.print(escape(message))


def fail(message: str) -> None:
    """Print an error to standard error."""
    err.print(f"[bold red]✗[/] {escape(message)}")


class Steps:
    """Progress of many steps, counted; lines may come from several threads. A terminal also shows what is going on."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._lock = threading.Lock()
        self._running: dict[str, float] = {}
        self._status = out.status(self)

    def __enter__(self) -> "Steps":
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def __rich__(self) -> str:
        """Say what is under way, and for how long; rich asks several times a second."""
        now = time.monotonic()
        running = list(self._running.items())
        return " · ".join(f"{escape(title)} [dim]{now - began:.0f} s[/]" for title, began in running)

    def begins(self, title: str) -> None:
        """Take note that a step has begun."""
        self._running[title] = time.monotonic()

    def ends(self, title: str, outcome: str, seconds: float) -> None:
        """Print that a step ended."""
        with self._lock:
            self._running.pop(title, None)
            self._done += 1
            sign = "[red]✗[/]" if outcome == "failed" else "[green]✓[/]"
            count = f"{self._done}/{self._total}"
            out.print(f"{sign} {count:>5}  {escape(title)}: {escape(outcome)} [dim]({seconds:.1f} s)[/]")


class Waiting:
    """What is being waited for: a new line whenever the last condition seen changes."""

    def __init__(self) -> None:
        self._last = ""
        self._began = time.monotonic()

    def __call__(self, condition: str) -> None:
        """Print a condition that differs from the last one."""
        if condition != self._last:
            self._last = condition
            elapsed = time.monotonic() - self._began
            out.print(f"[dim]… {elapsed:4.0f} s  {escape(condition)}[/]")
