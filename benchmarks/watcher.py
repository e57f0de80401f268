"""From a push to env/dev until every new pod is ready, with nobody calling Argo CD from outside; one run, three ways.

    python -m benchmarks.watcher [CHANGES [SLOW [POLLED]]]      # 20, 3 and 5; with a cluster, as docs/testing.md says

In one Argo CD as it comes, at the same time: projects that its own polling has to notice, one change each because that
takes minutes, and one with our watcher beside it. Then the same Argo CD with much polling instead (unless POLLED is 0).
The service is a stand-in of two pods, its image is on the node: what is measured is watching, syncing and rolling.
Some seconds before each change main moves, as it does where pull requests are merged. Nothing is left.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from installer.cluster.argocd import POLLING, SMALL, merged
from installer.resources.argocd import CHART, CHART_VERSION, CRDS
from installer.resources.watcher import EVERY, Watcher
from installer.support.wait import clear
from tests.e2e.ground import Away, Repository, sshd
from tests.e2e.test_cluster_half import Half, kubectl
from tests.e2e.test_watcher import as_it_comes, not_yet, running

from .machine import machine, percentile, table

PATIENCE = 900.0  # seconds: Argo CD's defaults took up to 295 for one change


@dataclass
class Way:
    """One way to notice, how often Argo CD or the watcher asks GitHub, and what was measured."""

    name: str
    every: float
    mark: str
    """What its revisions begin with."""
    seconds: list[float] = field(default_factory=list)
    """Until the first new pod is ready: what the bars are about."""
    whole: list[float] = field(default_factory=list)
    """Until every pod is a new one; they go one after another."""
    core: float = 0.0
    """Share of one core that Argo CD's namespace used while nothing was deployed."""


def cpu_seconds(namespace: str) -> float:
    """Return the processor time that the running pods of a namespace have used, as the kubelet counts it."""
    total = 0.0
    for node in kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}").split():
        summary = json.loads(kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))
        mine = [pod for pod in summary["pods"] if pod["podRef"]["namespace"] == namespace]
        total += sum(pod.get("cpu", {}).get("usageCoreNanoSeconds", 0) for pod in mine) / 1e9
    return total


def idle(way: Way, seconds: float = 60) -> None:
    """Let it notice nothing for a while, and see what that costs."""
    before, began = cpu_seconds("argocd"), time.monotonic()
    time.sleep(seconds)
    way.core = (cpu_seconds("argocd") - before) / (time.monotonic() - began)


def lacks(half: Half, revision: str) -> str:
    """Say that no pod of this revision is ready; nothing once one is."""
    return "" if revision in running(half) else "no new pod is ready"


def measure(half: Half, way: Way, number: int, every: float = 0.1) -> None:
    """Push one change, some time after the one before was live, out of step with all polling."""
    time.sleep(1 + number * 0.7 % 4)
    half.repository.merge()
    time.sleep(4 + number * 1.3 % 4)
    revision, what = f"{way.mark}{number:039d}", f"{way.name}, change {number}"
    began = time.monotonic()
    half.repository.deploy(revision)
    clear(what, lambda: lacks(half, revision), PATIENCE, every=every)
    way.seconds.append(time.monotonic() - began)
    clear(what, lambda: not_yet(half, revision), PATIENCE, every=every)
    way.whole.append(time.monotonic() - began)
    print(f"{way.name}: {way.seconds[-1]:.1f} s", file=sys.stderr, flush=True)


def begin(half: Half) -> None:
    """Let the first deployment of a project be live."""
    half.apply()
    half.wait(half.repository.deploy("f" * 40), 300)


