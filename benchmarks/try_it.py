"""`try` from nothing to live and a second deployment, as ratios to `up` at a code host and to a merge there.

python -m benchmarks.try_it REGISTRY_IMAGE [TIMES]      # 3; with a cluster, as docs/testing.md says. Nothing is left

REGISTRY_IMAGE is what the cluster's nodes can pull and runs as a registry: docker.io/library/registry:3.0.0
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.e2e.laptop import a_laptop
from tests.e2e.stage import open_stage

from .machine import machine, table
from .merge_to_live import Flow, merge


def at_a_code_host() -> tuple[float, float]:
    """Return the seconds of `up` from nothing to live, and of a merge, at the code host's stand-in."""
    with tempfile.TemporaryDirectory() as name, open_stage(Path(name)) as stage:
        developer, flow = stage.developer, Flow("merge")
        stage.generate(install=False)
        try:
            began = time.monotonic()
            developer.installer("up", "--yes")
            first = time.monotonic() - began
            merge(stage, flow, 1)
        finally:
            developer.installer("down", "--yes", "--argocd", stdin="argocd\n")
    return first, flow.total


def once(image: str) -> tuple[float, float]:
    """Try it in kubectl's current context, deploy a change, remove it; return the seconds of both."""
    with tempfile.TemporaryDirectory() as name:
        laptop = a_laptop(Path(name), image)
        laptop.enter("hello-api")
        try:
            began = time.monotonic()
            laptop.try_()
            first = time.monotonic() - began
            (laptop.developer.project / "src/hello_api/more.py").write_text('"""One more module."""\n')
            laptop.developer.commit("Change it")
            began = time.monotonic()
            laptop.type("deploy")
            second = time.monotonic() - began
        finally:
            laptop.type("down", "--yes", *laptop.all_of_it)
    return first, second


def main(image: str, times: int = 3) -> None:
    """Measure, and print a table."""
    rows = []
    for _ in range(times):
        (up, merged), (first, second) = at_a_code_host(), once(image)
        rows.append((up, merged, first, second, first / up, second / merged))
        print(f"up {up:.1f} s, merge {merged:.1f} s, try {first:.1f} s, deploy {second:.1f} s", file=sys.stderr)
    print(f"{machine()}\n")
    shown = [[str(number), *(f"{value:.2f}" for value in row)] for number, row in enumerate(rows, 1)]
    shown.append(["median", *(f"{median(column):.2f}" for column in zip(*rows, strict=True))])
    head = ("run", "up, s", "a merge, s", "try, s", "a second deployment, s", "try ÷ up", "second ÷ merge")
    print(table(head, shown))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
