"""What people see while it happens: a line for each step that ended, and what the others wait for."""

import logging
import threading
import time

from rich.text import Text

from .. import __name__ as package
from ..support.plain_text import paragraph
from .console import FINE, NOTED, WRONG, fold, out, styled
from .timeline import Timeline

_STAYS = "\u00a0"
"""A space at which no line is broken."""


class Steps:
    """Progress of many steps, counted; lines may come from several threads. A terminal also shows what is going on."""

    def __init__(self, total: int, timeline: Timeline | None = None) -> None:
        self._total = total
        self._timeline = timeline
        self._done = 0
        self._lock = threading.Lock()
        self._running: dict[str, float] = {}
        self._by_thread: dict[int, str] = {}
        self._status = out.status(self)
        self._heard = _Heard(self)

    def __enter__(self) -> "Steps":
        self._heard.start()
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()
        self._heard.stop()

    def __rich__(self) -> Text:
        """Say what is under way, and for how long; rich asks several times a second."""
        now = time.monotonic()
        running = list(self._running.items())
        return Text(" · ").join(styled(f"{title} ", (f"{now - began:.0f} s", "dim")) for title, began in running)

    def begins(self, title: str) -> None:
        """Take note that a step has begun."""
        self._running[title] = time.monotonic()
        self._by_thread[threading.get_ident()] = title

    def waits(self, thread: int, what: str) -> None:
        """Print what the step of a thread waits for."""
        title = self._by_thread.get(thread, "")
        began = self._running.get(title)
        step = f"{title} ({time.monotonic() - began:.0f} s): " if began is not None else ""
        out.print(styled((f"…        {fold(f'{step}{paragraph(what)}', 9)}", "dim")))

    def ends(self, title: str, outcome: str, seconds: float) -> None:
        """Print that a step ended."""
        if self._timeline:
            self._timeline.add(title, seconds)
        with self._lock:
            self._running.pop(title, None)
            self._done += 1
            self._total = max(self._total, self._done)  # what nobody wants any more is found on the way
            bad, skipped = outcome in ("failed", "blocked"), outcome.startswith("skipped")
            sign = WRONG if bad else NOTED if skipped else FINE
            count = f"{self._done}/{self._total}"
            took = f"({seconds:.1f} s)"
            reported = fold(f"{title}: {outcome} {took.replace(' ', _STAYS)}", 9).removesuffix(
                took.replace(" ", _STAYS)
            )
            out.print(styled(sign, f" {count:>5}  {reported}", (took, "dim")))


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