@contextmanager
def ground(folder: Path, projects: int) -> Iterator[tuple[list[Half], dict[str, object]]]:
    """Install an Argo CD as it comes, for projects that are yet to begin; all of it is removed in the end."""
    with sshd(folder) as (where, host_key, keys):
        halves = []
        for name in (f"watcher-{number}" for number in range(projects)):
            repository = Repository(folder / f"{name}.git")
            settings = Away(
                name=name, slug=name, description="", host="github.com", owner="acme", visibility="private",
                registry="docker.io", account="acme", namespace=f"{name}-dev",
                remote=f"ssh://{where}{repository.path}",
            )  # fmt: skip
            halves.append(Half(settings, repository, keys))
        values = as_it_comes(host_key)
        try:
            install(halves[0], values)
            yield halves, values
        finally:
            for half in halves:
                for resource in (the_watcher(half), *reversed(half.resources()[1:])):
                    resource.remove()
                kubectl("delete", "namespace", half.settings.namespace, "--ignore-not-found")
            halves[0].helm.uninstall("argocd", "argocd", 300)
            kubectl("delete", "crd", *CRDS, "--ignore-not-found")
            kubectl("delete", "namespace", "argocd", "--ignore-not-found")


def install(half: Half, values: dict[str, object]) -> None:
    options = {"chart": CHART, "version": CHART_VERSION, "create_namespace": True, "timeout": 300.0}
    half.helm.install("argocd", "argocd", values, **options)  # type: ignore[arg-type]
    for kind in ("deployment", "statefulset"):
        names = kubectl("get", kind, "-n", "argocd", "-o", "name").split()
        for name in names:
            kubectl("rollout", "status", name, "-n", "argocd", "--timeout=300s")


def the_watcher(half: Half) -> Watcher:
    return Watcher(half.settings, half.cluster, half.helm)


def main(changes: int = 20, slow: int = 3, polled: int = 5) -> None:
    """Measure, and print a table."""
    if not (shutil.which("sshd") or Path("/usr/sbin/sshd").exists()):
        sys.exit("needs sshd (openssh-server)")
    if slow < 1:
        sys.exit("SLOW: 1 or more, all else is compared with it")
    left, ours, much = ways = [
        Way("Argo CD's defaults", 120, "a"),
        Way("the same, with our watcher", EVERY, "b"),
        Way("much polling (`watcher: none`)", 3, "c"),
    ]
    with tempfile.TemporaryDirectory() as name, ground(Path(name), 1 + slow) as (halves, values):
        half, *others = halves
        begin(half)
        idle(left)
        watcher = the_watcher(half)
        seen = watcher.observe()
        change = watcher.diff(seen)
        assert change
        watcher.apply(seen, change)
        idle(ours)
        for other in others:
            begin(other)
        with ThreadPoolExecutor(slow) as beside:
            waits = [beside.submit(measure, other, left, number, 1) for number, other in enumerate(others)]
            for number in range(changes):
                measure(half, ours, number)
            for wait in waits:
                wait.result()
        if polled:
            watcher.remove()
            install(half, merged(merged(values, SMALL), POLLING))
            half.wait(half.repository.deploy("e" * 40), 300)
            idle(much)
            for number in range(polled):
                measure(half, much, number)
    print(f"{machine()}\n")
    first = median(left.seconds)
    rows = [
        [
            way.name, str(len(way.seconds)), f"{median(way.seconds):.1f}", f"{percentile(way.seconds, 95):.1f}",
            f"{max(way.seconds):.1f}", f"{median(way.whole):.1f}", f"{first / median(way.seconds):.0f}×",
            f"{3600 / way.every:.0f}", f"{100 * way.core:.0f} %",
        ]
        for way in ways
        if way.seconds
    ]  # fmt: skip
    figures = (
        "changes", "median s", "p95 s", "longest s", "every pod, median s", "faster",
        "asks GitHub an hour, while nothing is merged", "of a core",
    )  # fmt: skip
    print(table(("noticed by", *figures), rows))


if __name__ == "__main__":
    try:
        main(*map(int, sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{' '.join(map(str, error.cmd))}:\n{error.stdout}{error.stderr}")
