"""Conflicts in which both sides only moved a pin: Dependabot here, and the template there."""

import re
from collections.abc import Iterator, Sequence

_Pair = tuple[Sequence[str], Sequence[str]]
_HUNK = re.compile(r"^<{7} .*\n((?:.*\n)*?)={7}\n((?:.*\n)*?)>{7} .*\n", re.MULTILINE)
_DIGEST = re.compile(r"\b[0-9a-f]{40,128}\b")
_VERSION = re.compile(
    r"(?<=[=@:<>~^])v?(\d+(?:\.\d+)+)\b|(?<=[<>])(\d+)\b|\bv(\d+(?:\.\d+)*)\b|(?<![\w.])(\d+\.\d+\.\d+)(?![\w.])"
)
"""What is written as a version is; any other number may be a limit or a port, which nobody compares."""


def resolved(text: str) -> str | None:
    """Return a file with the newer pins instead of git's markers; None where its conflicts are about more.

    A digest goes with the versions of its file, since the two may stand in different lines; where only digests differ,
    the project's stay.
    """
    hunks = [list(_pairs(found[1], found[2])) for found in _HUNK.finditer(text)]
    pairs = [pair for hunk in hunks for pair in hunk]
    if not pairs or any({*map(_without, ours)} != {*map(_without, theirs)} for ours, theirs in pairs):
        return None
    orders = [_newer(ours, theirs) for ours, theirs in pairs]
    winners = {*orders} - {0}
    if len(winners) > 1 and any(
        not order and ours != theirs for order, (ours, theirs) in zip(orders, pairs, strict=True)
    ):
        return None
    usual = winners.pop() if len(winners) == 1 else 1

    def newer(pair: _Pair) -> str:
        return "".join(pair[(_newer(*pair) or usual) < 0])

    left = iter(hunks)
    return _HUNK.sub(lambda _: "".join(map(newer, next(left))), text)


def _pairs(ours: str, theirs: str) -> Iterator[_Pair]:
    """Return what is compared: line by line where both sides have the same lines, else all of both."""
    here, there = ours.splitlines(keepends=True), theirs.splitlines(keepends=True)
    if [*map(_without, here)] == [*map(_without, there)]:
        yield from (([one], [other]) for one, other in zip(here, there, strict=True))
    else:
        yield here, there


def _without(line: str) -> str:
    """Return a line without its pins."""
    return _VERSION.sub("#", _DIGEST.sub("#", line)).rstrip(" \\\r\n")


def _newer(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Return 1 where ours has newer versions, -1 where theirs has, 0 where they are the same."""
    here, there = _versions(ours), _versions(theirs)
    return (here > there) - (here < there)


def _versions(lines: Sequence[str]) -> list[tuple[int, ...]]:
    found = _VERSION.finditer(_DIGEST.sub("", "\n".join(lines)))
    return [tuple(map(int, each[each.lastindex or 0].split("."))) for each in found]
