"""What was deployed: the record on `env/dev`, the run that writes it, and the records before it."""

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import yaml

from ..ci import base
from ..config.settings import CI_TOKENS
from ..config.settings_file import load_yaml
from ..project.project import Project
from ..support.errors import UNREADABLE, DeadlinePassed, InstallerError
from ..support.plain_text import one_line
from ..support.resume_command import command
from ..support.wait import until
from .service import DeploymentRecord

_TRAILER = re.compile(r"^Argocd-reference-commit-(\w+): (.*)$", re.MULTILINE)
_DEPLOYED_BY = re.compile(r"^Deployed-by: (.*)$", re.MULTILINE)
_FORM = re.compile(r"[0-9a-f]{4,40}")


def read(project: Project) -> DeploymentRecord | None:
    """Read the record at the head of `env/dev`; None where nothing was deployed yet; raise where it is unreadable."""
    record = newest(project)
    if record and record.unreadable:
        fix = f"The deployment before it comes back, held until you release it: {command('rollback', project.folder)}"
        raise InstallerError(record.unreadable, fix)
    return record


def newest(project: Project) -> DeploymentRecord | None:
    """Read the record at the head of `env/dev`, readable or not; None where nothing was deployed yet."""
    commit = project.forge.head(project.settings.branch)
    return None if commit is None else at(project, commit)


def at(project: Project, commit: str) -> DeploymentRecord:
    """Read what one commit records; its revision is empty where it records none."""
    tree, wrong = _mapping(project, "image.yaml", commit)
    image = tree.get("image")
    image = image if isinstance(image, dict) else {}
    revision = _name(tree.get("revision"))
    if not revision and not wrong:
        wrong = f"image.yaml on {project.settings.branch} ({commit[:12]}) names no revision."
    held, no_hold = _mapping(project, "hold.yaml", commit)
    who, since, why = (_words(held.get(each)) for each in ("who", "since", "why"))
    return DeploymentRecord(
        commit,
        revision=revision,
        hold=f"{who}, since {since}: {why}" if held or no_hold else "",
        image=_name(image.get("repository")),
        digest=_name(image.get("digest")),
        unreadable=wrong or no_hold,
        architectures=_names(image.get("architectures")),
        rolled_back=_name(held.get("bad")),
    )


def _mapping(project: Project, file: str, commit: str) -> tuple[dict[Any, Any], str]:
    """Read a file of a commit, or say why it cannot be: whoever may write to the branch wrote it, perhaps manually."""
    text = project.forge.file(file, commit)
    try:
        tree = load_yaml(text or "")
    except (yaml.YAMLError, *UNREADABLE) as error:
        return {}, f"{file} on {project.settings.branch} ({commit[:12]}) is no YAML: {one_line(str(error))}"
    if isinstance(tree, dict):
        return tree, ""
    return {}, f"{file} on {project.settings.branch} ({commit[:12]}) holds no fields." if text is not None else ""


def _name(value: object) -> str:
    """Return a name that has no blank, and nothing in it that cannot be seen; empty where it is none."""
    return value if isinstance(value, str) and value.isprintable() and " " not in value else ""


def _names(value: object) -> tuple[str, ...]:
    return tuple(filter(None, map(_name, value))) if isinstance(value, list) else ()


def _words(value: object) -> str:
    """Return what somebody wrote into a field that is one line."""
    return one_line(str(value)) if isinstance(value, str | int | datetime.date) else "?"


def wait(
    project: Project, seconds: float, say: Callable[[str], None], blocking_reason: Callable[[Project], str]
) -> DeploymentRecord:
    """Wait for the first deployment; a failed run ends the wait with its last lines, or its `blocking_reason`."""
    state = ""

    def look() -> DeploymentRecord | None:
        nonlocal state
        run = project.ci.newest()  # before the record: a run may end between the two
        record = read(project)
        if record:
            return record
        state = base.in_words(project.ci, run)
        say(state)
        if run and run.over:
            logs = project.ci.failing_logs(run) or blocking_reason(project)
            reported = f"{state} without a deployment: {run.url}"
            raise InstallerError(f"{reported}\n{logs}".rstrip(), "Fix what it names, then run this again.")
        return None

    # of the requests that GitHub counts, one look at a commit's statuses takes more than one at a run
    found = until(look, seconds, every=3.0 if project.settings.ci in CI_TOKENS else 1.0)
    if found is None:
        raise DeadlinePassed("The first deployment", seconds, state, f"See {project.ci.page}")
    return found


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
        trailers = dict(_TRAILER.findall(found.message))
        subject = trailers.get("subject") or found.message.partition("\n")[0]
        yield PastDeployment(
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
    what = f"There is nothing to go back to: before {now.revision[:12]} nothing was deployed."
    raise InstallerError(what, "Fix it by a pull request instead.")


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
