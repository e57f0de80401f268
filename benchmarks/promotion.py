"""From `gitops-flask promote` until every pod of `test` answers, beside the merge that brought the change to `dev`.

    python -m benchmarks.promotion [CHANGES]      # 5; with a cluster, as docs/testing.md says

One project with two environments, the same change each time: it is merged, and once `dev` is live it is promoted. The
promotion builds nothing; what it takes is a private clone, the pods' answers, a push and a rollout. Nothing is left.
"""

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.e2e.actors import eventually
from tests.e2e.second_environment import NAMESPACE, add_environment
from tests.e2e.stage import SLUG, Stage, open_stage

from .cluster import Pods
from .machine import machine, table
from .merge_to_live import PATIENCE, Flow, merge

PARTS = ("env/test written", "live")


def promote(stage: Stage, flow: Flow) -> None:
    """Promote what dev runs, and time it."""
    revision, pods = stage.deployed()["revision"], Pods(NAMESPACE, SLUG)
    with ThreadPoolExecutor() as pool:
        began = last = time.monotonic()
        command = pool.submit(stage.developer.installer, "promote", "--yes")
        there = {
            PARTS[0]: lambda: revision in (stage.github.file(f"acme/{SLUG}", "env/test", "image.yaml") or ""),
            PARTS[1]: lambda: pods.revisions() == {revision},
        }
        parts = {}
        for part, reached in there.items():
            eventually(f"{flow.name}: {part}", reached, PATIENCE, every=0.05)
            parts[part] = time.monotonic() - last
            last = time.monotonic()
        command.result()
    print(f"the command ended after {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
    flow.add(parts)


def main(changes: int = 5) -> None:
    """Measure, and print a table."""
    merges, promotions = Flow("ours"), Flow("promotion")
    with tempfile.TemporaryDirectory() as name, open_stage(Path(name)) as stage:
        developer, made = stage.developer, stage.generate()
        try:
            assert "Live: every pod" in made.stdout + made.stderr, made.stderr
            add_environment(stage)
            developer.installer("up", "--yes")
            developer.installer("promote", "--yes")  # the first one makes the branch
            for number in range(1, changes + 1):
                merge(stage, merges, number)
                promote(stage, promotions)
        finally:
            developer.installer("down", "--yes", "--argocd", stdin="argocd\n")
    print(f"{machine()}\n")
    rows = [
        ["merge", f"{merges.medians['image pushed']:.1f}", f"{merges.medians['env/dev written']:.1f}",
         f"{merges.medians['live']:.1f}", f"{merges.total:.1f}"],
        ["promotion", "none", f"{promotions.medians[PARTS[0]]:.1f}", f"{promotions.medians[PARTS[1]]:.1f}",
         f"{promotions.total:.1f}"],
    ]  # fmt: skip
    print(table(("medians in s", "image pushed", "branch written", "live", "sum"), rows))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
