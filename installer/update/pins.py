"""Conflicts in which both sides only moved a pin: Dependabot here, and the template there."""

import re
from collections.abc import Sequence

_HUNK = re.compile(r"^<{7} .*\n((?:.*\n)*?)={7}\n((?:.*\n)*?)>{7} .*\n", re.MULTILINE)
_DIGEST = re.compile(r"\b[0-9a-f]{40,128}\b")
_VERSION = re.compile(
    r"(?<=[=@:<>~^])v?(\d+(?:\.\d+)+)\b|(?<=[<>])(\d+)\b|\bv(\d+(?:\.\d+)*)\b|(?<![\w.])(\d+\.\d+\.\d+)(?![\w.])"
)
"""What is written as a version is; any other number may be a limit or a port, which nobody compares."""


def resolved(text: str) -> str | None:
    """Return a file with the newer pins instead of git's markers; None where its conflicts are about more.

    One side wins in all of the file, since a version and its digests may stand in different conflicts. Where only
    digests differ, the project's stay.
    """
    hunks = [(found[1].splitlines(), found[2].splitlines()) for found in _HUNK.finditer(text)]
    if not hunks or any({*map(_without, ours)} != {*map(_without, theirs)} for ours, theirs in hunks):
        return None
    order = {_newer(ours, theirs) for ours, theirs in hunks} - {0}
    if len(order) > 1:
        return None
    return _HUNK.sub(r"\2" if order == {-1} else r"\1", text)


def _without(line: str) -> str:
    """Return a line without its pins."""
    return _VERSION.sub("#", _DIGEST.sub("#", line)).rstrip(" \\")


def _newer(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Return 1 where ours has newer versions, -1 where theirs has, 0 where they are the same."""
    here, there = _versions(ours), _versions(theirs)
    return (here > there) - (here < there)


def _versions(lines: Sequence[str]) -> list[tuple[int, ...]]:
    found = _VERSION.finditer(_DIGEST.sub("", "\n".join(lines)))
    return [tuple(map(int, each[each.lastindex or 0].split("."))) for each in found]
