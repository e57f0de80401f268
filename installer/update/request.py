"""Where an update is put: on a branch and into a request at the code host, or on a branch of this clone alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..config.settings import MAIN, TEMPLATE
from ..forges.base import ChangeRequest, Requests
from ..forges.git import Login
from ..support.errors import CommandFailed, InstallerError
from ..support.file_lock import about_to_write
from ..support.secret import redact
from .repository import Repository
from .update import UPDATE, Update

BRANCH = "gitops-flask/update"
_THERE = "refs/remotes/origin"
_MARK = re.compile(r"\n*<!-- gitops-flask template (\S+) -->\s*$")
_BY_RULE = re.compile(r"protected branch|rule violations", re.IGNORECASE)
"""What code hosts say to git where a rule forbids a push."""
_LONGEST = 20_000
"""Characters of a changelog in a request: GitHub takes 65,536 in all."""


def text(update: Update) -> str:
    """Return what a request says: what the template changed, what to look at, and why."""
    before = f" by {update.before.version}" if update.before.version != update.now.version else ""
    made = f"This project was made{before} from {update.now.template or 'its template'}"
    parts = [f"{made}; this brings it to {update.now.version}. Merge it in any way, with other changes as well."]
    if update.merged.conflicts:
        parts += ["## Conflicts", "Check out this branch, resolve git's markers in these files, and push:"]
        parts.append(_list(update.merged.conflicts))
    if update.news:
        parts += ["## Answers", _list(update.news)]
    if update.merged.notes:
        parts += ["## Not as in the template", _list(update.merged.notes)]
    if update.changelog:
        log = re.sub(r"^#", "##", update.changelog, flags=re.MULTILINE)
        parts += ["## Changes of the template", log if len(log) < _LONGEST else f"{log[:_LONGEST]}\n…"]
    parts += ["## Files that the template changed", _list([f"`{path}`" for path in update.changed[:200]])]
    parts.append(f"Close it to skip this version. `{UPDATE} --abort` takes it back.")
    return "\n\n".join(parts) + f"\n\n<!-- gitops-flask template {update.now.version} -->\n"


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def title(update: Update) -> str:
    """Return a request's title."""
    conflicts = len(update.merged.conflicts)
    ready = "" if not conflicts else f" ({conflicts} conflict{'' if conflicts == 1 else 's'})"
    return f"Update from the template, {update.now.version}{ready}"


def _is_untouched(repository: Repository, main: str, branch: str) -> bool:
    """Return whether a branch has this tool's one commit and nothing else that main has not."""
    commits = repository.git("rev-list", f"{main}..{branch}").split()
    return not commits or (len(commits) == 1 and repository.is_untouched(commits[0]))


def _refuse_to_overwrite(repository: Repository, main: str, branch: str, where: str) -> None:
    if not _is_untouched(repository, main, branch):
        what = f"There is work of others on {BRANCH} ({where}): nothing was changed."
        raise InstallerError(what, f"Merge it first, or take it back with that work: {UPDATE} --abort")


@dataclass(frozen=True)
class Local:
    """A clone of a project that no code host keeps, or for which there is no token."""

    repository: Repository

    def main(self) -> str:
        """Return the commit of main."""
        names = (f"refs/heads/{MAIN}", f"{_THERE}/{MAIN}", "HEAD")
        return next(filter(None, map(self.repository.find, names)))

    def propose(self, update: Update, *, again: bool) -> str:
        """Put the update on a branch; return what to do with it."""
        main, there = self.main(), self.repository.find(f"refs/heads/{BRANCH}")
        if there:
            _refuse_to_overwrite(self.repository, main, there, "a branch of this clone")
        for name, commit in ((TEMPLATE, update.pristine), (BRANCH, update.commit)):
            self._branch(f"move the branch {name}", "--force", "--no-track", name, commit)
        steps = "resolve the conflicts, commit, and merge it" if update.merged.conflicts else "merge it"
        return f"It is on the branch {BRANCH}: git switch {BRANCH}, {steps}."

    def abort(self) -> str:
        """Delete the branch; return what was done."""
        there = self.repository.find(f"refs/heads/{BRANCH}")
        if not there:
            return "There is no update to take back."
        self._branch(f"delete {BRANCH}", "--delete", "--force", BRANCH)
        return f"Deleted the branch {BRANCH} (it was {there})."

    def _branch(self, doing: str, *words: str) -> None:
        done = self.repository.attempt("branch", *words)
        if done.status:
            fix = f"Switch to another branch there: git switch {MAIN}"
            raise InstallerError(f"git cannot {doing}: {done.err.strip()}", fix)


