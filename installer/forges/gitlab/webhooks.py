"""Webhooks of a project at GitLab."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ...config.settings import Settings
from ...support.parsing import reading
from ...support.secret import Secret
from ..webhooks import Delivery, Hook, Webhooks
from .project import GitLab

_SETTINGS = {"push_events": True, "push_events_branch_filter": "", "enable_ssl_verification": True}


class GitLabWebhooks(Webhooks):
    """GitLab sends the secret itself, in a header, and shows the outcome of each call since 17.3."""

    title = "GitLab"
    wanted: ClassVar[Mapping[str, Any]] = {**_SETTINGS, "alert_status": "executable"}

    def __init__(self, gitlab: GitLab, settings: Settings) -> None:
        super().__init__(settings)
        self._gitlab = gitlab

    @reading("GitLab's answer")
    def list(self) -> list[Hook]:
        """Return ours; none where there is no project."""
        return [hook for each in self._gitlab.pages(self._path()) if (hook := self._ours(each))]

    def _ours(self, found: dict[str, Any]) -> Hook | None:
        ours = self.unlabelled(found["url"])
        rest = {name: "" if found.get(name) is None else found[name] for name in _SETTINGS}
        given_up = found.get("alert_status") == "disabled"  # after 40 failures; what it disables for a while comes back
        rest["alert_status"] = "disabled" if given_up else "executable"
        return Hook(found["id"], *ours, rest) if ours else None

    def create(self, address: str, secret: Secret | None) -> None:
        """Make a hook with its secret and the fingerprint of that."""
        given = {"token": secret.reveal()} if secret else {}
        self._gitlab.call("POST", self._path(), {**_SETTINGS, "url": self.labelled(address, secret), **given})

    def delete(self, hook: Hook) -> bool:
        """Delete a hook; False where it was gone."""
        return self._gitlab.delete(self._path(hook.id))

    def page(self, hook: Hook) -> str:
        """Return the address of the page where people see it, and what was answered to its calls."""
        return f"https://{self._gitlab.host}/{self._gitlab.repository}/-/hooks/{hook.id}/edit"

    @reading("GitLab's answer")
    def newest(self, hook: Hook) -> Delivery | None:
        """Return the last call; None where there was none, or GitLab is too old to show it."""
        found = self._gitlab.get(f"{self._path(hook.id)}/events", per_page=1)
        return next(map(_delivery, found or []), None)

    def _path(self, number: int | None = None) -> str:
        return self._gitlab.path("hooks", *([str(number)] if number else []))


def _delivery(found: dict[str, Any]) -> Delivery:
    code = str(found["response_status"])
    said = " ".join(str(found["response_body"] or code).split())[:200]
    return Delivery(int(code) if code.isdigit() else 0, said)
