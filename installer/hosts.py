"""The kinds of code hosts and their CIs; how to drop one, the README says."""

from .at_gitlab import AT_GITLAB
from .circleci import CircleCI
from .credentials import Credentials
from .github import GitHub
from .github_actions import GitHubActions
from .github_webhooks import GitHubWebhooks
from .kind import Kind
from .resources.deploy_keys import GitHubDeployKeys
from .resources.repository import Repository
from .resources.rules import Rules
from .settings import Settings
from .travis_ci import TravisCI


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
