"""`try` from nothing to live and a second deployment, as ratios to `up` at a code host and to a merge there.

python -m benchmarks.try_it REGISTRY_IMAGE [TIMES]      # 3; with a cluster, as docs/testing.md says. Nothing is left

REGISTRY_IMAGE is what the cluster's nodes can pull and runs as a registry: docker.io/library/registry:3.0.0
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.e2e.stage import PASSED_ON, PROJECT, open_stage
from tests.e2e.stage import SLUG as AT_A_CODE_HOST

from .machine import machine, table
from .merge_to_live import Flow, merge

SLUG = "hello-api"


def at_a_code_host() -> tuple[float, float]:
    """Return the seconds of `up` from nothing to live, and of a merge, at the code host's stand-in."""
    with tempfile.TemporaryDirectory() as name, open_stage(Path(name)) as stage:
        developer, flow = stage.developer, Flow("merge")
        developer.env["GITOPS_FLASK_INSTALL"] = "no"
        answers = (f"project_name={PROJECT}", "owner=acme", f"--output-dir={developer.home}")
        words = ("-m", "cookiecutter", str(stage.fork), "--no-input", *answers)
        developer.run("python", *words, cwd=developer.home)
        developer.project = developer.home / AT_A_CODE_HOST
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
        folder = Path(name)
        env = {each: os.environ[each] for each in PASSED_ON if each in os.environ}
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
        env |= {"HOME": name, "NO_COLOR": "1", "UV_CACHE_DIR": str(folder / "uv-cache")}

        def run(*words: str, cwd: Path) -> str:
            done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout.strip()

        context = run("kubectl", "config", "current-context", cwd=folder)
        here = ("--context", context, "--confirm-context", context, "--registry-image", image, "--yes")
        project = folder / SLUG
        try:
            began = time.monotonic()
            run("gitops-flask", "try", *here, cwd=folder)
            first = time.monotonic() - began
            who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
            (project / f"src/{SLUG.replace('-', '_')}/more.py").write_text('"""One more module."""\n')
            run("git", "add", "--all", cwd=project)
            run("git", *who, "commit", "--quiet", "--message", "Change it", cwd=project)
            began = time.monotonic()
            run("gitops-flask", "deploy", cwd=project)
            second = time.monotonic() - began
        finally:
            gone = ("--repository", "--confirm-repository", f"local/{SLUG}", "--argocd", "--confirm-argocd", "argocd")
            run("gitops-flask", "down", "--yes", *gone, cwd=project)
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
