"""Waiting for a condition, with a deadline; the one place that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

from .errors import DeadlinePassed

Answer = TypeVar("Answer")


def until(ask: Callable[[], Answer], seconds: float, every: float = 0.5) -> Answer:
    """Ask until the answer is true or `seconds` have passed; return the last answer."""
    end = time.monotonic() + seconds
    while not (answer := ask()) and time.monotonic() < end:
        time.sleep(every)
    return answer


def clear(
    what: str, obstacle: Callable[[], str], seconds: float, every: float = 1.0, explain: Callable[[], str] = str
) -> None:
    """Return once `obstacle` answers nothing; raise DeadlinePassed with its last answer and what `explain` adds."""
    last = ""

    def none_left() -> bool:
        nonlocal last
        last = obstacle()
        return not last

    if not until(none_left, seconds, every):
        raise DeadlinePassed(what, seconds, "\n  ".join(filter(None, [last, explain()])))
