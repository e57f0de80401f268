"""The parts of `.ci/kind` that can be run on their own."""

import os
import subprocess
from pathlib import Path

from tests.conftest import ROOT

CI = ROOT / ".ci"


def run_part(command: str, state: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a function of .ci/kind.d/names.sh; what it makes is in the folder `state`."""
    code = f". .ci/kind.d/names.sh; {command}"
    environment = {"PATH": os.environ["PATH"], "state": str(state), "name": "e2e-test", "here": str(CI)}
    bash = ["bash", "-euo", "pipefail", "-c", code]
    return subprocess.run(bash, cwd=ROOT, env=environment, input=stdin, capture_output=True, text=True)


def make_certificates(state: Path) -> Path:
    done = run_part("make_certificates", state)
    assert done.returncode == 0, done.stderr
    return state


def names(which: str, state: Path) -> list[str]:
    """Return the names that lead to GitHub's stand-in (`github`) or to the registry (`registries`)."""
    return run_part(f'echo "${{{which}[@]}}"', state).stdout.split()
