"""The project's deploy keys, as GitLab keeps them."""

from ..deploy_keys import DeployKey
from .project import GitLab


class GitLabDeployKeys:
    """What the repository credential needs of GitLab."""

    def __init__(self, gitlab: GitLab) -> None:
        self._gitlab = gitlab

    def list(self) -> list[DeployKey]:
        """Return all deploy keys; none where there is no project."""
        keys = self._gitlab.pages(self._gitlab.path("deploy_keys"))
        return [DeployKey(key["id"], key["title"], key["key"], not key["can_push"]) for key in keys]

    def add(self, title: str, public: str) -> None:
        """Register a key that may only read."""
        body = {"title": title, "key": public, "can_push": False}
        self._gitlab.call("POST", self._gitlab.path("deploy_keys"), body)

    def remove(self, key: DeployKey) -> None:
        """Remove a key; one that is gone already is fine."""
        self._gitlab.delete(self._gitlab.path("deploy_keys", str(key.id)))
