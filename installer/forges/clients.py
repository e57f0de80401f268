"""Clients of libraries that keep a request on themselves while it lasts: each serves one thread at a time."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Client = TypeVar("Client")


class Clients(Generic[Client]):
    """As many of a kind as requests are under way at once; one that is free is used again, with its connection."""

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make = make
        self._free = deque([make()])  # append and pop are safe between threads

    @contextmanager
    def one(self) -> Iterator[Client]:
        """Lend a client that nobody else uses as long as the block lasts."""
        try:
            client = self._free.pop()
        except IndexError:
            client = self._make()
        try:
            yield client
        finally:
            self._free.append(client)
