"""Rate limits: how long a code host wants to be left alone."""

import time
from collections.abc import Mapping


def seconds_to_wait(status: int, message: str, headers: Mapping[str, str]) -> float | None:
    """Return how long a rate limit lasts; None where it is none. `headers` by their names in lower case."""
    if status not in (403, 429):
        return None
    if (after := headers.get("retry-after", "")).isdigit():
        return float(after)
    reset = headers.get("ratelimit-reset", "") if status == 429 else ""  # other answers have these headers, too
    if headers.get("x-ratelimit-remaining") == "0":
        reset = headers.get("x-ratelimit-reset", "")
    if reset.isdigit():
        return max(0.0, float(reset) - time.time()) + 1
    return 60.0 if status == 429 or "rate limit" in message.lower() else None
