"""The files are there: keep those that were chosen, commit them, offer the rest. Never fail: they would be deleted."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
NOBODY = {f"GIT_{who}_{what}": "gitops-flask" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
GIT = ("git", "-c", f"core.excludesFile={os.devnull}")  # the project's ignores, not the user's


def prune() -> None:
    for choice, files in ANSWERS["_only_for"].items():
        for file in map(Path, [] if choice in (ANSWERS["scm"], ANSWERS["ci"]) else files):
            file.unlink(missing_ok=True)
            with suppress(OSError):  # other files are in the folder
                os.removedirs(file.parent)


def first_commit(inherited: dict[str, str]) -> None:
    def succeeds(*question: str) -> bool:
        return not subprocess.run([*GIT, *question], capture_output=True, env=inherited).returncode

    if not succeeds("rev-parse", "--verify", "HEAD"):  # not (in) a repository with commits of its own
        author = {} if succeeds("var", "GIT_COMMITTER_IDENT") else NOBODY
        for step in ("init --quiet", "symbolic-ref HEAD refs/heads/main", "add --all", "commit --quiet -m Generated"):
            subprocess.run([*GIT, *step.split()], check=True, env=author | inherited)


go_on = "gitops-flask up"
try:
    prune()  # under cruft, too: it compares these files with the project's
    if "_commit" not in ANSWERS:  # cruft sets it: it renders the files to compare them, and nothing else may happen
        sys.path.insert(0, ANSWERS["_repo_dir"])
        package = "installer" if Path(ANSWERS["_repo_dir"], "installer").is_dir() else "gitops_flask"  # or the wheel's
        origin = import_module(f"{package}.origin").origin(ANSWERS["_template"], ANSWERS["_checkout"], os.getenv("PWD"))
        go_on = import_module(f"{package}.resume").command("up", Path.cwd(), origin)
        for file in (path for path in Path("ci").rglob("*") if path.is_file()):
            file.chmod(0o755 if file.read_bytes().startswith(b"#!") else 0o644)  # a zip does not keep it
        first_commit(import_module(f"{package}.environment").inherited())  # the user's hooks of git see no token
        installer = import_module(f"{package}.offer")
        installer.offer(Path.cwd(), origin, installer.mode_from_environment())
except BaseException as error:  # Ctrl-C, too
    print(f"{Path.cwd()} has all its files. What comes after them stopped: {error!r}", file=sys.stderr)
    print(f"Go on with:\n  {go_on}", file=sys.stderr)
