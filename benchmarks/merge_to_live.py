"""From the merge of a pull request until every pod answers its commit: ours, manually, and as DevStream's projects go.

    python -m benchmarks.merge_to_live [CHANGES SLOW [PLOT]]   # 5 and 3; docs/testing.md says with what

One run, one project, the same change each time. Ours, as generated, and its parts run manually on a warm machine (image
built and pushed, one git push, one rollout of the same chart, so with the same surge), in turns: where the machine is
slower for a while, both are. Last
DevStream's flow (unless SLOW is 0): one job after another (test, then image without a cache and deploy), and an Argo CD
that polls as it comes. Nothing is left.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import requests
import yaml

from tests.e2e.actors import eventually
from tests.e2e.stage import SLUG, Stage, open_stage

from .cluster import Pods
from .machine import machine, table
from .plot import stacked

PATIENCE = 900.0
PARTS = ("image pushed", "env/dev written", "live")


@dataclass
class Flow:
    """One way from merge to live; each change gives the seconds of each part."""

    name: str
    parts: dict[str, list[float]] = field(default_factory=dict)

    def add(self, seconds: dict[str, float]) -> None:
        """Add what one change took, and say it."""
        for part, value in seconds.items():
            self.parts.setdefault(part, []).append(value)
        said = " · ".join(f"{part} {value:.1f} s" for part, value in seconds.items())
        print(f"{self.name}: {said}", file=sys.stderr, flush=True)

    @property
    def medians(self) -> dict[str, float]:
        return {part: median(values) for part, values in self.parts.items()}

    @property
    def total(self) -> float:
        return sum(self.medians.values())


def merge(stage: Stage, flow: Flow, number: int) -> None:
    """Change one line of the code, merge it, and time its way."""
    developer = stage.developer
    branch = f"change-{flow.name[:4].strip().lower()}-{number}"
    developer.branch(branch)
    stage.add_greeting(right=True)
    module = developer.project / "src" / SLUG.replace("-", "_") / "example.py"
    module.write_text(f"{module.read_text()}\n\n# {branch}\n")
    developer.commit(f"Change {branch}")
    stage.forge.propose(branch, f"Change {branch}")
    eventually("the checks", lambda: stage.passed(branch), PATIENCE)
    pods = Pods(f"{SLUG}-dev", SLUG)
    with requests.Session() as github:  # gh would take a third of a second until it asks
        github.headers["Authorization"] = f"Bearer {developer.env['GH_TOKEN']}"
        github.verify = developer.trusts["SSL_CERT_FILE"]
        pulls = f"https://api.github.com/repos/acme/{SLUG}/pulls"
        (pull,) = github.get(pulls, params={"head": f"acme:{branch}"}, timeout=10).json()
        last = time.monotonic()
        merged = github.put(f"{pulls}/{pull['number']}/merge", json={"merge_method": "squash"}, timeout=10)
    revision = merged.json()["sha"]
    there: dict[str, Callable[[], bool]] = {
        "image pushed": lambda: stage.in_registry(revision),
        "env/dev written": lambda: revision in (stage.github.file(f"acme/{SLUG}", "env/dev", "image.yaml") or ""),
        "live": lambda: pods.revisions() == {revision},
    }
    parts = {}
    for part, reached in there.items():
        eventually(f"{flow.name}: {part}", reached, PATIENCE, every=0.05)
        parts[part] = time.monotonic() - last
        last = time.monotonic()
    assert stage.forge.deployment_of(revision).green  # and its end: what comes next has the machine for itself
    flow.add(parts)


def manual_step(stage: Stage, flow: Flow, number: int) -> None:
    """Do the parts one by one on this machine: nothing waits for anything."""
    developer = stage.developer
    developer.branch(f"by-hand-{number}")
    module = developer.project / "src" / SLUG.replace("-", "_") / "example.py"
    module.write_text(f"{module.read_text()}\n\n# manually {number}\n")
    revision = developer.commit(f"Manually {number}")
    began = time.monotonic()
    name = f"docker.io/acme/{SLUG}"
    digest = developer.run("env", "REGISTRY_USERNAME=acme", "ci/image").stdout.strip()
    parts = {"image pushed": time.monotonic() - began}
    began = time.monotonic()
    developer.git("push", "--quiet", "origin", f"by-hand-{number}")
    parts["env/dev written"] = time.monotonic() - began
    scratch, values = f"{SLUG}-by-hand", developer.home / "by-hand.json"
    image = {"repository": name, "tag": revision, "digest": digest}
    values.write_text(json.dumps({"image": image, "revision": revision}))
    began = time.monotonic()
    given = ("--values", "deploy/dev.yaml", "--values", str(values))
    where = ("--namespace", scratch, "--create-namespace")
    developer.run("helm", "upgrade", "--install", SLUG, "chart", *where, *given)
    developer.run("kubectl", "rollout", "status", f"deployment/{SLUG}", "-n", scratch, "--timeout=120s")
    parts["live"] = time.monotonic() - began
    if number:  # the first one installs
        flow.add(parts)


def as_devstream_does(stage: Stage) -> None:
    """Test and then build without a cache, as on a fresh runner, and let Argo CD poll as it comes."""
    developer = stage.developer
    developer.branch("series")
    workflow = developer.project / ".github/workflows/deploy.yml"
    text = workflow.read_text()
    series = text.replace("    name: deploy\n", "    name: deploy\n    needs: [test]\n", 1)
    workflow.write_text(series.replace("        if: steps.before.outputs.tested != 'yes'\n", "", 1))
    script = developer.project / "ci/image"
    assert "docker buildx build " in script.read_text()
    script.write_text(script.read_text().replace("docker buildx build ", "docker buildx build --no-cache ", 1))
    settings = developer.project / "gitops.yaml"
    tree = yaml.safe_load(settings.read_text())
    polling = {"timeout.reconciliation": "120s", "timeout.reconciliation.jitter": "60s"}
    tree["argocd"]["values"].setdefault("configs", {})["cm"] = polling
    tree["argocd"]["values"]["repoServer"] = {"extraArgs": []}
    tree["argocd"]["watcher"] = "none"  # no watcher
    settings.write_text(yaml.safe_dump(tree))
    assert "needs: [test]" in series
    assert "if: steps" not in workflow.read_text()
    developer.commit("As DevStream does")
    stage.forge.propose("series", "As DevStream does")
    eventually("the checks", lambda: stage.passed("series"), PATIENCE)
    stage.forge.merge("series")
    developer.installer("up", "--yes")
    assert "watcher" not in developer.run("kubectl", "get", "pods", "-n", "argocd", "-o", "name").stdout


def main(changes: int = 5, slow: int = 3, plot: Path | None = None) -> None:
    """Measure, print a table, and draw it where a file is named."""
    ours, hand, series = Flow("ours"), Flow("manually, warm"), Flow("jobs in series, default polling")
    with tempfile.TemporaryDirectory() as name, open_stage(Path(name)) as stage:
        developer, made = stage.developer, stage.generate()
        try:
            assert "Live: every pod" in made.stdout + made.stderr, made.stderr
            manual_step(stage, hand, 0)
            for number in range(1, changes + 1):
                merge(stage, ours, number)
                manual_step(stage, hand, number)
            if slow:
                as_devstream_does(stage)
            for number in range(slow):
                merge(stage, series, number)
        finally:
            developer.run("kubectl", "delete", "namespace", f"{SLUG}-by-hand", "--ignore-not-found", check=False)
            developer.installer("down", "--yes", "--argocd", stdin="argocd\n")
    print(f"{machine()}\n")
    flows = [flow for flow in (ours, hand, series) if flow.parts]
    rows = [
        [
            flow.name,
            *(f"{flow.medians[part]:.1f}" for part in PARTS),
            f"{flow.total:.1f}",
            f"{flow.total / ours.total:.1f}×",
        ]
        for flow in flows
    ]
    print(table(("merge to live, medians in s", *PARTS, "sum", "to ours"), rows))
    print(f"\nours to its parts run manually: {ours.total / hand.total:.2f} (target: 1.3)")
    if slow:
        ratio = series.medians["live"] / ours.medians["live"]
        print(f"from env/dev to live, default polling to ours: {ratio:.0f}×")
    if plot:
        plot.write_text(stacked("From merge to live, in seconds", {flow.name: flow.medians for flow in flows}))


if __name__ == "__main__":
    _changes, _slow, *_plot = sys.argv[1:] or ["5", "3"]
    main(int(_changes), int(_slow), Path(_plot[0]) if _plot else None)