@dataclass(frozen=True)
class Hosted:
    """A project at its code host: its main is updated, by a request from a branch of its own."""

    repository: Repository
    url: str
    login: Login
    requests: Requests

    @cached_property
    def _remote(self) -> Repository:
        """Return git that logs in as the installer does."""
        return Repository(self.repository.folder, self.login.variables, self.login.options)

    def main(self) -> str:
        """Fetch main and the template's branches; return the commit of main."""
        branches = [f"+refs/heads/{each}:{_THERE}/{each}" for each in (MAIN, "gitops-flask/*")]
        self._ask("fetch", "--quiet", "--no-tags", "--prune", self.url, *branches)
        return self.repository.find(f"{_THERE}/{MAIN}")

    def propose(self, update: Update, *, again: bool) -> str:
        """Push the update, and open a request or bring the open one up to date; return what was done."""
        every = self.requests.of(BRANCH)
        now, version = next((each for each in every if each.is_open), None), update.now.version
        if not now and not again and (declined := _declined(every, version)):
            return f"{version} was declined: {declined.url}. To propose it all the same: {UPDATE} --to {version}"
        there, main = self.repository.find(f"{_THERE}/{BRANCH}"), self.main()
        if there and (now or not every):
            _refuse_to_overwrite(self.repository, main, there, now.url if now else self.url)
        draft, replaced = bool(update.merged.conflicts), ""
        if not self._is_the_same(there, update):
            about_to_write()
            if there and not _is_untouched(self.repository, main, there):
                replaced = f" ({BRANCH} had been {there}, with work of others)"
            lease = f"--force-with-lease=refs/heads/{BRANCH}:{there}"
            # a + would undo the lease
            refs = (f"{update.pristine}:refs/heads/{TEMPLATE}", f"{update.commit}:refs/heads/{BRANCH}")
            self._ask("push", "--quiet", "--no-verify", "--atomic", lease, self.url, *refs)
            self.main()
        if now:
            self.requests.change(now.number, title(update), text(update), draft=draft)
            return f"Brought up to date: {now.url}"
        made = self.requests.open(BRANCH, title(update), text(update), draft=draft)
        return f"Opened {'a draft' if draft else f'a {self.requests.called}'}: {made.url}{replaced}"

    def _is_the_same(self, there: str, update: Update) -> bool:
        """Return whether the branch has this update already, on the same main."""
        if not there or self.repository.tree(there) != self.repository.tree(update.commit):
            return False
        return self.repository.find(f"{there}^") == self.repository.find(f"{update.commit}^")

    def abort(self) -> str:
        """Close the request and delete its branch; return what was done. It is no refusal of the version."""
        self.main()
        now = next((each for each in self.requests.of(BRANCH) if each.is_open), None)
        there = self.repository.find(f"{_THERE}/{BRANCH}")
        if now:
            self.requests.close(now.number, _MARK.sub("", now.text))
        if there:
            about_to_write()
            lease = f"--force-with-lease=refs/heads/{BRANCH}:{there}"
            self._ask("push", "--quiet", "--no-verify", lease, self.url, f":refs/heads/{BRANCH}")
            self.main()
        if not (now or there):
            return "There is no update to take back."
        return f"{f'Closed {now.url}; deleted' if now else 'Deleted'} the branch {BRANCH} (it was {there})."

    def _ask(self, *words: str) -> None:
        done = self._remote.attempt(*words)
        if done.status:
            by_rule = f"A rule forbids it: have somebody run this who may push {TEMPLATE} and {BRANCH}, or except them."
            fix = by_rule if _BY_RULE.search(done.err) else self.login.fix_for(done.err)[0]
            if "(stale info)" in done.err:
                fix = f"Somebody pushed {BRANCH} meanwhile: run this again."
            raise CommandFailed(f"git {words[0]} {self.url}", done.status, redact(done.err), fix)


def _declined(every: Sequence[ChangeRequest], version: str) -> ChangeRequest | None:
    """Return the request in which a version was declined: it was closed and not merged."""
    for each in every:
        if not each.is_open and not each.merged and (mark := _MARK.search(each.text)) and mark[1] == version:
            return each
    return None
