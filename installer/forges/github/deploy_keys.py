"""The repository's deploy keys, as GitHub keeps them."""

from ..deploy_keys import DeployKey
from .repository import GitHub


class GitHubDeployKeys:
    """What the repository credential needs of GitHub."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def list(self) -> list[DeployKey]:
        """Return all deploy keys; none where there is no repository."""
        keys = self._github.pages(self._github.path("keys"))
        return [DeployKey(key["id"], key["title"], key["key"], key["read_only"]) for key in keys]

    def add(self, title: str, public: str, *, read_only: bool = True) -> None:
        """Register a key that may only read, unless told otherwise."""
        body = {"title": title, "key": public, "read_only": read_only}
        self._github.call("POST", self._github.path("keys"), body)

    def remove(self, key: DeployKey) -> None:
        """Remove a key; one that is gone already is fine."""
        self._github.delete(self._github.path("keys", str(key.id)))
