"""When each step began and ended, drawn as bars; and the chain of steps that made it last as long as it did."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

WIDTH = 40
"""Characters of the longest bar."""
_SHORTEST = 20  # characters that are left for the bars, however long the titles
_SHORT = 0.05  # seconds: what took less is in no picture


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

    def lines(self, columns: int = 1000) -> list[str]:
        """Draw it: a line with a bar for each step in the order of their beginnings; the longest chain in words.

        No line with a bar is longer than `columns`: bars become shorter, then titles.
        """
        shown = sorted((span for span in self.spans if span.seconds >= _SHORT), key=lambda span: span.began)
        if not shown:
            return []
        total = max(span.ended for span in shown)
        width = max(len(span.title) for span in shown)
        room = columns - len("  ") - len("  12345.6 s")
        bars = max(_SHORTEST, min(WIDTH, room - width))
        width = min(width, room - bars)
        reported = " → ".join(f"{span.title} {span.seconds:.1f}" for span in chain(shown))
        busy = sum(span.seconds for span in chain(shown))
        return [
            *(
                f"{_cut(span.title, width):<{width}}  {_bar(span, total, bars)}  {span.seconds:5.1f} s"
                for span in shown
            ),
            f"{total:.1f} s in all. The longest chain, {busy:.1f} s: {reported}",
        ]


def chain(spans: Sequence[Span]) -> list[Span]:
    """Walk back from the last end: before each step the one that ended last until then. Gaps are waits for nothing."""
    link = max(spans, key=lambda span: span.ended)
    found = [link]
    while before := [span for span in spans if span.ended <= link.began + _SHORT and span.began < link.began]:
        link = max(before, key=lambda span: span.ended)
        found.append(link)
    return found[::-1]


def _cut(title: str, width: int) -> str:
    return title if len(title) <= width else f"{title[: width - 1]}…"


def _bar(span: Span, total: float, width: int) -> str:
    start = min(round(span.began / total * width), width - 1)
    length = max(1, min(round(span.seconds / total * width), width - start))
    return f"{' ' * start}{'━' * length}".ljust(width)
