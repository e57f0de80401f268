"""Numbers and times that GitHub gives out."""

import datetime
import itertools

_numbers = itertools.count(1001)


def number() -> int:
    """Give out a number that nothing else has."""
    return next(_numbers)


def now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
