"""Waiting for a condition, with a deadline; the one place that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def until(ask: Callable[[], Answer], seconds: float, every: float = 0.5) -> Answer:
    """Ask until the answer is true or `seconds` have passed; return the last answer."""
    end = time.monotonic() + seconds
    while not (answer := ask()) and time.monotonic() < end:
        time.sleep(every)
    return answer
