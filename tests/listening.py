"""Servers within tests: one that answers in a thread, and ports that are kept for a program that will listen."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


class Silent:
    """Of a handler of requests: it prints none of them."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Let a server answer until the block ends."""
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def kept_ports(count: int, address: str = "127.0.0.1") -> Iterator[list[int]]:
    """Lend ports that the kernel gives to nobody else until the block ends.

    Each is bound here and listens not: a program that sets SO_REUSEADDR, as servers do, can listen there meanwhile.
    """
    with ExitStack() as stack:
        kept = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in kept:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind((address, 0))
        yield [each.getsockname()[1] for each in kept]
