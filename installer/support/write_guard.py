"""What is asked before each write, at the code host and in the cluster: whether this run may still write."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_asked: list[Callable[[], None]] = []


@contextmanager
def only_while(allowed: Callable[[], None]) -> Iterator[None]:
    """Let `allowed` stop, by an error, every write of this process that begins as long as the block lasts."""
    _asked.append(allowed)
    try:
        yield
    finally:
        _asked.remove(allowed)


def about_to_write() -> None:
    """Raise where this run may not write any more."""
    for allowed in _asked:
        allowed()
