"""Webhooks of a repository at GitHub."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ...config.settings import Settings
from ...support.parsing import reading
from ...support.secret import Secret
from ..webhooks import Delivery, Hook, Webhooks
from .repository import GitHub


class GitHubWebhooks(Webhooks):
    """GitHub signs what it sends, and keeps what came of each call for some days."""

    title = "GitHub"
    wanted: ClassVar[Mapping[str, Any]] = {
        "content_type": "json",
        "insecure_ssl": "0",
        "events": ["push"],
        "active": True,
    }

    def __init__(self, github: GitHub, settings: Settings) -> None:
        super().__init__(settings)
        self._github = github

    @reading("GitHub's answer")
    def list(self) -> list[Hook]:
        """Return ours; none where there is no repository."""
        return [hook for each in self._github.pages(self._path()) if (hook := self._ours(each))]

    def _ours(self, found: dict[str, Any]) -> Hook | None:
        config = {**found["config"], "insecure_ssl": str(found["config"].get("insecure_ssl", "0"))}  # or a number
        ours = self.unlabelled(str(config.get("url", "")))
        rest = {name: {**found, **config}.get(name) for name in self.wanted}
        return Hook(found["id"], ours[0], ours[1] if config.get("secret") else "", rest) if ours else None

    def create(self, address: str, secret: Secret | None) -> None:
        """Make a hook with its secret and the fingerprint of that."""
        rest: dict[str, Any] = dict(self.wanted)
        body = {name: rest.pop(name) for name in ("events", "active")}
        given = {"secret": secret.reveal()} if secret else {}
        config = {**rest, "url": self.labelled(address, secret), **given}
        self._github.call("POST", self._path(), {"name": "web", **body, "config": config})

    def delete(self, hook: Hook) -> bool:
        """Delete a hook; False where it was gone."""
        return self._github.delete(self._path(hook.id))

    def page(self, hook: Hook) -> str:
        """Return the address of the page where people see it, and what was answered to its calls."""
        return f"https://{self._github.host}/{self._github.repository}/settings/hooks/{hook.id}"

    @reading("GitHub's answer")
    def newest(self, hook: Hook) -> Delivery | None:
        """Return the last call, if it reported a push; None too where GitHub does not know it any more.

        GitHub pings a new hook at once, when Argo CD's server may not have its secret yet: that says nothing.
        """
        found = self._github.get(f"{self._path(hook.id)}/deliveries", per_page=1)
        pushes = [each for each in found or [] if each["event"] == "push"]
        return Delivery(int(pushes[0]["status_code"] or 0), str(pushes[0]["status"])) if pushes else None

    def _path(self, number: int | None = None) -> str:
        return self._github.path("hooks", *([str(number)] if number else []))
