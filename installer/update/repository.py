"""The project's git repository, as an update uses it: the folder's files, the index and HEAD stay as they are."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ..config.settings import RENDERED
from ..forges.git import committer
from ..support import process
from ..support.errors import CommandFailed
from ..support.secret import NOBODY, redact

Entry = tuple[str, str]
"""A file in a tree: its mode and its object."""
GONE: Entry = ("0", "")
_OURS = (f"core.hooksPath={os.devnull}", "commit.gpgSign=false", "push.gpgSign=false", "push.followTags=false",
         "push.pushOption=", "push.recurseSubmodules=no", "fetch.recurseSubmodules=no",
         "log.showSignature=false")  # fmt: skip
"""What a person's settings must not change: what runs, what is sent, and what git prints."""
_DEFAULTS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1"}
_PLAIN = ("core.autocrlf=false", "core.excludesFile=" + os.devnull, "merge.renames=true", "merge.directoryRenames=true",
          "merge.conflictStyle=merge", "merge.renameLimit=10000", "core.quotePath=false")  # fmt: skip


def index_info(entries: Mapping[str, Entry], like: str) -> str:
    """Return what `git update-index` reads; `like` is any object, as long as all of that repository are."""
    return "".join(f"{mode} {blob or '0' * len(like)}\t{path}\0" for path, (mode, blob) in entries.items())


def _set(options: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for each in options for word in ("-c", each))


class Repository:
    """Git in one folder. No hook runs and nothing is signed: both are for what people commit."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None, options: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.env = dict(env or {})
        self.options = options

    def attempt(self, *words: str, stdin: str = "", env: Mapping[str, str] | None = None) -> process.Result:
        """Run git and return its answer, whatever its exit status."""
        environment = {"GIT_TERMINAL_PROMPT": "0", **self.env, **(env or {})}
        return process.attempt(
            "git", *_set(_OURS), *self.options, *words, stdin=stdin, cwd=self.folder, env=environment, timeout=180
        )

    def git(self, *words: str, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
        """Run git and return what it printed; raise where it failed."""
        answer = self.attempt(*words, stdin=stdin, env=env)
        if answer.status:
            raise CommandFailed(f"git {' '.join(words)}", answer.status, redact(answer.err or answer.out))
        return answer.out.strip("\n")

    def find(self, revision: str) -> str:
        """Return the commit that a name stands for; empty where there is none."""
        found = self.attempt("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        return "" if found.status else found.out.strip()

    def tree(self, revision: str) -> str:
        """Return the tree of a commit."""
        return self.git("rev-parse", "--verify", f"{revision}^{{tree}}")

    def entries(self, tree: str) -> dict[str, Entry]:
        """Return the files of a tree by path."""
        found = {}
        for line in self.git("ls-tree", "-r", "-z", "--full-tree", tree).split("\0"):
            if line:
                about, _, path = line.partition("\t")
                mode, _, blob = about.split(" ")
                found[path] = (mode, blob)
        return found

    def text(self, revision: str, path: str) -> str | None:
        """Return a file's text at a commit or in a tree, or None."""
        found = self.attempt("cat-file", "blob", f"{revision}:{path}")
        return None if found.status else found.out

    def blob(self, text: str) -> str:
        """Store a text; return its object."""
        return self.git("hash-object", "-w", "--stdin", stdin=text)

    def changed(self, tree: str, changes: Mapping[str, Entry]) -> str:
        """Return a tree with other entries; `GONE` takes one out."""
        if not changes:
            return tree
        with TemporaryDirectory() as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
            self.git("read-tree", tree, env=index)
            self.git("update-index", "-z", "--index-info", stdin=index_info(changes, tree), env=index)
            return self.git("write-tree", env=index)

    def commit(self, tree: str, message: str, *parents: str) -> str:
        """Make a commit that says which tree it was made with: who changes it later does not change that."""
        parts = [word for parent in parents for word in ("-p", parent)]
        words = ("commit-tree", tree, *parts, "-F", "-")
        return self.git(*words, stdin=f"{message}\n\n{RENDERED}: {tree}\n", env=committer(self.attempt))

    def is_untouched(self, commit: str) -> bool:
        """Return whether a commit has the very files that it was made with."""
        said = self.git("show", "--no-patch", "--format=%B", commit)
        named = re.search(rf"^{RENDERED}: (\w+)$", said, re.MULTILINE)
        return named is not None and named[1] == self.tree(commit)

    @contextmanager
    def scratch(self) -> Iterator["Repository"]:
        """Lend an empty repository with a work tree, which stores its objects in this one, under git's own defaults."""
        objects = self.folder / self.git("rev-parse", "--git-path", "objects")
        form = self.git("rev-parse", "--show-object-format")
        with TemporaryDirectory(prefix="gitops-flask-") as folder:
            env = {**_DEFAULTS, **NOBODY, "GIT_OBJECT_DIRECTORY": str(objects.resolve())}
            there = Repository(Path(folder), env, _set(_PLAIN))
            there.git("init", "--quiet", "--template=", f"--object-format={form}", "-b", "project")
            yield there
