"""GitLab, as a kind of code host."""

from ..config.settings import Settings
from ..forges.credentials import Credentials
from ..forges.gitlab.deploy_keys import GitLabDeployKeys
from ..forges.gitlab.merge_requests import GitLabMergeRequests
from ..forges.gitlab.project import GitLab
from ..forges.gitlab.webhooks import GitLabWebhooks
from ..resources.gitlab_project import GitLabProject
from ..resources.gitlab_rules import GitLabRules, allow_maintainers_to_push
from .forge_kind import ForgeKind


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
