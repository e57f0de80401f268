"""GitLab, as a kind of code host."""

from .credentials import Credentials
from .gitlab import GitLab
from .gitlab_ci import GitLabCI
from .gitlab_webhooks import GitLabWebhooks
from .kind import Kind
from .resources.gitlab_deploy_keys import GitLabDeployKeys
from .resources.gitlab_project import GitLabProject
from .resources.gitlab_rules import GitLabRules
from .settings import Settings


def _connect(settings: Settings, credentials: Credentials) -> GitLab:
    return GitLab(settings.host, credentials.token, settings.repository if settings.slug else "", ca=settings.ca)


AT_GITLAB = Kind(
    _connect,
    GitLabDeployKeys,
    GitLabProject,
    GitLabRules,
    GitLabWebhooks,
    {"gitlab-ci": GitLabCI},
    rules_first=True,
)
