"""The machine that this runs on: whether its programs are there and new enough, and whether its clock is right."""

import re
from collections.abc import Iterable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from time import time as _now

from ..engine.resource import Finding, Lane
from ..project.project import Project
from ..support import process
from ..support.errors import InstallerError
from ..support.plain_text import one_line

PURPOSE = {
    "git": "commits and pushes the project",
    "gh": "creates the repository and gives git its login",
    "helm": "installs Argo CD and its wiring",
    "argocd": "refreshes and removes the Application",
    "kubectl": "reads the cluster",
    "kind": "makes the cluster",
    "docker": "builds the image",
}
WHERE = {"git": "host", "gh": "github", "kubectl": "cluster", "helm": "cluster", "argocd": "cluster"}
"""What each is for: any code host, GitHub alone, the cluster."""
_ASK = {
    "git": "--version",
    "gh": "--version",
    "helm": "version --template={{.Version}}",
    "argocd": "version --client --short",
    "kubectl": "version --client",
    "kind": "version",
}
OLDEST = {
    "git": ((2, 30), "older ones take `--end-of-options` for a revision"),
    "gh": ((2, 17), "older ones have no `gh auth token`"),
    "helm": ((3, 13), "older ones lack flags that the installer uses"),
    "argocd": ((3, 2), "older ones would drop `retry.refresh` from the Application"),
    "kubectl": ((1, 25), "the oldest that was tried"),
    "kind": ((0, 27), "older ones need a patch for a registry"),
}
CLOCK_SECONDS = 60.0
"""Certificates, tokens and leases go wrong from about here on."""


def present(project: Project) -> Iterable[Finding]:
    """Check that each program can be found."""
    for tool, lane in _needed(project):
        if process.missing(tool):
            yield Finding(lane, f"{tool} is not installed: it {PURPOSE[tool]}.", f"See {process.INSTALL[tool]}")


def recent(project: Project) -> Iterable[Finding]:
    """Check that each is new enough."""
    for tool, lane in _needed(project):
        if process.missing(tool):
            continue  # reported by `present`
        said = version_of(tool)
        found = numbers(said)
        oldest, why = OLDEST[tool]
        if found and found < oldest:
            wanted = ".".join(map(str, oldest))
            fix = f"Get {wanted} or newer: {process.INSTALL[tool]}"
            yield Finding(lane, f"{tool} is {_shown(said)}; {wanted} is the oldest that works ({why}).", fix)
        else:
            yield Finding(lane, f"{tool} {_shown(said)}")


def version_of(tool: str) -> str:
    """Return what a program says of its version."""
    return process.attempt(tool, *_ASK[tool].split()).out


def docker() -> str:
    """Return the version of the Docker that runs here; raise where none does."""
    if process.missing("docker"):
        raise InstallerError(f"docker is not installed: it {PURPOSE['docker']}.", f"See {process.INSTALL['docker']}")
    answer = process.attempt("docker", "version", "--format", "{{.Server.Version}}")
    if answer.status:
        raise InstallerError(f"Docker does not run: {one_line(answer.err or answer.out)}", "Start it, and try again.")
    return one_line(answer.out)


def _needed(project: Project) -> Iterator[tuple[str, Lane]]:
    scm = project.settings.scm
    for tool, where in WHERE.items():
        if where in ("host", scm):
            yield tool, project.settings.lane
        elif where == "cluster":
            yield tool, "cluster"


def numbers(said: str) -> tuple[int, int] | None:
    """Return the first two numbers of the first version in a program's answer."""
    match = re.search(r"(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else None


def _shown(said: str) -> str:
    match = re.search(r"\d+\.\d+(\.\d+)?", said)
    return match[0] if match else "of an unknown version"


def clock(lane: Lane, title: str, headers: Mapping[str, str]) -> Iterable[Finding]:
    """Compare this machine's clock with the one of a code host that has just answered with these headers."""
    if "date" not in headers:
        return
    ahead = _now() - parsedate_to_datetime(headers["date"]).timestamp()
    if abs(ahead) > CLOCK_SECONDS:
        what = f"This machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} {title}'s."
        yield Finding(lane, what, "Set it: timedatectl set-ntp true (or your system's settings).", stops=False)
    else:
        yield Finding(lane, f"the clock agrees with {title}'s")
