"""A developer's shell on the stage of the stories, to try everything manually. No test.

python -m tests.e2e.playground       # with a cluster, as docs/testing.md says; it ends without Argo CD

GitHub is the stand-in, under GitHub's own names; cluster, registry and Argo CD are real. Where standard input is no
terminal, the shell takes its commands from there.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .plugin import NEEDED
from .stage import Stage, open_stage

WELCOME = """\
You are octocat, a member of acme, at a GitHub that is a stand-in, with a real registry and a real cluster.

  cookiecutter "$TEMPLATE" project_name='My API' owner=acme    or all of it: GITOPS_FLASK_INSTALL=yes
  cd my-api && gitops-flask up                                  doctor, plan, status, rollback, open, down
  gh, git, kubectl, helm, argocd                                work as they would at the real ones

`exit` takes down what you made, Argo CD included.
"""


def main() -> int:
    """Open the stage, run a shell on it, and take down what was made there."""
    if missing := [name for name in NEEDED if name not in os.environ]:
        print(f"This needs a cluster, see docs/testing.md; not set: {', '.join(missing)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="playground-") as folder, open_stage(Path(folder)) as stage:
        try:
            return shell(stage)
        finally:
            take_down(stage)


def shell(stage: Stage) -> int:
    developer = stage.developer
    on_a_terminal = sys.stdin.isatty()
    given = {**developer.trusts, "TEMPLATE": str(stage.fork), "GITOPS_FLASK_INSTALL": "ask"}
    given |= {"TERM": os.environ.get("TERM", "dumb"), "PWD": str(developer.home), "PS1": r"octocat:\w\$ "}
    env = {name: value for name, value in developer.env.items() if name != "NO_COLOR"} | given
    if on_a_terminal:
        print(WELCOME, flush=True)
    options = ["--noprofile", "--norc", *(["-i"] if on_a_terminal else [])]
    return subprocess.run(["bash", *options], cwd=developer.home, env=env, check=False).returncode


def take_down(stage: Stage) -> None:
    """Remove what the projects in the developer's home brought into the cluster, the last of them Argo CD."""
    developer = stage.developer
    projects = sorted(path.parent for path in developer.home.glob("*/gitops.yaml"))
    for project in projects:
        developer.project = project
        last = ["--argocd", "--confirm-argocd", "argocd"] if project == projects[-1] else []
        done = developer.installer("down", "--yes", *last, check=False)
        print(f"down of {project.name}: {'done' if done.returncode == 0 else done.stderr}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
