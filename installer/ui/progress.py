"""What people see while it happens: a line for each step that ended, and what the others wait for."""

import logging
import threading
import time

from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from .. import __name__ as package
from ..support.plain_text import one_line, paragraph, plain
from .console import FINE, NOTED, WRONG, fold, out, styled
from .timeline import Timeline

_STAYS = "\u00a0"
"""A space at which no line is broken."""


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
