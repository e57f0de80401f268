"""Git's edge: the project's own clone, and the one push that fills a new repository."""

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config.settings import MAIN
from ..support import process, proxies, resume_command
from ..support.errors import CommandFailed, DeadlinePassed, InstallerError
from ..support.file_lock import Files, about_to_write
from ..support.secret import NOBODY, redact
from ..support.wait import pause

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
    said: Callable[[str], tuple[str, bool]]
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

    def reaching(self, url: str) -> dict[str, str]:
        """Return the settings of a clone of ours in which no setting of the person leads this address elsewhere."""
        return {f"url.{url}.insteadOf": url}

    def fix_for(self, output: str) -> tuple[str, bool]:
        """Return the way out of what git printed, and whether trying again at once may help."""
        led = re.search(r"could not read \w+ for '(https?://[^/\s']+)", output)
        if led and led[1].casefold() != f"https://{self.host}".casefold():
            return f"{self.host} leads git to {led[1]}, which gets no login: is that a proxy's doing?", False
        if by_proxy := proxies.blamed(output, f"https://{self.host}"):
            return by_proxy, True
        return self.said(output)


def committer(attempt: Callable[..., process.Result]) -> dict[str, str]:
    """Return who commits, for git's environment: nothing where git knows, as `attempt` runs it in its folder."""
    return {} if attempt("var", "GIT_COMMITTER_IDENT").status == 0 else NOBODY


