"""Git's edge: the project's own clone, and the one push that fills a new repository."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import shell
from .errors import CommandFailed, DeadlinePassed, InstallerError
from .refused import said_to_a_program
from .secret import redact
from .turn import Files
from .wait import pause
from .writing import about_to_write

SILENCE = 30
"""Seconds without a byte after which a push is given up."""
PAUSES = (1.0, 3.0)
"""Seconds before a push that was cut is tried again: one that arrived is found to be there."""


@dataclass(frozen=True)
class Login:
    """Who answers git's question for a password, from the environment: none is in argv, URL or .git/config."""

    host: str
    """The one host whose password the helper is asked for, and only by https: a redirect may lead anywhere."""
    helper: str
    environment: Mapping[str, str]
    said: Callable[[str], tuple[str, bool]] = said_to_a_program
    """Returns the way out of what git printed, and whether trying again at once may help."""

    @property
    def options(self) -> tuple[str, ...]:
        """Return what lets git ask this helper and no other, and nobody at all for another host."""
        own = f"credential.https://{self.host}.helper"
        return ("-c", "credential.helper=", "-c", f"{own}=", "-c", f"{own}={self.helper}")

    @property
    def variables(self) -> dict[str, str]:
        """Return git's environment: what the helper reads, and that no person is asked instead."""
        return {**self.environment, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": ""}

    def way_out(self, output: str) -> tuple[str, bool]:
        """Return the way out of what git printed, and whether trying again at once may help."""
        led = re.search(r"could not read \w+ for '(https?://[^/\s']+)", output)
        if led and led[1].casefold() != f"https://{self.host}".casefold():
            return f"{self.host} leads git to {led[1]}, which gets no login: is that a proxy's doing?", False
        return self.said(output)


class Clone:
    """The git repository that the project's folder is."""

    def __init__(self, project: Path) -> None:
        self._project = project

    def _git(self, *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 60) -> str:
        return shell.run("git", *arguments, cwd=self._project, env=env, timeout=timeout).strip()

    def head(self) -> str:
        """Return the commit that is checked out."""
        if shell.attempt("git", "rev-parse", "--show-toplevel", cwd=self._project).out.strip() != str(
            self._project.resolve()
        ):
            raise InstallerError(
                f"{self._project.resolve()} is no git repository of its own.",
                "Make one: git init -b main && git add . && git commit -m 'Start'",
            )
        result = shell.attempt("git", "rev-parse", "--verify", "--quiet", "HEAD^{commit}", cwd=self._project)
        if result.status:
            raise InstallerError("The project has no commit yet.", "git add . && git commit -m 'Start'")
        return result.out.strip()

    def check_origin(self, url: str) -> bool:
        """Tell whether `origin` is this repository already; raise where it is another one, which is left."""
        present = shell.attempt("git", "remote", "get-url", "origin", cwd=self._project).out.strip()
        if present and _plain(present) != _plain(url):
            raise InstallerError(
                f"The remote `origin` is {_plain(present)}, not {url}.",
                f"git remote rename origin other, or: git remote set-url origin {url}",
            )
        return bool(present)

    def connect(self, url: str) -> None:
        """Call the repository `origin`."""
        if not self.check_origin(url):
            self._git("remote", "add", "origin", url)

    def follow(self, branch: str) -> None:
        """Let the branch that is checked out follow a branch of `origin`, there already or not."""
        here = shell.attempt("git", "symbolic-ref", "--quiet", "--short", "HEAD", cwd=self._project).out.strip()
        if here:
            self._git("config", f"branch.{here}.remote", "origin")
            self._git("config", f"branch.{here}.merge", f"refs/heads/{branch}")

    def push(self, url: str, branch: str, login: Login, inherit: Files = ()) -> None:
        """Push the checked-out commit to a branch that is not there yet; never by force."""
        for wait in (*PAUSES, None):
            about_to_write()
            try:
                arguments = (*login.options, *_patience(), "push", url, f"HEAD:refs/heads/{branch}")
                answer = shell.attempt(
                    "git", *arguments, cwd=self._project, env=login.variables, timeout=180, inherit=inherit
                )
            except DeadlinePassed as error:
                fix = "Check the network and any proxy, then run this again."
                raise DeadlinePassed(f"git push {url}", 180, error.last_seen, fix) from None
            if answer.status == 0:
                break
            fix, again = login.way_out(answer.err)
            if self._arrived(url, branch, login):  # its answer was lost
                break
            if wait is None or not again:
                raise CommandFailed(f"git push {url} {branch}", answer.status, redact(answer.err), fix)
            pause(wait)
        self._git("fetch", "--quiet", ".", f"+HEAD:refs/remotes/origin/{branch}")

    def _arrived(self, url: str, branch: str, login: Login) -> bool:
        """Tell whether the branch is where the push was to take it."""
        ask = (*login.options, *_patience(), "ls-remote", url, f"refs/heads/{branch}")
        there = shell.attempt("git", *ask, env=login.variables, cwd=self._project)
        return there.status == 0 and there.out.split()[:1] == [self.head()]


def _patience() -> tuple[str, ...]:
    return ("-c", "http.lowSpeedLimit=1", "-c", f"http.lowSpeedTime={SILENCE}")


def _plain(url: str) -> str:
    """Reduce the ways to write one repository's address to one, `host/owner/name`, and drop any password in it."""
    address = url.partition("://")[2] or url
    address = address.rpartition("@")[2]
    return address.removesuffix("/").removesuffix(".git").replace(":", "/").casefold()
