"""The project's own scripts of `ci/`, run on this machine as its CI would: in a private clone of a commit of main."""

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..config.settings import MAIN
from ..config.settings_file import load
from ..forges.credentials import of_forge
from ..forges.git import SILENCE, Clone
from ..support import process
from ..support.errors import InstallerError
from ..support.plain_text import one_line
from ..support.tls import variables
from .project import Project

_ADAPTER = "ci/lib/on-laptop.sh"
"""What scripts have that can be run from here."""
_OUTCOME = re.compile(r"(?:rollback|deploy|promote): (done|released|already there|superseded|held) (.*)")
_FAILED = re.compile(r"\w+: failed: (.*)")
_REFUSED = " write to it?"
"""Ends what the scripts say where the code host refused each push, and none was lost to another one."""
_CIS = ("GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "TRAVIS")
_NOT_FROM_HERE = dict.fromkeys((*_CIS, "DEPLOYED_BY", "DEPLOY_KEY", "PYTHONSAFEPATH", "VIRTUAL_ENV"), "")
"""What the scripts must not take from here: a CI's machine, who deploys, a key, how this Python itself was started."""
_SHORTEST = 4
"""Characters that git takes for the beginning of a commit's name."""
_LAST = 5
"""Lines that are repeated of a script that does not say why it failed."""


class NotFromHere(InstallerError):
    """Say why the scripts cannot do it from here, where their CI can: they are too old, or no push was taken."""


@dataclass(frozen=True)
class Outcome:
    """How ci/deploy, ci/promote or ci/rollback ended: its word, like `done` or `held`, and its sentence."""

    word: str
    text: str


class Scripts:
    """The scripts of the commit that is checked out in a private clone: see `private_clone`."""

    def __init__(self, project: Project, folder: Path, say: Callable[[str], None]) -> None:
        self._project = project
        self._clone = Clone(folder / "clone")
        self._scratch = folder / "tmp"
        self._say = say
        self._login = project.login

    def prepare(self) -> None:
        """Make an empty clone, in which git knows who commits and runs none of the person's hooks."""
        settings, folder = self._project.settings, self._project.folder
        for each in (self._clone.folder, self._scratch):
            each.mkdir()
        self._clone.git("init", "--quiet", "--template=", "--object-format=sha1")
        known = {key: process.attempt("git", "config", key, cwd=folder).out.strip() for key in _NOBODY}
        for key, value in {
            **{key: known[key] or nobody for key, nobody in _NOBODY.items()},
            "core.hooksPath": os.devnull,
            "remote.origin.url": settings.clone_url,
            "remote.origin.pushUrl": settings.clone_url,
            **self._login.reaching(settings.clone_url),
            "push.gpgSign": "false",  # code hosts take no signed push
            "push.pushOption": "",
            "http.lowSpeedLimit": "1",
            "http.lowSpeedTime": str(SILENCE),
        }.items():
            self._clone.git("config", key, value)

    def fetch_main(self, *, history: bool = False) -> str:
        """Fetch main and return its head; with `history` its commits, too, without their files."""
        how = "--filter=blob:none" if history else "--depth=1"
        self._clone.fetch("origin", f"+refs/heads/{MAIN}:refs/remotes/origin/{MAIN}", self._login, how)
        return self._clone.git("rev-parse", f"refs/remotes/origin/{MAIN}")

    def fetch_checked_out(self) -> None:
        """Fetch what is checked out in the project's folder, which need not be on main."""
        self._clone.git("fetch", "--quiet", "--no-tags", str(self._project.folder.resolve()), "HEAD")

    def on_main(self, commit: str) -> str:
        """Return the whole name of a commit of main, which begins so; empty where that is none, or not one."""
        listed = self._clone.git("rev-list", f"refs/remotes/origin/{MAIN}").split()  # any other name would be fetched
        found = [each for each in listed if len(commit) >= _SHORTEST and each.startswith(commit)]
        return found[0] if len(found) == 1 else ""

    def contains(self, newer: str, older: str) -> bool:
        """Return whether a commit is in the history of another one."""
        base = self._clone.attempt("merge-base", older, newer)
        return base.status == 0 and base.out.strip() == older

    def named(self, commit: str) -> str:
        """Return a commit and its subject."""
        return one_line(
            self._clone.git("-c", "log.showSignature=false", "log", "-1", "--format=%h %s", "--abbrev=12", commit)
        )

    def check_out(self, commit: str, *scripts: str) -> None:
        """Check a commit out; raise where its scripts, these among them, cannot be run or could not push from here."""
        settings = self._project.settings
        if settings.deploy_from == MAIN:  # no push would be taken: nobody waits for tests and image before that is said
            raise NotFromHere(f"With github.deploy_from: main, only workflows of main push to {settings.branch}.")
        check_out = (*self._login.options, "checkout", "--quiet", "--force", "--detach", commit)
        self._clone.git(*check_out, env=self._login.variables, timeout=180)  # may fetch files
        self._clone.git("clean", "-ffdxq")
        for needed in (_ADAPTER, *scripts):
            if not (self._clone.folder / needed).is_file():
                what = f"The scripts of {commit[:12]} are older than this command: they have no {needed}, by which they"
                raise NotFromHere(f"{what} can be run from here.", "or bring ci/ of a new project to main")

    def image(self) -> str:
        """Return the image of the commit that is checked out, as its gitops.yaml names it."""
        return load(self._clone.folder).image_repository

    def run(self, script: str, *arguments: str, **env: str) -> str:
        """Run a script of ci/ and return the last line that it prints; raise where it failed."""
        settings = self._project.settings
        given = {
            **_NOT_FROM_HERE,
            **process.NO_VENV,
            **variables(settings.ca),
            "ENVIRONMENT": settings.environment,
            "GITOPS_FLASK_PERSON": self.who,
            "GITOPS_FLASK_PYTHON": sys.executable,
            "TMPDIR": str(self._scratch),
            "DEPLOY_USERNAME": of_forge(settings.scm).READER,
            **env,
        }
        program, folder = str(self._clone.folder / "ci" / script), self._clone.folder
        # by bash: it runs where temporary files may not be executed, too
        status, lines = process.follow("bash", program, *arguments, say=self._say, env=given, cwd=folder)
        last = next((line for line in reversed(lines) if line.strip()), "")
        if status == 0:
            return last
        if not (failed := _FAILED.fullmatch(last)):
            end = "\n".join(lines[-_LAST:])
            raise InstallerError(f"ci/{script} ended with exit code {status}:\n{end}", "See what it says above.")
        if failed[1].endswith(_REFUSED):
            raise NotFromHere(f"{settings.host} refused the push to {settings.branch}: {failed[1]}")
        raise InstallerError(f"ci/{script}: {failed[1]}")

    def push(self, script: str, *arguments: str, **env: str) -> Outcome:
        """Run ci/deploy, ci/promote or ci/rollback, which push with the person's token, and return how it ended."""
        token = self._project.credentials.token.reveal()
        last = self.run(script, *arguments, DEPLOY_TOKEN=token, **env)
        if found := _OUTCOME.fullmatch(last):
            return Outcome(found[1], found[2])
        raise InstallerError(f"ci/{script} ended with {last!r}, which is no outcome.", f"See ci/{script} --help.")

    @cached_property
    def who(self) -> str:
        """Return who the person is: at the code host, or else as git knows them."""
        with suppress(InstallerError):
            return one_line(self._project.forge.who())
        return self._clone.git("config", "user.name")


_NOBODY = {"user.name": "gitops-flask", "user.email": "gitops-flask@localhost"}
"""Who commits where git does not know the person."""


@contextmanager
def private_clone(project: Project, say: Callable[[str], None]) -> Iterator[Scripts]:
    """Lend a clone that ends with the block, and what its scripts leave; `say` takes each line that they print."""
    with tempfile.TemporaryDirectory(prefix="gitops-flask-", ignore_cleanup_errors=True) as folder:
        scripts = Scripts(project, Path(folder).resolve(), say)
        scripts.prepare()
        yield scripts
