"""The tokens of deployments: whether the registry takes pushes with its own, and those of a CI of others."""

from collections.abc import Iterable

from ..ci import registry
from ..ci.registry import Login
from ..ci.variables import NAME
from ..config.settings import CI_TOKENS, FILE, Settings
from ..engine.resource import Finding
from ..forges.credentials import DEPLOY_TOKEN, PULL_TOKEN
from ..forges.github.repository import GitHub
from ..project.project import Project
from ..status import deployment_record
from ..status.service import DeploymentRecord
from ..support.errors import ApiError, InstallerError
from . import Check

HUB = "docker.io"
CREATE = "https://hub.docker.com/repository/create"
PAGES = {
    HUB: "https://hub.docker.com/repository/docker/{name}/settings",
    "ghcr.io": "the package's page at GitHub, Package settings, Change visibility",
}
"""Where a registry's images are made private."""


def login(project: Project) -> Iterable[Finding]:
    """Log in with the token at hand, as deployments will."""
    settings, credentials = project.settings, project.credentials
    if settings.own_registry:
        yield Finding(settings.lane, f"jobs log in to {settings.registry} each with its own token")
        return
    if settings.registry_in_cluster:
        yield Finding(settings.lane, f"{settings.registry} is a registry in the cluster, which asks for no login")
        return
    if not credentials.registry_token:
        yield from _none_at_hand(project)
        return
    given = Login.to(settings, credentials.registry_username, credentials.registry_token)
    registry.check_login(given, settings.image_name)
    yield Finding(settings.lane, f"{given.host} lets {given.username} push {settings.image_name}")


def pull(project: Project) -> Iterable[Finding]:
    """Log in with the token that the cluster is to pull a private image with."""
    settings, credentials = project.settings, project.credentials
    if not settings.image_private:
        return
    if credentials.pull_token:
        given = Login.to(settings, credentials.pull_username, credentials.pull_token)
        registry.check_login(given, settings.image_name, push=False)
        yield Finding("cluster", f"{given.host} lets {given.username} pull {settings.image_name}")
    elif credentials.registry_token:
        what = f"The cluster pulls with {NAME}, which may push too."
        yield Finding("cluster", what, f"Set {PULL_TOKEN} to one that only reads.", stops=False)


def public_source(project: Project) -> Iterable[Finding]:
    """Say so where anyone may pull the image of a private repository."""
    return published_source(project.settings)


def published_source(settings: Settings) -> Iterable[Finding]:
    """Say so where an image that anyone may pull holds the source of a private repository."""
    if settings.private and not settings.image_private:
        what = f"{settings.repository} is private, but {FILE} calls its image public: anyone can read the source in it."
        yield Finding(settings.lane, what, "Say registry.visibility: private, unless that is meant.", stops=False)


def first_push(project: Project) -> Iterable[Finding]:
    """Say so where the first push would make a public image of one that is to be private."""
    settings = project.settings
    if settings.image_private and settings.registry == HUB and project.forge.head(settings.branch) is None:
        name = settings.image_name
        what = f"Docker Hub creates {name} at its first push: public, unless your account's default privacy is private."
        yield Finding(settings.lane, what, f"Create it before, as private: {CREATE}", stops=False)


def exposed(project: Project) -> Iterable[Finding]:
    """Say so where the registry gives the deployed image to anyone, though it is to be private."""
    record = deployment_record.read(project) if project.settings.image_private else None
    return exposed_by(project, record) if record else ()


def exposed_by(project: Project, record: DeploymentRecord) -> Iterable[Finding]:
    """Say so where the registry gives what this deployment records to anyone, though it is to be private."""
    settings = project.settings
    own = settings.image_private and record.image == settings.image_repository
    if own and registry.anyone_can_pull(settings, record.digest):
        what = f"Anyone can pull {record.image}, without a login, though {FILE} calls it private: the source is in it."
        page = PAGES.get(settings.registry, f"see {settings.registry}").format(name=settings.image_name)
        yield Finding(
            settings.lane, what, f"Make it private ({page}), or say registry.visibility: public.", stops=False
        )


def _none_at_hand(project: Project) -> Iterable[Finding]:
    """Say what that means: the stored one is kept, but cannot be tried from here."""
    stored = project.ci.no_token or NAME in project.ci.secrets()
    what = f"There is no {NAME} at hand: {'the stored one cannot be tried' if stored else 'deployments cannot push'}."
    yield Finding(
        project.settings.lane, what, f"Set {NAME} (and REGISTRY_USERNAME) in the environment.", stops=not stored
    )


# --- a CI that is not the code host's own ---------------------------------------------------------


def token(project: Project) -> Iterable[Finding]:
    """Check that the CI takes the token; without one, say what people have to do."""
    ci, variable = project.ci, CI_TOKENS[project.settings.ci]
    if ci.no_token:
        what = f"There is no {variable}: {ci.title} must be set up manually, as `plan` lists it."
        yield Finding(project.settings.lane, what, f"Set {variable} to let this do it.", stops=False)
        return
    try:
        yield Finding(project.settings.lane, f"the token for {ci.title} is {ci.who()}'s")
    except InstallerError as error:
        refused = f"{variable} does not work: " if isinstance(error, ApiError) else ""
        yield Finding(project.settings.lane, f"{refused}{error.message}", error.fix)


def deploy_token(project: Project) -> Iterable[Finding]:
    """Check that the token at hand sees the repository; what it may write shows only when it does."""
    given, settings = project.credentials.deploy_token, project.settings
    if not given or project.github.find() is None:
        return
    more = {"ca": settings.ca, "api_version": settings.api_version}
    found = GitHub(settings.host, given, settings.repository, **more).find()
    if found is None or not (found.get("permissions") or {"push": True})["push"]:
        what = f"{DEPLOY_TOKEN} may not write to {settings.repository}; deployments are pushed with it."
        page = f"https://{settings.host}/settings/personal-access-tokens/new"
        fix = f"Make a fine-grained one for it, Contents and Deployments: read and write: {page}"
        yield Finding(settings.lane, what, fix)
    else:
        yield Finding(settings.lane, f"{DEPLOY_TOKEN} opens {settings.repository}")


CHECKS = tuple(
    Check("host", ask, before, only=ci)
    for ci in CI_TOKENS
    for ask, before in ((token, "looking"), (deploy_token, "registry-token"))
)
