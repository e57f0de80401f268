"""GitLab, as a kind of code host."""

from ..config.settings import Settings
from ..forges.credentials import Credentials
from ..forges.gitlab.project import GitLab, GitLabDeployKeys, GitLabMergeRequests, GitLabWebhooks
from ..resources.gitlab_project import GitLabProject, GitLabRules, allow_maintainers_to_push
from . import ForgeKind


def _connect(settings: Settings, credentials: Credentials) -> GitLab:
    return GitLab(settings.host, credentials.token, settings.repository if settings.slug else "", ca=settings.ca)


FORGE = ForgeKind(
    _connect,
    GitLabDeployKeys,
    GitLabProject,
    GitLabRules,
    GitLabWebhooks,
    GitLabMergeRequests,
    allows_initial_push=allow_maintainers_to_push,
)
