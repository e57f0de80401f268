"""When each step began and ended, drawn as bars; and the chain of steps that made it last as long as it did."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

WIDTH = 40
"""Characters of the longest bar."""
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

    def lines(self) -> list[str]:
        """Draw it: a bar for each step in the order of their beginnings, and the longest chain in words."""
        shown = sorted((span for span in self.spans if span.seconds >= _SHORT), key=lambda span: span.began)
        if not shown:
            return []
        total = max(span.ended for span in shown)
        width = max(len(span.title) for span in shown)
        told = " → ".join(f"{span.title} {span.seconds:.1f}" for span in chain(shown))
        busy = sum(span.seconds for span in chain(shown))
        return [
            *(f"{span.title:<{width}}  {_bar(span, total)}  {span.seconds:5.1f} s" for span in shown),
            f"{total:.1f} s in all. The longest chain, {busy:.1f} s: {told}",
        ]


def chain(spans: Sequence[Span]) -> list[Span]:
    """Walk back from the last end: before each step the one that ended last until then. Gaps are waits for nothing."""
    link = max(spans, key=lambda span: span.ended)
    found = [link]
    while before := [span for span in spans if span.ended <= link.began + _SHORT and span.began < link.began]:
        link = max(before, key=lambda span: span.ended)
        found.append(link)
    return found[::-1]


def _bar(span: Span, total: float) -> str:
    start = min(round(span.began / total * WIDTH), WIDTH - 1)
    length = max(1, min(round(span.seconds / total * WIDTH), WIDTH - start))
    return f"{' ' * start}{'━' * length}".ljust(WIDTH)
