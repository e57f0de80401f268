"""The deployments of the past, as commits on `env/dev`, and which of them a rollback brings back."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from ..forges.base import Commit
from ..project.project import Project
from ..support.errors import InstallerError
from ..support.plain_text import one_line
from .deployment_record import DeploymentRecord, at

_TRAILER = re.compile(r"^Argocd-reference-commit-(\w+): (.*)$", re.MULTILINE)
_DEPLOYED_BY = re.compile(r"^Deployed-by: (.*)$", re.MULTILINE)
_FORM = re.compile(r"[0-9a-f]{4,40}")


@dataclass(frozen=True)
class PastDeployment:
    """One commit of `env/dev` in words; the record itself is read only where it is needed."""

    commit: str
    revision: str
    """By its trailer; empty for a commit that was made manually."""
    subject: str
    when: str
    deployed_by: str = ""
    """Who deployed it without the CI, and why."""

    def __str__(self) -> str:
        by = f" by {self.deployed_by}" if self.deployed_by else ""
        return f"{self.revision[:12]} {self.subject} (deployed {self.when}{by})"


def commits(project: Project) -> Iterator[PastDeployment]:
    """Walk along `env/dev`, newest first."""
    for found in project.forge.commits(project.settings.branch):
        yield _past(found)


def _past(found: Commit) -> PastDeployment:
    trailers = dict(_TRAILER.findall(found.message))
    subject = trailers.get("subject") or found.message.partition("\n")[0]
    return PastDeployment(
        found.sha,
        one_line(trailers.get("sha", ""), 64),
        one_line(subject, 100),
        one_line(found.date, 40),
        one_line("".join(_DEPLOYED_BY.findall(found.message)[:1])),
    )


def previous(project: Project, now: DeploymentRecord) -> PastDeployment:
    """Return the deployment before the current one, as `ci/rollback` finds it: what was rolled back is passed over."""
    skip_to = ""
    for past in commits(project):
        record = at(project, past.commit)
        if skip_to and record.revision != skip_to:
            continue
        skip_to = record.revision if record.hold else ""
        if record.revision and record.revision != now.revision:
            return PastDeployment(past.commit, record.revision, past.subject, past.when)
    raise InstallerError(
        f"There is nothing to go back to: before {now.revision[:12]} nothing was deployed.",
        "Fix it by a pull request instead.",
    )


def named(project: Project, prefix: str) -> PastDeployment:
    """Return the newest deployment of a source commit, by its name or the beginning of it."""
    if not _FORM.fullmatch(prefix):
        raise InstallerError(f"{prefix!r} is no commit.", "Give 4 to 40 characters of its hexadecimal name.")
    found = next((past for past in commits(project) if past.revision.startswith(prefix)), None)
    if found is None:
        latest = "\n  ".join(map(str, islice(commits(project), 10)))
        branch = project.settings.branch
        raise InstallerError(f"No revision {prefix} was deployed to {branch}.", f"The latest deployments:\n  {latest}")
    return found
