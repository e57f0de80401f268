"""What people see while it happens: a line for each step that ended, what the others wait for, and bars at the end."""

import logging
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from .. import __name__ as package
from ..support.plain_text import one_line, paragraph, plain
from .console import FINE, NOTED, WRONG, fold, out, styled

WIDTH = 40
"""Characters of the longest bar."""
_SHORTEST = 20  # characters that are left for the bars, however long the titles
_SHORT = 0.05  # seconds: what took less is in no picture
_STAYS = "\u00a0"
"""A space at which no line is broken."""


@dataclass(frozen=True)
class Span:
    """One step, in seconds since the beginning."""

    title: str
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """Return how long it took."""
        return self.ended - self.began


class Timeline:
    """Takes note from several threads."""

    def __init__(self) -> None:
        self._zero = time.monotonic()
        self._lock = threading.Lock()
        self.spans: list[Span] = []

    def now(self) -> float:
        """Return the seconds since the beginning."""
        return time.monotonic() - self._zero

    def add(self, title: str, seconds: float) -> None:
        """Take note of a step that has just ended."""
        now = self.now()
        with self._lock:
            self.spans.append(Span(title, max(0.0, now - seconds), now))

    @contextmanager
    def span(self, title: str, since: float | None = None) -> Iterator[None]:
        """Take note of what happens in a block, or from an earlier moment to its end; not where it fails."""
        began = self.now() if since is None else since
        yield
        self.add(title, self.now() - began)

    def end_of(self, title: str) -> float:
        """Return when a step ended; now, where there was none."""
        return next((span.ended for span in self.spans if span.title == title), self.now())

    def lines(self, columns: int = 10_000) -> list[str]:
        """Draw it: a line with a bar for each step in the order of their beginnings; the longest chain in words.

        No line is longer than `columns`: bars become shorter, then titles. The words take two lines at most: of the
        chain the shortest steps are left out.
        """
        shown = sorted((span for span in self.spans if span.seconds >= _SHORT), key=lambda span: span.began)
        if not shown:
            return []
        total = max(span.ended for span in shown)
        width = max(len(span.title) for span in shown)
        room = columns - len("  ") - len("  12345.6 s")
        bars = max(_SHORTEST, min(WIDTH, room - width))
        width = min(width, room - bars)
        return [
            *(
                f"{_cut(span.title, width):<{width}}  {_bar(span, total, bars)}  {span.seconds:5.1f} s"
                for span in shown
            ),
            *_in_words(total, chain(shown), columns),
        ]


def chain(spans: Sequence[Span]) -> list[Span]:
    """Walk back from the last end: before each step the one that ended last until then. Gaps are waits for nothing."""
    link = max(spans, key=lambda span: span.ended)
    found = [link]
    while before := [span for span in spans if span.ended <= link.began + _SHORT and span.began < link.began]:
        link = max(before, key=lambda span: span.ended)
        found.append(link)
    return found[::-1]


def _in_words(total: float, steps: Sequence[Span], columns: int) -> list[str]:
    """Return the chain in words: as many of its longest steps as two lines have room for, one at least.

    It is broken at any word: a step may be called after a git server, which is no command to be copied.
    """
    busy, left = sum(span.seconds for span in steps), list(steps)
    while True:
        mostly = "" if len(left) == len(steps) else ", mostly"
        reported = " → ".join(f"{span.title} {span.seconds:.1f}" for span in left)
        text = f"{total:.1f} s in all. The longest chain, {busy:.1f} s{mostly}: {reported}"
        lines = textwrap.wrap(text, columns, break_long_words=False, break_on_hyphens=False)
        if len(left) == 1 or len(lines) <= 2:
            return lines
        left.remove(min(left, key=lambda span: span.seconds))


def _cut(title: str, width: int) -> str:
    return title if len(title) <= width else f"{title[: width - 1]}…"


def _bar(span: Span, total: float, width: int) -> str:
    start = min(round(span.began / total * width), width - 1)
    length = max(1, min(round(span.seconds / total * width), width - start))
    return f"{' ' * start}{'━' * length}".ljust(width)


def show_timeline(timeline: Timeline) -> None:
    """Print when each step began and ended; nothing where nothing was done."""
    for line in timeline.lines(out.width) if out.is_terminal else timeline.lines():
        out.print(line, style="cyan" if "━" in line else "bold")


class Steps:
    """Progress of many steps, counted; they may run in several threads. A terminal also shows what is going on."""

    def __init__(self, total: int, timeline: Timeline | None = None) -> None:
        self._total = total
        self._timeline = timeline
        self._done = 0
        self._lock = threading.Lock()
        self._by_thread: dict[int, TaskID] = {}
        title = TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True))
        columns = SpinnerColumn(), TimeElapsedColumn(), title
        self._running = Progress(*columns, console=out, expand=True, transient=True, disable=not out.is_terminal)
        self._heard = _Heard(self)

    def __enter__(self) -> "Steps":
        self._heard.start()
        self._running.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.stop()
        self._heard.stop()

    def begins(self, title: str) -> None:
        """Take note that a step of this thread has begun."""
        self._by_thread[threading.get_ident()] = self._running.add_task(one_line(plain(title)), total=None)

    def waits(self, thread: int, what: str) -> None:
        """Print what the step of a thread waits for."""
        number = self._by_thread.get(thread)
        under_way = [task for task in self._running.tasks if task.id == number]
        step = "".join(f"{task.description} ({task.elapsed or 0:.0f} s): " for task in under_way)
        out.print(styled((f"…        {fold(f'{step}{paragraph(what)}', 9)}", "dim")))

    def ends(self, title: str, outcome: str, seconds: float) -> None:
        """Print that a step of this thread ended."""
        if self._timeline:
            self._timeline.add(title, seconds)
        with self._lock:
            if (number := self._by_thread.pop(threading.get_ident(), None)) is not None:
                self._running.remove_task(number)
            self._done += 1
            self._total = max(self._total, self._done)  # what nobody wants any more is found on the way
            bad, skipped = outcome in ("failed", "blocked"), outcome.startswith("skipped")
            sign = WRONG if bad else NOTED if skipped else FINE
            took = f"({seconds:.1f}{_STAYS}s)"
            reported = fold(f"{title}: {outcome} {took}", 9).removesuffix(took)
            count = f"{self._done}/{self._total}"
            out.print(styled(sign, f" {count:>5}  {reported}", (took.replace(_STAYS, " "), "dim")))


class _Heard(logging.Handler):
    """Hears what the steps say to the log while they wait."""

    def __init__(self, steps: Steps) -> None:
        super().__init__(logging.INFO)
        self._steps = steps
        self._logger = logging.getLogger(package)

    def start(self) -> None:
        self._level = self._logger.level
        self._logger.setLevel(min(self._logger.getEffectiveLevel(), logging.INFO))
        self._logger.addHandler(self)

    def stop(self) -> None:
        self._logger.removeHandler(self)
        self._logger.setLevel(self._level)

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.INFO and record.thread is not None:
            self._steps.waits(record.thread, record.getMessage())


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
            out.print(styled((f"… {elapsed:4.0f} s  {fold(paragraph(condition), 10)}", "dim")))
