"""GitHub, as a kind of code host."""

from ..config.settings import Settings
from ..forges.credentials import Credentials
from ..forges.github.repository import GitHub, GitHubDeployKeys, GitHubPullRequests, GitHubWebhooks
from ..resources.github_repository import Repository, Rules
from . import ForgeKind


def _connect(settings: Settings, credentials: Credentials) -> GitHub:
    more = {"ca": settings.ca, "api_version": settings.api_version}
    return GitHub(settings.host, credentials.token, settings.repository if settings.slug else "", **more)


FORGE = ForgeKind(_connect, GitHubDeployKeys, Repository, Rules, GitHubWebhooks, GitHubPullRequests)
