"""A CI that is not the code host's own: the token for its API, and the one that it deploys with."""

from collections.abc import Iterable

from ..config.supported import CI_TOKENS
from ..engine.resource import Finding
from ..forges.credentials import DEPLOY_TOKEN
from ..forges.github.repository import GitHub
from ..project.project import Project
from ..support.errors import ApiError, InstallerError
from .check import Check


def token(project: Project) -> Iterable[Finding]:
    """Check that the CI takes the token; without one, say what people have to do."""
    ci, variable = project.ci, CI_TOKENS[project.settings.ci]
    if ci.no_token:
        what = f"There is no {variable}: {ci.title} must be set up manually, as `plan` lists it."
        yield Finding(project.settings.scm, what, f"Set {variable} to let this do it.", stops=False)
        return
    try:
        yield Finding(project.settings.scm, f"the token for {ci.title} is {ci.who()}'s")
    except InstallerError as error:
        refused = f"{variable} does not work: " if isinstance(error, ApiError) else ""
        yield Finding(project.settings.scm, f"{refused}{error.message}", error.fix)


def deploy_token(project: Project) -> Iterable[Finding]:
    """Check that the token at hand sees the repository; what it may write shows only when it does."""
    given, settings = project.credentials.deploy_token, project.settings
    if not given or project.github.find() is None:
        return
    more = {"ca": settings.ca, "api_version": settings.api_version}
    found = GitHub(settings.host, given, settings.repository, **more).find()
    if found is None or not (found.get("permissions") or {"push": True})["push"]:
        what = f"{DEPLOY_TOKEN} may not write to {settings.repository}; deployments are pushed with it."
        fix = f"Make a fine-grained one for it, Contents and Deployments: read and write: {_page(settings.host)}"
        yield Finding(settings.scm, what, fix)
    else:
        yield Finding(settings.scm, f"{DEPLOY_TOKEN} opens {settings.repository}")


def _page(host: str) -> str:
    return f"https://{host}/settings/personal-access-tokens/new"


CHECKS = tuple(
    Check("host", ask, before, only=ci)
    for ci in CI_TOKENS
    for ask, before in ((token, "looking"), (deploy_token, "registry-token"))
)
