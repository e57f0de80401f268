"""The bare repository of a git server in the cluster: read, and locked, by git itself in the server's pod."""

import getpass
import re
from collections.abc import Iterator
from typing import Any

from ...cluster.kubectl import Cluster
from ...cluster.workloads import rolled_out
from ...config.settings import Settings
from ...support import process
from ...support.errors import InstallerError, reading
from ...support.file_lock import about_to_write
from ...support.process import Result
from ...support.wait import until
from ..base import Commit, DeployKey, DeployKeys
from .api import LATER, Way, exec_in

FOLDER = "/git"
"""Where the pod keeps repositories."""
_NOTES = "refs/gitops-flask/"
_GONE = 3
"""The exit code of our own scripts where what they were asked for is not there."""
_STARTING = re.compile(
    r"unable to upgrade connection|container not found|ContainerCreating|PodInitializing|not have a host assigned"
    r"|current phase is Pending|TLS handshake timeout|connection refused|no running pods|unexpected EOF"
)
_PATIENCE = 20.0
"""Seconds that a pod is given which is just starting."""
_ANSWER = "git's answer"


class LocalGit:
    """One repository at a git server in the cluster. Each question is a `kubectl exec`: a program, and its words."""

    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        self.cluster = cluster
        self.host = settings.host
        self.repository = settings.repository
        self.path = f"{FOLDER}/{settings.repository}.git"
        self._server = settings.git_server
        self._namespace = settings.argocd_namespace
        self._url = settings.clone_url

    @property
    def login(self) -> Way:
        """Return how git pushes to it and fetches from it."""
        inside = exec_in(self.cluster, self._namespace, self._server, "--stdin", "--quiet")
        return Way(self._server, "", {}, lambda _: (LATER, False), self._url, ("kubectl", *inside, "%S", self.path))

    def running(self) -> bool:
        """Return whether the server is there and up: else it is as if nothing were in it, until it is."""
        found = self.cluster.get("deployments.apps", self._server, self._namespace)
        return found is not None and rolled_out(found)

    def git(self, script: str, *words: str, stdin: str = "") -> str | None:
        """Run a line of shell in the repository, with these words; None where it says that nothing is there."""
        if not self.running():
            return None
        options = ["--stdin"] if stdin else []
        arguments = exec_in(self.cluster, self._namespace, self._server, *options)
        line = f"cd {self.path} || exit 1; {script}"
        answer = Result(1, "", "")

        def answered() -> bool:
            nonlocal answer
            answer = process.attempt("kubectl", *arguments, "sh", "-c", line, "sh", *words, stdin=stdin, timeout=60)
            return not (answer.status and _STARTING.search(answer.err))

        until(answered, _PATIENCE, every=1.0)
        if answer.status == _GONE:
            return None
        if answer.status:
            raise self.cluster.failure(answer, f"kubectl exec deployment/{self._server}")
        return answer.out

    # --- the repository, as every verb reads it ---------------------------------------------------

    def who(self) -> str:
        """Return who this is: nobody logs in there by a name."""
        return process.attempt("git", "config", "user.name").out.strip() or getpass.getuser()

    def find(self) -> dict[str, Any] | None:
        """Return the repository, or None."""
        return {"full_name": self.repository} if self.running() else None

    def head(self, branch: str) -> str | None:
        """Return the commit at a branch's head, or None."""
        found = self.git(f'git rev-parse --verify --quiet "refs/heads/$1" || exit {_GONE}', branch)
        return found.strip() if found else None

    def file(self, path: str, ref: str) -> str | None:
        """Return a file's text at a commit or branch, or None."""
        blob = f'test "$(git cat-file -t "$1:$2" 2>&1)" = blob || exit {_GONE}'
        return self.git(f'{blob}; git cat-file blob "$1:$2"', ref, path)

    def top(self, ref: str) -> dict[str, str]:
        """Return the names at the top of a commit or branch, each with what it is; none where it is not there."""
        there = f'git rev-parse --verify --quiet "$1^{{commit}}" >&2 || exit {_GONE}'
        found: dict[str, str] = {}
        with reading(_ANSWER):
            for entry in filter(None, (self.git(f'{there}; git ls-tree -z "$1"', ref) or "").split("\0")):
                about, _, name = entry.partition("\t")
                mode, kind, _ = about.split()
                found[name] = "file" if mode in ("100644", "100755") else kind
        return found

    def branches(self) -> dict[str, str]:
        """Return the branches, each with the commit at its head."""
        listed = self.git("git for-each-ref --format='%(refname:lstrip=2) %(objectname)' refs/heads") or ""
        with reading(_ANSWER):
            return dict(line.split() for line in listed.splitlines())

    def tags(self) -> list[str]:
        """Return the names of the tags."""
        return (self.git("git for-each-ref --format='%(refname:lstrip=2)' refs/tags") or "").split()

    def commits(self, branch: str) -> Iterator[Commit]:
        """Walk along a branch, newest first."""
        there = f'git rev-parse --verify --quiet "refs/heads/$1" >&2 || exit {_GONE}'
        listed = self.git(f'{there}; git log -z --format="%H%n%cI%n%B" "refs/heads/$1" --', branch) or ""
        for entry in filter(None, listed.split("\0")):
            with reading(_ANSWER):
                sha, date, message = entry.split("\n", 2)
            yield Commit(sha, message, date)

    def count(self, newer: str, older: str) -> int:
        """Return how many commits one has that an older one has not; none where the server is not up."""
        listed = self.git('git rev-list --count "$2..$1" --', newer, older)
        with reading(_ANSWER):
            return int(listed or "0")

    def check(self, revision: str, name: str, app: str = "") -> str:
        """Return nothing: no CI reports checks here."""
        return ""

    def note(self, name: str) -> "RefNote":
        """Return the note of a name: a ref, and in its commit's message the text."""
        return RefNote(self, name)

    def notes(self, prefix: str) -> dict[str, tuple[str, float]]:
        """Return the texts of all notes whose names begin so, and their ages: both times are the pod's own."""
        form = "%(refname) %(committerdate:unix) %(contents:subject)"
        listed = self.git(f"date +%s; git for-each-ref --format='{form}' {_NOTES}") or ""
        with reading(_ANSWER):
            now, *lines = listed.splitlines() or ["0"]
            parts = [line.split(" ", 2) for line in lines]
            named = [(ref.removeprefix(_NOTES), text, float(now) - float(at)) for ref, at, text in parts]
        return {name: (text, age) for name, text, age in named if name.startswith(prefix)}

    def variables(self) -> dict[str, str]:
        """Return none: whose the server is, its own labels say."""
        return {}

    def redirects_here(self, address: str) -> bool:
        """Return that no other address leads here."""
        return False


