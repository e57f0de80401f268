"""`up` from nothing to the first commit live, how much of it the longest chain of steps is, and `up` again.

python -m benchmarks.install [TIMES]      # 3; with a cluster, as docs/testing.md says. Nothing is left
"""

import re
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.e2e.stage import SLUG, open_stage

from .machine import machine, table

_LAST = re.compile(r"([\d.]+) s in all\. The longest chain, ([\d.]+) s: (.+)")


def once() -> tuple[list[str], float, float]:
    """Install from nothing, run again, remove; return the last timeline and the seconds of both runs."""
    with tempfile.TemporaryDirectory() as name, open_stage(Path(name)) as stage:
        developer = stage.developer
        stage.generate(install=False)
        try:
            began = time.monotonic()
            told = developer.installer("up", "--yes").stdout
            first = time.monotonic() - began
            began = time.monotonic()
            assert "Nothing to change." in developer.installer("up", "--yes").stdout
            again = time.monotonic() - began
        finally:
            developer.installer("down", "--yes", "--repository", "--argocd", stdin=f"acme/{SLUG}\nargocd\n")
    return [line for line in told.splitlines() if "━" in line or _LAST.match(line)], first, again


def main(times: int = 3) -> None:
    """Measure, and print a table with the last timeline below."""
    rows, timeline = [], list[str]()
    for _ in range(times):
        timeline, first, again = once()
        found = _LAST.match(timeline[-1])
        assert found, timeline
        rows.append((first, float(found[2]), first / float(found[2]), again / first))
        print(f"{first:.1f} s, again {again:.1f} s", file=sys.stderr, flush=True)
    print(f"{machine()}\n")
    shown = [[str(number), *(f"{value:.2f}" for value in row)] for number, row in enumerate(rows, 1)]
    shown.append(["median", *(f"{median(column):.2f}" for column in zip(*rows, strict=True))])
    print(
        table(("run", "up, s", "its longest chain, s", "ratio (target: 1.15)", "up again ÷ up (target: 0.17)"), shown)
    )
    print("\n" + "\n".join(timeline))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
