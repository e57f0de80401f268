"""Waiting for a condition, with a deadline, and for threads, until Ctrl-C; the one place that sleeps."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from typing import Any, TypeVar

from .errors import DeadlinePassed

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
stopped = threading.Event()
"""Set once somebody pressed Ctrl-C, until all threads have ended: who waits for a person need not wait any longer."""
_thread = threading.local()
SLICE = 0.25
"""Seconds after which whoever waits looks at what else may have happened: Ctrl-C, that of another thread too."""


def ended(futures: Collection["Future[Answer]"]) -> set["Future[Answer]"]:
    """Wait until one has ended, and return those that have.

    Never sleep long: Ctrl-C that comes just before a sleep does not end it.
    """
    while not (found := wait_for(futures, SLICE, FIRST_COMPLETED).done):
        pass
    return found


def result(future: "Future[Answer]") -> Answer:
    """Return a future's result."""
    (own,) = ended([future])
    return own.result()


class Pool(ThreadPoolExecutor):
    """Threads whose results are waited for by `result`."""

    def map(self, fn: Callable[..., Answer], *iterables: Iterable[Any], **_: Any) -> Iterator[Answer]:
        """Call a function with each of the arguments, several at once; where one fails, none begins any more."""
        futures = [self.submit(fn, *arguments) for arguments in zip(*iterables, strict=True)]
        try:
            return iter([result(each) for each in futures])
        finally:
            for each in futures:
                each.cancel()  # what has ended stays as it is


@contextmanager
def threads(most: int, *, to_the_end: bool = False) -> Iterator[Pool]:
    """Lend threads that hear of Ctrl-C, which Python raises in the main thread alone, and wait for their end.

    Each then goes no further than to the next program, or pause, since it only reads; with `to_the_end` it may finish.
    """
    raised_here = False
    try:
        with Pool(most, initializer=_begin, initargs=(not to_the_end,)) as pool:
            try:
                yield pool
            except BaseException as error:
                if to_the_end or isinstance(error, KeyboardInterrupt):
                    raised_here = not stopped.is_set()
                    stopped.set()
                    pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        if raised_here:
            stopped.clear()


def _begin(reads: bool) -> None:  # noqa: FBT001 - a pool calls it
    _thread.reads = reads


def resume() -> None:
    """End this thread where it only reads and somebody pressed Ctrl-C."""
    if stopped.is_set() and getattr(_thread, "reads", False):
        raise KeyboardInterrupt


def until(ask: Callable[[], Answer], seconds: float, every: float = 0.5) -> Answer:
    """Ask until the answer is true or `seconds` have passed; return the last answer."""
    end = time.monotonic() + seconds
    while not (answer := ask()) and time.monotonic() < end:
        pause(every)
    return answer


def pause(seconds: float) -> None:
    """Leave someone alone who asked for it."""
    if getattr(_thread, "reads", False):
        stopped.wait(seconds)
        resume()
    else:
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
