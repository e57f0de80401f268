"""Waiting for a condition, with a deadline; the one place that sleeps."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from .errors import DeadlinePassed

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
stopped = threading.Event()
"""Set once somebody pressed Ctrl-C: who waits for a person in another thread need not wait any longer."""


def until(ask: Callable[[], Answer], seconds: float, every: float = 0.5) -> Answer:
    """Ask until the answer is true or `seconds` have passed; return the last answer."""
    end = time.monotonic() + seconds
    while not (answer := ask()) and time.monotonic() < end:
        time.sleep(every)
    return answer


def pause(seconds: float) -> None:
    """Leave someone alone who asked for it."""
    time.sleep(seconds)


def clear(
    what: str, obstacle: Callable[[], str], seconds: float, every: float = 1.0, explain: Callable[[], str] = str
) -> None:
    """Return once `obstacle` answers nothing; raise DeadlinePassed with its last answer and what `explain` adds."""
    last = ""

    def none_left() -> bool:
        nonlocal last
        before, last = last, obstacle()
        if last not in ("", before):
            log.info("%s", last)
        return not last

    if not until(none_left, seconds, every):
        raise DeadlinePassed(what, seconds, "\n  ".join(filter(None, [last, explain()])))
