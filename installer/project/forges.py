"""The kinds of code hosts and their CIs; how to drop one, the README says."""

from ..ci.circleci import CircleCI
from ..ci.github_actions import GitHubActions
from ..ci.travis_ci import TravisCI
from ..config.settings import Settings
from ..forges.credentials import Credentials
from ..forges.github.deploy_keys import GitHubDeployKeys
from ..forges.github.repository import GitHub
from ..forges.github.webhooks import GitHubWebhooks
from ..resources.github_repository import Repository
from ..resources.github_rules import Rules
from .forge_kind import Kind
from .gitlab import AT_GITLAB


def _github(settings: Settings, credentials: Credentials) -> GitHub:
    more = {"ca": settings.ca, "api_version": settings.api_version}
    return GitHub(settings.host, credentials.token, settings.repository if settings.slug else "", **more)


HOSTS = {
    "github": Kind(
        _github,
        GitHubDeployKeys,
        Repository,
        Rules,
        GitHubWebhooks,
        {
            "github-actions": GitHubActions,
            "circleci": CircleCI,
            "travis-ci": TravisCI,
        },
    ),
    "gitlab": AT_GITLAB,
}
