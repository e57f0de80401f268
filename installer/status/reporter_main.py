"""The reporter, as it runs in the cluster: it looks at the service, and closes the Deployment of what was deployed.

It remembers nothing that matters: what GitHub shows already it reads before it writes, so that a restart says nothing
twice. While nothing happens it asks GitHub nothing.
"""

import os
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..forges.github.app_client import AppGitHub, Mounted
from ..support.errors import InstallerError
from ..support.plain_text import one_line, plain
from ..support.secret import redact
from ..support.wait import pause
from .close_deployment import close
from .deployment_status import Service, assess
from .github_deployments import GitHub
from .in_cluster import ACCOUNT, ApiServer, ServiceInCluster
from .sync_state import SyncState

EVERY = float(os.environ.get("EVERY", "2"))
"""Seconds between two looks at the Application."""
QUIET = 15.0
"""Seconds between two looks at the pods, where all is said and the Application shows nothing new."""
REPAIR = float(os.environ.get("REPAIR", "15"))
"""Seconds of rest after GitHub or the API server failed."""
# as `ci/deploy` writes it; what others write is not understood, and nothing is said of it
_REVISION = re.compile(r'^revision: "([0-9a-f]{40,64})"$', re.MULTILINE)
_DIGEST = re.compile(r'^  digest: "(sha256:[0-9a-f]{64})"$', re.MULTILINE)


class Files(GitHub, Protocol):
    """A GitHub that files can be read from, too."""

    def file(self, path: str, ref: str) -> str:
        """Return a file's text at a commit; empty where it is not there."""


@dataclass(frozen=True)
class RecordedDeployment:
    """What one commit of the environment's branch records."""

    commit: str
    revision: str
    digest: str

    @classmethod
    def at(cls, github: Files, commit: str) -> "RecordedDeployment":
        """Read it; its revision is empty where it records none."""
        text = github.file("image.yaml", commit)
        revision, digest = _REVISION.search(text), _DIGEST.search(text)
        return cls(commit, revision[1] if revision else "", digest[1] if digest else "")


@dataclass(frozen=True)
class Place:
    """Which environment this is about."""

    environment: str
    branch: str


class Reporter:
    """One look after the other; each asks for no more than may have changed."""

    def __init__(self, github: Files, service: Service, place: Place, say: Callable[[str], None]) -> None:
        self._github = github
        self._service = service
        self._place = place
        self._say = say
        self._record: RecordedDeployment | None = None
        self._picture: SyncState | None = None
        self._next = 0.0
        self._said: tuple[str, str] | None = None
        self._last = ""

    def look(self) -> None:
        """Look at the Application; where it is another one, or it is time, at the pods; and report the outcome."""
        synced = self._service.sync_state()
        if synced == self._picture and time.monotonic() < self._next:
            return
        self._picture, self._next = synced, time.monotonic() + REPAIR
        if synced is None:
            return
        # of a chart that it cannot render Argo CD does not say which commit has it
        commit = synced.revision or (self._github.head(self._place.branch) if synced.unrendered else "")
        if not commit:
            return
        if self._record is None or self._record.commit != commit:
            self._record, self._said = RecordedDeployment.at(self._github, commit), None
        if self._record.revision:
            self._next = time.monotonic() + self._report(self._record, unrendered=not synced.revision)

    def _report(self, record: RecordedDeployment, *, unrendered: bool) -> float:
        """Report the outcome where it is not reported yet; return how long nothing is to be done."""
        outcome = assess(self._service, record)
        if outcome is None and not unrendered:
            return 0.0
        said = (outcome.state, outcome.kind) if outcome else ("failure", "chart")
        if said == self._said:
            return QUIET
        reported = close(self._github, self._service, self._place, record, self._say)
        if reported.news and reported.text != self._last:
            self._say(f"{record.revision[:12]}: {reported.text}")
        self._last = reported.text
        if reported.done:
            self._said = said
        return QUIET if reported.done else REPAIR


def run(reporter: Reporter, say: Callable[[str], None], mark: Path) -> None:
    """Look again and again; what fails is said once, and tried again."""
    last = ""
    while True:
        try:
            reporter.look()
        except InstallerError as error:
            if error.message != last:
                say(error.message)
            last = error.message
            pause(REPAIR)
        else:
            last = ""
            mark.touch()
            pause(EVERY)


def _say(text: str) -> None:
    print(time.strftime("%H:%M:%S", time.gmtime()), one_line(plain(redact(text)), 1000), flush=True)


def main() -> None:
    """Report for the project that the environment names, until the end of the pod."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    given = os.environ
    authority = Path(given["AUTHORITY"]).read_text(encoding="utf-8") if given.get("AUTHORITY") else ""
    github = AppGitHub(given["API"], given["GITHUB"], given["REPOSITORY"], Mounted(Path(given["APP"])), authority)
    account = Path(given.get("ACCOUNT", ACCOUNT))
    service = ServiceInCluster(ApiServer(account), given["APPLICATION"], given["NAMESPACE"], given["SLUG"])
    place = Place(given["ENVIRONMENT"], given["BRANCH"])
    while True:  # ready only once GitHub has let the App in
        try:
            github.head(place.branch)
            break
        except InstallerError as error:
            _say(error.message)
            pause(REPAIR)
    run(Reporter(github, service, place, _say), _say, Path(given["MARK"]))


if __name__ == "__main__":
    main()
