"""Patterns for names of branches and files, as workflow filters and rulesets have them."""

import re

from .wire import UnmodelledError

WILD = {"**": ".*", "**/": "(?:.*/)?", "*": "[^/]*"}


def fits(pattern: str, name: str) -> bool:
    """Match a whole name; `*` stops at a slash, `**` does not."""
    if set(pattern) & set("?+[]{}"):
        raise UnmodelledError(f"pattern {pattern}")
    parts = re.split(r"(\*\*/?|\*)", pattern)
    return re.fullmatch("".join(WILD.get(part) or re.escape(part) for part in parts), name) is not None
