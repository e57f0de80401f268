"""The new project's first commit, however git is configured. Only the standard library: the hook imports this."""

import os
import subprocess
from pathlib import Path

from ..config.settings import RENDERED
from ..support import resume_command
from ..support.errors import InstallerError
from ..support.secret import NOBODY, inherited

MESSAGE = "Generated"

# The project's ignores, not the user's; and hooks that were written for other projects have no say in this one yet.
_GIT = ("git", "-c", f"core.excludesFile={os.devnull}", "-c", f"core.hooksPath={os.devnull}")


def make(folder: Path) -> str:
    """Commit all files on `main`, unless they are part of a repository with commits; return what is worth a word."""
    environment = inherited()

    def git(*words: str) -> "subprocess.CompletedProcess[str]":
        try:
            return subprocess.run(
                [*_GIT, *words], cwd=folder, env=environment, capture_output=True, text=True, errors="replace"
            )
        except FileNotFoundError:
            what = "There is no first commit: git is not installed."
            raise InstallerError(what, "Get it: https://git-scm.com/downloads") from None

    if not git("rev-parse", "--verify", "HEAD").returncode:
        return ""
    if git("var", "GIT_COMMITTER_IDENT").returncode:
        environment = NOBODY | environment
    for step in (("init", "--quiet"), ("symbolic-ref", "HEAD", "refs/heads/main"), ("add", "--all")):
        if (done := git(*step)).returncode:
            raise _failed(folder, done.stderr)
    tree = git("write-tree").stdout.strip()  # by it an update knows whether this commit was amended
    commit = ("commit", "--quiet", "--message", f"{MESSAGE}\n\n{RENDERED}: {tree}")
    done = git(*commit)
    if not done.returncode:
        return ""
    if git("config", "--bool", "commit.gpgSign").stdout.strip() == "true":
        unsigned = git("-c", "commit.gpgSign=false", *commit)
        if not unsigned.returncode:
            return f"The first commit is not signed, because git could not sign it:\n{_last_lines(done.stderr)}"
        done = unsigned
    raise _failed(folder, done.stderr or done.stdout)


def _failed(folder: Path, said: str) -> InstallerError:
    add = resume_command.git(folder, "add", "--all")
    commit = resume_command.git(folder, "commit", "--message", MESSAGE)
    what = f"There is no first commit, because git failed:\n{_last_lines(said)}"
    return InstallerError(what, f"Fix that, then: {add} && {commit}")


def _last_lines(said: str) -> str:
    return "\n".join(f"  {line}" for line in said.strip().splitlines()[-5:]) or "  (it said nothing)"
