"""The token for GitHub: that it works, what kind it is, what it may do, and whether the clocks agree."""

from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from time import time as _now

from ..engine.finding import Finding
from ..forges.api_errors import GitHubApiError
from ..project.project import Project
from ..support.errors import ApiError, InstallerError
from .permissions import SCOPES, needed, summary

CLOCK_SECONDS = 60.0
"""Certificates, tokens and leases go wrong from about here on."""


def works(project: Project) -> Iterable[Finding]:
    """Check that there is a token, and that GitHub takes it."""
    host = project.settings.host
    if not project.credentials.token:
        what = f"There is no token for {host}: it creates the repository and stores what its workflows need."
        yield Finding("github", what, f"gh auth login --hostname {host} --scopes workflow")
        return
    try:
        user = project.github.call("GET", "/user")
    except InstallerError as error:
        refused = f"The token for {host} does not work: " if isinstance(error, ApiError) else ""
        yield Finding("github", f"{refused}{error.message}", error.fix or _login(host))
    else:
        yield Finding("github", f"the token for {host} is {user['login']}'s, {_kind(project)}")


def _login(host: str) -> str:
    return f"gh auth login --hostname {host} --scopes workflow"


def _kind(project: Project) -> str:
    value = project.credentials.token.reveal()
    kinds = {"github_pat_": "fine-grained", "ghp_": "classic", "gho_": "made by gh", "ghs_": "of an App"}
    return next((kind for prefix, kind in kinds.items() if value.startswith(prefix)), "of a kind unknown here")


def scopes(project: Project) -> Iterable[Finding]:
    """Check what the token may do: a classic one by its scopes, any other by asking for the repository's parts."""
    given = project.github.scopes()
    if given is None:
        yield from _permissions(project)
        return
    has = ", ".join(sorted(given)) or "none"
    for scope, purpose in SCOPES.items():
        if scope not in given:
            yield Finding(
                "github",
                f"The token lacks the scope `{scope}`, which it takes to {purpose} (it has {has}).",
                f"gh auth refresh --hostname {project.settings.host} --scopes repo,workflow",
            )
    if not set(SCOPES) - given:
        yield Finding("github", f"the token has the scopes {' and '.join(SCOPES)}")


def _permissions(project: Project) -> Iterable[Finding]:
    """Ask for each part that can be read; what may be written shows only when it is written."""
    github, steps = project.github, needed(project.settings)
    needs = f"it needs {summary(steps)}"
    if not project.settings.slug or github.find() is None:
        yield Finding("github", f"the token shows no scopes; {needs}")
        return
    lacking = [step.permission for step in steps if step.probe and _refused(project, step.probe)]
    if lacking:
        what = f"The token may not read {', '.join(lacking)} of {github.repository}; {needs}."
        yield Finding("github", what, f"Edit it at https://{project.settings.host}/settings/personal-access-tokens")
    else:
        yield Finding("github", f"the token reads all parts of {github.repository}; {needs}")


def _refused(project: Project, path: str) -> bool:
    try:
        project.github.get(project.github.path(path), per_page=1)
    except GitHubApiError as error:
        return error.status == 403
    return False


def clock(project: Project) -> Iterable[Finding]:
    """Compare this machine's clock with GitHub's."""
    date = project.github.headers("/user").get("date")
    if date is None:
        return
    ahead = _now() - parsedate_to_datetime(date).timestamp()
    if abs(ahead) > CLOCK_SECONDS:
        what = f"This machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} GitHub's."
        yield Finding("github", what, "Set it: timedatectl set-ntp true (or your system's settings).", stops=False)
    else:
        yield Finding("github", "the clock agrees with GitHub's")
