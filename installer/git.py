"""Git's edge: the project's own clone, and the one push that fills a new repository."""

from collections.abc import Mapping
from pathlib import Path

from . import shell
from .errors import InstallerError

# `gh` answers git's question for a password, with the token from its environment: none in argv, URL or .git/config.
_LOGIN = ("-c", "credential.helper=", "-c", "credential.helper=!gh auth git-credential")


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

    def push(self, url: str, branch: str, env: Mapping[str, str]) -> None:
        """Push the checked-out commit to a branch that is not there yet; never by force."""
        self._git(*_LOGIN, "push", url, f"HEAD:refs/heads/{branch}", env=env, timeout=180)
        self._git("fetch", "--quiet", ".", f"+HEAD:refs/remotes/origin/{branch}")
        shell.attempt("git", "branch", f"--set-upstream-to=origin/{branch}", cwd=self._project)


def _plain(url: str) -> str:
    """Reduce the ways to write one repository's address to one, `host/owner/name`, and drop any password in it."""
    address = url.partition("://")[2] or url
    address = address.rpartition("@")[2]
    return address.removesuffix("/").removesuffix(".git").replace(":", "/").casefold()
