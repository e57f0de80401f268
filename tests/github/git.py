"""Repositories as git has them: bare directories, read and written by git itself."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOOK = Path(__file__).parent / "hook.py"
ZERO = "0" * 40
GITHUB = ("GitHub", "noreply@github.com")
IDENTITY = dict(zip(("NAME", "EMAIL"), GITHUB, strict=True))
PLAIN = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in IDENTITY.items()},
}
CONFIG = """\
[http]
receivepack = true
[uploadpack]
allowFilter = true
allowAnySHA1InWant = true
[receive]
hideRefs = refs/pull
denyDeleteCurrent = refuse
[gc]
auto = 0
"""


class GitError(Exception):
    """Say which git command failed, and how."""


def git(folder: Path, *arguments: str, env: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**PLAIN, **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise GitError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.removesuffix("\n")


def create(folder: Path, default_branch: str, socket: Path) -> None:
    """Make an empty bare repository whose hooks ask the stand-in."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--bare", f"--initial-branch={default_branch}", "--template=")
    with (folder / "config").open("a") as config:
        config.write(CONFIG)
    (folder / "hooks").mkdir()
    for name in ("pre-receive", "post-receive"):
        hook = folder / "hooks" / name
        hook.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{HOOK}" {name} "{socket}"\n')
        hook.chmod(0o755)


def refs(folder: Path, prefix: str = "refs/heads/") -> dict[str, str]:
    """Read the refs from git's own files: tests ask for them thousands of times, and a program has to be started."""
    found = {}
    with contextlib.suppress(FileNotFoundError):
        lines = (folder / "packed-refs").read_text().splitlines()
        found = {name: sha for sha, _, name in (line.partition(" ") for line in lines) if len(sha) == len(ZERO)}
    for place, _, names in os.walk(folder / "refs"):
        for file in (Path(place, name) for name in names if not name.endswith(".lock")):
            with contextlib.suppress(FileNotFoundError):  # it was deleted just now
                found[str(file.relative_to(folder))] = file.read_text().strip()
    return {name.removeprefix(prefix): found[name] for name in sorted(found) if name.startswith(prefix)}


def blob(folder: Path, revision: str, path: str) -> tuple[str, bytes] | None:
    """Read a file as it is in one revision, and its name among git's objects."""
    asked = f"{revision}:{path}\n".encode()
    done = subprocess.run(["git", "cat-file", "--batch"], cwd=folder, env=PLAIN, input=asked, capture_output=True)
    head, _, content = done.stdout.partition(b"\n")
    found = re.fullmatch(r"(\w+) blob \d+", head.decode())
    return (found[1], content.removesuffix(b"\n")) if found else None


def show(folder: Path, revision: str, path: str) -> bytes | None:
    """Read a file as it is in one revision."""
    found = blob(folder, revision, path)
    return found and found[1]


def listing(folder: Path, revision: str, path: str) -> list[tuple[str, str, str]]:
    """List (kind, sha, path) of what lies directly under a folder in one revision."""
    prefix = f"{path.rstrip('/')}/" if path else ""
    lines = git(folder, "ls-tree", "-z", revision, *([prefix] if prefix else [])).split("\0")
    return [
        (head.split()[1], head.split()[2], name) for head, _, name in (line.partition("\t") for line in lines) if name
    ]


@dataclass(frozen=True)
class Commit:
    sha: str
    tree: str
    parents: tuple[str, ...]
    author: tuple[str, str, str]  # name, email, date
    committer: tuple[str, str, str]
    message: str


def commits(folder: Path, revision: str, *options: str) -> list[Commit]:
    """List commits from a revision on, newest first; [] where there is no such revision."""
    wanted = "%x00".join(("%H", "%T", "%P", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%B")) + "%x01"
    try:
        output = git(folder, "log", f"--format=tformat:{wanted}", *options, revision, "--")
    except GitError:
        return []
    found = []
    for entry in output.split("\x01"):
        if fields := entry.lstrip("\n"):
            sha, tree, parents, an, ae, ad, cn, ce, cd, message = fields.split("\0")
            found.append(Commit(sha, tree, tuple(parents.split()), (an, ae, ad), (cn, ce, cd), message.rstrip("\n")))
    return found


def is_ancestor(folder: Path, old: str, new: str, env: Mapping[str, str] | None = None) -> bool:
    try:
        git(folder, "merge-base", "--is-ancestor", old, new, env=env)
    except GitError:
        return False
    return True


def merge_tree(folder: Path, base: str, head: str) -> str | None:
    """Merge two revisions; None where they conflict."""
    try:
        return git(folder, "merge-tree", "--write-tree", base, head).splitlines()[0]
    except GitError:
        return None


def commit_tree(folder: Path, tree: str, parents: list[str], message: str, author: tuple[str, str]) -> str:
    env = {"GIT_AUTHOR_NAME": author[0], "GIT_AUTHOR_EMAIL": author[1]}
    return git(folder, "commit-tree", tree, *(f"-p{each}" for each in parents), "-F", "-", env=env, stdin=message)


def initial_commit(folder: Path, branch: str, files: Mapping[str, str], author: tuple[str, str]) -> str:
    """Make a branch with these files at its top, as a code host's form for a new repository does."""
    blobs = {name: git(folder, "hash-object", "-w", "--stdin", stdin=text) for name, text in files.items()}
    tree = git(folder, "mktree", stdin="".join(f"100644 blob {sha}\t{name}\n" for name, sha in blobs.items()))
    made = commit_tree(folder, tree, [], "Initial commit", author)
    git(folder, "update-ref", f"refs/heads/{branch}", made, ZERO)
    return made


def rebase(folder: Path, base: str, head: str) -> str:
    """Put the commits of a branch on top of another one, in a work tree of their own."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        git(folder, "worktree", "add", "--quiet", "--detach", str(tree), head)
        try:
            git(tree, "rebase", "--quiet", "--force-rebase", base)
            return git(tree, "rev-parse", "HEAD")
        finally:
            git(folder, "worktree", "remove", "--force", str(tree))


def changed(folder: Path, old: str, new: str) -> list[str]:
    """Name the files that differ between two commits; all of them where there was no commit before."""
    if old == ZERO:
        return git(folder, "ls-tree", "-r", "--name-only", new).splitlines()
    return git(folder, "diff", "--name-only", old, new).splitlines()


def touched(folder: Path, revision: str) -> dict[str, list[str]]:
    """Name the files that one commit added, removed and modified, as an event tells them."""
    options = ("-r", "--root", "--no-commit-id", "--no-renames", "--name-status")
    lines = [line.partition("\t") for line in git(folder, "diff-tree", *options, revision).splitlines()]
    kinds = {"added": "A", "removed": "D", "modified": "MT"}
    return {kind: [name for letter, _, name in lines if letter in letters] for kind, letters in kinds.items()}
