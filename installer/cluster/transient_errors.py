"""Whether a cluster is out of reach, by what kubectl and helm say; one that is restarted is given time to come back."""

import re
from collections.abc import Callable
from typing import TypeVar

from ..support.process import Result
from ..support.wait import pause

Answer = TypeVar("Answer")
_AWAY = (
    r"was refused|connection refused|\bEOF\b|connection reset|connection lost|TLS handshake timeout|"
    r"currently unable|http2: server sent GOAWAY"
)
AWAY = re.compile(_AWAY)
UNREACHABLE = re.compile(
    r"Unable to connect to the server|connection to the server .* was refused|dial tcp|i/o timeout|"
    r"Client\.Timeout|request canceled|no such host|no configuration has been provided|current-context|"
    r"context .* does not exist|invalid configuration|TLS handshake|x509|must be logged in|Unauthorized|"
    rf"getting credentials|Kubernetes cluster unreachable|{_AWAY}"
)
PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds between two attempts to read from an API server that has answered before."""


def with_retries(read: Callable[[], Answer], refusal: Callable[[Answer], str]) -> Answer:
    """Read again as long as the server is away, 15 seconds at most; `refusal` is what was said instead of an answer."""
    for wait in PAUSES:
        answer = read()
        if not AWAY.search(refusal(answer)):
            return answer
        pause(wait)
    return read()


def refusal(answer: Result) -> str:
    """Return what a program said where it failed."""
    return answer.err if answer.status else ""
