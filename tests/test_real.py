"""`.ci/real`, the story at the real GitHub, as far as it can be tried without one: its chapters, and what ends them.

Real: the script, bash, git. Stand-ins of this test alone: gh, gitops-flask, cookiecutter and kubectl, around a bare
repository; whatever else they are asked for is an error.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kind_parts import CI

pytestmark = pytest.mark.all

STAND_IN = """
import os, pathlib, subprocess, sys

program, *words = pathlib.Path(sys.argv[0]).name, *sys.argv[1:]
said, folder = " ".join(words), pathlib.Path(os.environ["STAND_IN"])
origin, slug, lie = folder / "origin.git", "gitops-flask-canary", os.environ.get("LIE", "")
(folder / "log").open("a").write(f"{program} {said}\\n")


def git(*command, where=origin, **more):
    done = subprocess.run(["git", "-C", where, *command], check=True, capture_output=True, text=True, **more)
    return done.stdout.strip()


def deploy(revision):
    blob = git("hash-object", "-w", "--stdin", input=f'revision: "{revision}"\\n')
    tree = git("mktree", input=f"100644 blob {blob}\\timage.yaml\\n")
    git("update-ref", "refs/heads/env/dev", git("commit-tree", tree, "-m", "Deploy"))


def deployed():
    return git("show", "env/dev:image.yaml").split('"')[1]


def passes():
    return "can" in git("show", "sing:tests/test_canary.py").partition("startswith")[2]


if program == "cookiecutter":
    (pathlib.Path(slug) / "tests").mkdir(parents=True)
    git("init", "-qb", "main", where=slug)
    git("commit", "-qm", "Generated", "--allow-empty", where=slug)
elif said in ("doctor", "plan --exit-code", "status --watch"):
    pass
elif said == "up --yes" and not origin.exists():
    git("init", "-q", "--bare", "-b", "main", origin, where=".")
    git("remote", "add", "origin", origin, where=".")
    git("push", "-q", "origin", "main", where=".")
    deploy(git("rev-parse", "main"))
elif said == "up --yes":
    print("Nothing to change." if lie != "up" else "1 changed")
elif said.startswith("rollback --yes --why "):
    deploy(git("rev-parse", "main~1"))
elif said == "rollback --yes --release-hold":
    deploy(git("rev-parse", "main"))
elif said.startswith("down --yes --repository --confirm-repository acme/gitops-flask-canary --argocd"):
    origin.rename(folder / f"gone-{len(list(folder.iterdir()))}")
elif said == "api repos/acme/gitops-flask-canary --silent":
    sys.exit(0 if origin.exists() else 1)
elif said == "pr create --title Sing --body  --base main --head sing":
    pass
elif said.startswith("pr checks sing --json name,bucket --jq "):
    print(f"chart pass, image pass, test {'pass' if passes() else 'fail'}")
    sys.exit(not passes())
elif said == "pr merge sing --squash":
    if not passes() and lie != "merge":
        sys.exit("not mergeable: the base branch policy prohibits the merge")
    merged = git("commit-tree", "sing^{tree}", "-p", "main", "-m", "Sing")
    git("update-ref", "refs/heads/main", merged)
    deploy(merged)
elif said.startswith(f"get pods --namespace {slug}-dev --selector app.kubernetes.io/name={slug} "):
    print("one" if lie != "pods" else "")
elif said == f"get --raw /api/v1/namespaces/{slug}-dev/pods/one:8000/proxy/version":
    revision = deployed() if lie != "version" else "0" * 40
    print(f'{{"name": "{slug}", "revision": "{revision}"}}')
elif said == f"get namespace {slug}-dev --output name":
    sys.exit(0 if lie == "namespace" else 1)
else:
    sys.exit(f"this stand-in knows no `{program} {said}`")
"""


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a machine with these stand-ins for programs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("gh", "gitops-flask", "cookiecutter", "kubectl"):
        (programs / name).write_text(f"#!{sys.executable}\n{STAND_IN}", encoding="utf-8")
        (programs / name).chmod(0o755)
    who = {f"GIT_{role}_{what}": "canary" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return os.environ | who | {"PATH": path, "STAND_IN": str(tmp_path), "OWNER": "acme", "REGISTRY_USERNAME": "acme"}


def play(chapter: str, machine: dict[str, str], **more: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(CI / "real"), chapter]
    return subprocess.run(
        command, cwd=machine["STAND_IN"], env=machine | more, capture_output=True, text=True, check=False
    )


def test_the_whole_story_is_played_by_what_a_person_types(machine: dict[str, str]) -> None:
    for chapter in ("create", "change", "rollback", "down"):
        done = play(chapter, machine)
        assert done.returncode == 0, f"{chapter}: {done.stderr}"
    log = Path(machine["STAND_IN"], "log").read_text()
    verbs = [line.split()[1] for line in log.splitlines() if line.startswith("gitops-flask")]
    assert [verb for verb in verbs if verb != "status"] == [
        *("doctor", "up", "up", "plan", "rollback", "rollback", "down")
    ]
    assert "cookiecutter" in log.splitlines()[0]


def test_what_an_earlier_run_left_is_removed_first(machine: dict[str, str]) -> None:
    assert play("create", machine).returncode == 0
    shutil.rmtree(Path(machine["STAND_IN"], "gitops-flask-canary"))
    again = play("create", machine)
    assert again.returncode == 0, again.stderr
    assert "an earlier run left acme/gitops-flask-canary" in again.stderr


@pytest.mark.parametrize(
    ("chapters", "lie", "told"),
    [
        (["create"], "up", "the second up changed something"),
        (["create"], "version", "one answers"),
        (["create"], "pods", "there is no pod in gitops-flask-canary-dev"),
        (["create", "change"], "merge", "a pull request with a failing test was merged"),
        (["create", "down"], "namespace", "its namespace is still there"),
        (["down"], "", "nothing was made"),
    ],
)
def test_a_chapter_that_does_not_end_well_is_red(
    machine: dict[str, str], chapters: list[str], lie: str, told: str
) -> None:
    *before, last = chapters
    for chapter in before:
        assert play(chapter, machine).returncode == 0
    done = play(last, machine, LIE=lie)
    assert done.returncode == 1
    assert told in done.stderr.splitlines()[-1]
