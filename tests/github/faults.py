"""Faults on order: what GitHub, or the way to it, answers instead of the truth; by method, path and how often."""

import re
import threading
import time
from dataclasses import dataclass, field
from typing import Literal

from .wire import Request, Response, json_response

Kind = Literal["refuses", "hangs", "cut", "lost"]
"""`cut` ends in the middle of a body, `lost` does what was asked and then says nothing."""


@dataclass(frozen=True)
class Fault:
    """One way to fail; `name` is for tests, `headers` may say {in_an_hour} for the end of a limit."""

    name: str
    kind: Kind = "refuses"
    status: int = 500
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    html: bool = False

    def response(self, request: Request) -> Response:
        """Build the answer of one that refuses; git is told in plain text, as GitHub does."""
        soon = str(int(time.time()) + 3600)
        headers = {name: value.replace("{in_an_hour}", soon) for name, value in self.headers.items()}
        if request.path.endswith(("/info/refs", "/git-receive-pack")):
            return Response(self.status, self.message.encode(), {"Content-Type": "text/plain", **headers})
        if self.html:
            return Response(self.status, f"<html>{self.message}</html>".encode(), {"Content-Type": "text/html"})
        return json_response(
            self.status, {"message": self.message, "documentation_url": "https://docs.github.com"}, headers
        )


class Broken(Response):
    """An answer that never arrives whole: the front sends half of it and hangs up."""


class Silent(Response):
    """An answer that does not come: the front waits until somebody gives up, and hangs up."""


@dataclass
class _Order:
    fault: Fault
    method: str
    path: re.Pattern[str]
    first: int
    times: int
    seen: int = 0


class Faults:
    """The orders of one test; `struck` are the requests that were answered by a fault."""

    def __init__(self) -> None:
        self._orders: list[_Order] = []
        self._lock = threading.Lock()
        self.struck: list[str] = []

    def order(self, fault: Fault, method: str, path: str, *, first: int = 1, times: int = 10**6) -> None:
        """Strike requests whose path fits the pattern: the `first`-th that comes, and so many in a row."""
        self._orders.append(_Order(fault, method, re.compile(path), first, times))

    def clear(self) -> None:
        """Let everything work again."""
        self._orders.clear()
        self.struck.clear()

    def strike(self, request: Request) -> Fault | None:
        """Return the fault that this request is to meet, if any; GraphQL's path is `/graphql#` and its mutation."""
        said = re.search(rb"mutation\s+(\w+)", request.body) if request.path.endswith("graphql") else None
        path = f"{request.target}#{said[1].decode()}" if said else request.target
        with self._lock:
            for order in self._orders:
                if order.method == request.method and order.path.search(path):
                    order.seen += 1
                    if order.first <= order.seen < order.first + order.times:
                        self.struck.append(f"{request.method} {path}")
                        return order.fault
        return None