class RefNote:
    """A ref beside the branches, which git changes only from what it was: of two that write at once, one is refused."""

    def __init__(self, repository: LocalGit, name: str) -> None:
        self._repository = repository
        self._ref = f"{_NOTES}{name}"
        server = repository.login.kubectl
        where = " ".join(word for word in server[:-2] if word not in ("--stdin", "--quiet"))
        self.removed_by = f"{where} git --git-dir {repository.path} update-ref -d {self._ref}"

    def read(self) -> str | None:
        """Return the text, or None."""
        there = f'git rev-parse --verify --quiet "$1" >&2 || exit {_GONE}'
        found = self._repository.git(f'{there}; git log -1 --format=%s "$1" --', self._ref)
        return found.strip() if found is not None else None

    def make(self, text: str) -> None:
        """Write it where there is none."""
        if self._write(text, before="none=0000000000000000000000000000000000000000") is None:
            raise InstallerError(f"The git server of {self._repository.repository} is not up.", "Run this again.")

    def renew(self, text: str) -> bool:
        """Write it again; False where it is gone."""
        return self._write(text, before=f'none=$(git rev-parse --verify --quiet "$1") || exit {_GONE}') is not None

    def delete(self) -> None:
        """Remove it; one that is gone already is fine."""
        about_to_write()
        self._repository.git('git update-ref -d "$1"', self._ref)

    def _write(self, text: str, before: str) -> str | None:
        about_to_write()
        who = "GIT_AUTHOR_NAME=gitops-flask GIT_AUTHOR_EMAIL=gitops-flask GIT_COMMITTER_NAME=gitops-flask"
        made = f"{who} GIT_COMMITTER_EMAIL=gitops-flask git commit-tree $(git mktree </dev/null) -F -"
        return self._repository.git(
            f'{before}; new=$({made}) && git update-ref "$1" "$new" "$none"', self._ref, stdin=text
        )


class NoKeys(DeployKeys):
    """Deploy keys where nobody needs one: the server lets anyone in the cluster read."""

    def __init__(self) -> None:
        super().__init__(None)

    def list(self) -> list[DeployKey]:
        """Return none."""
        return []

    def _read(self, found: dict[str, Any]) -> DeployKey:
        raise InstallerError(f"A git server in the cluster has no deploy keys, so not {found} either.")

    def add(self, title: str, public: str) -> None:
        """Refuse: nothing here asks for a key."""
        self._read({"title": title})