class Clone:
    """The git repository that the project's folder is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def git(self, *arguments: str, **options: Any) -> str:
        """Run git in it and return what it printed, without the blanks around; raise where it failed."""
        return process.run("git", *arguments, cwd=self.folder, **options).strip()

    def attempt(self, *arguments: str, **options: Any) -> process.Result:
        """Run git in it and return its answer, whatever its exit status."""
        return process.attempt("git", *arguments, cwd=self.folder, **options)

    def head(self) -> str:
        """Return the commit that is checked out."""
        top = self.attempt("rev-parse", "--show-toplevel")
        if "safe.directory" in top.err:
            fix = shlex.join(["git", "config", "--global", "--add", "safe.directory", str(self.folder.resolve())])
            raise InstallerError(f"Git does not trust {self.folder.resolve()}: it belongs to another user.", fix)
        if top.out.strip() != str(self.folder.resolve()):
            raise InstallerError(
                f"{self.folder.resolve()} is no git repository of its own.",
                f"Make one: {resume_command.git(self.folder, 'init', '-b', MAIN)} && {self._start()}",
            )
        result = self.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if result.status:
            raise InstallerError("The project has no commit yet.", self._start())
        return result.out.strip()

    def _start(self) -> str:
        """Return the command that makes the first commit."""
        add, commit = (resume_command.git(self.folder, *words) for words in (["add", "."], ["commit", "-m", "Start"]))
        return f"{add} && {commit}"

    def commit(self, name: str) -> str:
        """Return the commit that a name stands for here; empty where it stands for none."""
        answer = self.attempt("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return "" if answer.status else answer.out.strip()

    def changed(self, files: Sequence[str]) -> list[str]:
        """Return those of the files that are not as the commit that is checked out has them."""
        self.head()
        found = self.uncommitted(*files)
        return [file for file in files if file in found]

    def uncommitted(self, *files: str) -> list[str]:
        """Return the files, or those of these, that are not as the commit has them, what git ignores aside."""
        ask = ("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--", *files)
        return [entry[3:] for entry in process.run("git", *ask, cwd=self.folder).split("\0") if entry]

    def follows(self, branch: str) -> bool:
        """Return whether a branch of `origin` is known here."""
        there = ("rev-parse", "--verify", "--quiet", f"refs/remotes/origin/{branch}")
        return self.attempt(*there).status == 0

    def cloned_from(self) -> str:
        """Return the host of `origin`, with its port where that is https's; empty where there is none."""
        if process.missing("git") or not self.folder.is_dir():
            return ""
        address = self.attempt("remote", "get-url", "origin").out.strip().casefold()
        scheme, found, rest = address.partition("://")
        if not found:  # as ssh writes it: git@host:owner/name
            host, colon, _ = address.rpartition("@")[2].partition(":")
            return host if colon and "/" not in host else ""
        host = rest.partition("/")[0].rpartition("@")[2]
        return {"https": host, "ssh": host.partition(":")[0]}.get(scheme, "")

    def check_origin(self, url: str) -> bool:
        """Return whether `origin` is this repository already; raise where it is another one, which is left."""
        present = self.attempt("remote", "get-url", "origin").out.strip()
        if present and _plain(present) != _plain(url):
            raise InstallerError(
                f"The remote `origin` is {_plain(present)}, not {url}.",
                f"{resume_command.git(self.folder, 'remote', 'rename', 'origin', 'other')}, "
                f"or: {resume_command.git(self.folder, 'remote', 'set-url', 'origin', url)}",
            )
        return bool(present)

    def connected(self) -> bool:
        """Return whether there is an `origin`, which the first push makes and a clone has, as far as git can say."""
        return process.missing("git") or not self.attempt("remote", "get-url", "origin").status

    def connect(self, url: str) -> None:
        """Call the repository `origin`."""
        if not self.check_origin(url):
            self.git("remote", "add", "origin", url)

    def follow(self, branch: str) -> None:
        """Let the branch that is checked out follow a branch of `origin`, there already or not."""
        here = self.attempt("symbolic-ref", "--quiet", "--short", "HEAD").out.strip()
        if here:
            self.git("config", f"branch.{here}.remote", "origin")
            self.git("config", f"branch.{here}.merge", f"refs/heads/{branch}")

    def top(self, revision: str = "HEAD") -> dict[str, str]:
        """Return the entries at the top of a commit's files, by their names."""
        listed = filter(None, self.git("ls-tree", "-z", revision).split("\0"))
        return {entry.partition("\t")[2]: entry for entry in listed}

    def merge_beneath(self, url: str, branch: str, login: Login) -> None:
        """Put a branch of the repository, which is unrelated, before what is checked out, in one merge of both.

        Of two files of one name ours stays. What is not committed here is left as it is. Done already, it does nothing.
        """
        follows = f"refs/remotes/origin/{branch}"
        self.fetch(url, f"+refs/heads/{branch}:{follows}", login)
        ours, theirs = self.head(), self.git("rev-parse", "--verify", follows)
        if self.attempt("merge-base", "--is-ancestor", theirs, ours).status == 0:
            return  # an earlier run did it, and ended before its push
        merged = self.top(theirs) | self.top(ours)
        tree = process.run("git", "mktree", "-z", cwd=self.folder, stdin="".join(f"{e}\0" for e in merged.values()))
        made = self._commit(tree.strip(), theirs, ours, f"Merge branch '{branch}' of {url}")
        forward = ("merge", "--quiet", "--ff-only", "--no-verify-signatures", made)
        self.git("-c", f"core.hooksPath={os.devnull}", *forward)

    def _commit(self, tree: str, first: str, second: str, message: str) -> str:
        """Make a merge commit; as the first commit is, it is unsigned where it cannot be signed."""
        about = ("commit-tree", tree, "-p", first, "-p", second, "-m", message)
        reported = self.attempt("config", "--bool", "commit.gpgSign").out.strip()
        env = committer(self.attempt)
        made = self.attempt(*about, *(["-S"] if reported == "true" else []), env=env)
        if made.status and reported == "true":
            made = self.attempt(*about, env=env)
        if made.status:
            fix = "Do what git says, then run this again."
            raise CommandFailed("git commit-tree", made.status, redact(made.err), fix)
        return made.out.strip()

    def _remote(self, login: Login, *arguments: str, **options: Any) -> process.Result:
        """Run a command of git that asks a server, with a login, and return its answer."""
        patience = ("-c", "http.lowSpeedLimit=1", "-c", f"http.lowSpeedTime={SILENCE}")
        return self.attempt(*login.options, *patience, *arguments, env=login.variables, **options)

    def fetch(self, url: str, refs: str, login: Login, *options: str) -> None:
        """Fetch what is there, with the login that pushes."""
        for wait in (*PAUSES, None):
            answer = self._remote(login, "fetch", "--quiet", "--no-tags", *options, url, refs, timeout=180)
            if answer.status == 0:
                return
            fix, again = login.fix_for(answer.err)
            if wait is None or not again:
                raise CommandFailed(f"git fetch {url}", answer.status, redact(answer.err), fix)
            pause(wait)

    def push(self, url: str, branch: str, login: Login, inherit: Files = (), commit: str = "HEAD") -> None:
        """Push a commit to a branch that is not there yet, or that it has behind it; never by force."""
        refs = f"{commit}:refs/heads/{branch}"
        for wait in (*PAUSES, None):
            about_to_write()
            try:
                answer = self._remote(login, "push", url, refs, timeout=180, inherit=inherit)
            except DeadlinePassed as error:
                fix = "Check the network and any proxy, then run this again."
                raise DeadlinePassed(f"git push {url}", 180, error.last_seen, fix) from None
            if answer.status == 0:
                break
            fix, again = login.fix_for(answer.err)
            if hook := self._stopped_by(answer.err):
                manual_step = resume_command.git(self.folder, "push", "--no-verify", url, refs)
                fix, again = f"Your hook {hook} stopped it. Do what it says; or push without it: {manual_step}", False
            if self._arrived(url, branch, login, commit):  # its answer was lost
                break
            if wait is None or not again:
                said = redact(f"{answer.out}{answer.err}")  # a hook may use either
                raise CommandFailed(f"git push {url} {branch}", answer.status, said, fix)
            pause(wait)
        self.git("fetch", "--quiet", ".", f"+{commit}:refs/remotes/origin/{branch}")

    def _stopped_by(self, said: str) -> str:
        """Return the hook that stopped a push before anything was sent; empty where it was something else."""
        path = self.git("rev-parse", "--git-path", "hooks/pre-push")
        ours = "failed to push some refs" in said and "rejected]" not in said
        return path if ours and os.access(self.folder / path, os.X_OK) else ""

    def check_address(self, url: str) -> None:
        """Raise where git's settings lead a push to this address elsewhere, where the token is no login."""
        led, setting = self._led(url)
        if led.partition("://")[0] != url.partition("://")[0] or _plain(led) != _plain(url):
            stay = resume_command.git(self.folder, "config", f"url.{url}.{setting.rpartition('.')[2]}", url)
            raise InstallerError(
                f"Git's setting {_login_free(setting)} leads {url} to {_login_free(led)}, and so the first push.",
                f"Keep the address as it is, in this project alone: {stay}",
            )

    def _led(self, url: str) -> tuple[str, str]:
        """Return where git pushes what is for an address, and the setting that says so: the longest one that fits."""
        pattern = r"^url\..*\.(push)?insteadof$"
        reported = self.attempt("config", "--null", "--get-regexp", pattern).out
        rules = [tuple(rule.split("\n", 1)) for rule in reported.split("\0") if "\n" in rule]
        for kind in ("pushInsteadOf", "insteadOf"):
            fits = [(key, start) for key, start in rules if key.endswith(f".{kind.lower()}") and url.startswith(start)]
            if fits:
                key, start = max(fits, key=lambda rule: len(rule[1]))
                base = key.removeprefix("url.").rpartition(".")[0]
                return base + url[len(start) :], f"url.{base}.{kind}"
        return url, ""

    def _arrived(self, url: str, branch: str, login: Login, commit: str) -> bool:
        """Return whether the branch is where the push was to take it."""
        there = self._remote(login, "ls-remote", url, f"refs/heads/{branch}")
        return there.status == 0 and there.out.split()[:1] == [self.commit(commit)]


def _login_free(text: str) -> str:
    """Drop the login from the addresses in a text: a token may stand alone there, without a colon."""
    return re.sub(r"(?<=://)[^/@\s]*:[^/\s]*@|(?<=http://)[^/\s]*@|(?<=https://)[^/\s]*@", "", text)


def _plain(url: str) -> str:
    """Reduce the ways to write one repository's address to one, `host/owner/name`, and drop any password in it."""
    address = url.partition("://")[2] or url
    address = address.rpartition("@")[2]
    return address.removesuffix("/").removesuffix(".git").replace(":", "/").casefold()
