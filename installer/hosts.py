"""The kinds of code hosts and their CIs. To drop one: delete its lines here, its files, and its name in settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .ci import CI
from .circleci import CircleCI
from .credentials import Credentials
from .deploy_key import DeployKeys
from .github import GitHub
from .github_actions import GitHubActions
from .github_webhooks import GitHubWebhooks
from .gitlab import GitLab
from .gitlab_ci import GitLabCI
from .gitlab_webhooks import GitLabWebhooks
from .host import Host
from .resource import Resource
from .resources.deploy_keys import GitHubDeployKeys
from .resources.gitlab_deploy_keys import GitLabDeployKeys
from .resources.gitlab_project import GitLabProject
from .resources.gitlab_rules import GitLabRules
from .resources.repository import Repository
from .resources.rules import Rules
from .settings import Settings
from .travis_ci import TravisCI
from .webhooks import Webhooks


@dataclass(frozen=True)
class Kind:
    """A kind of code host; what is made by one of these functions is given to the others."""

    connect: Callable[[Settings, Credentials], Host]
    keys: Callable[[Any], DeployKeys]
    repository: Callable[..., Resource[Any]]
    """Makes the resource from settings, host and credentials; `remove_it` says whether `down` deletes it."""
    rules: Callable[[Settings, Any, tuple[str, ...]], Resource[Any]]
    """The last argument names the checks that a merge waits for."""
    webhooks: Callable[[Any, str], Webhooks]
    """The last argument names the application."""
    cis: Mapping[str, Callable[[Settings, Any, Credentials], CI]]
    rules_first: bool = False
    """Whether rules stand before the first push: where secrets are for branches with rules only."""


def _github(settings: Settings, credentials: Credentials) -> GitHub:
    more = {"ca": settings.ca, "api_version": settings.api_version}
    return GitHub(settings.host, credentials.token, settings.repository if settings.slug else "", **more)


def _gitlab(settings: Settings, credentials: Credentials) -> GitLab:
    return GitLab(settings.host, credentials.token, settings.repository if settings.slug else "", ca=settings.ca)


HOSTS = {
    "github": Kind(
        _github,
        GitHubDeployKeys,
        Repository,
        Rules,
        GitHubWebhooks,
        {"github-actions": GitHubActions, "circleci": CircleCI, "travis-ci": TravisCI},
    ),
    "gitlab": Kind(
        _gitlab,
        GitLabDeployKeys,
        GitLabProject,
        GitLabRules,
        GitLabWebhooks,
        {"gitlab-ci": GitLabCI},
        rules_first=True,
    ),
}
