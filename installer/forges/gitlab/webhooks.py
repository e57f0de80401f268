"""Webhooks of a project at GitLab."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ...config.settings import Settings
from ...support.parsing import reading
from ...support.secret import Secret
from ..webhooks import Delivery, Hook, Webhooks
from .api_errors import GitLabApiError
from .project import GitLab

_TESTED = "push"
"""What GitLab is asked to send as a test: the project's last commits, as if they had just been pushed."""


class GitLabWebhooks(Webhooks):
    """GitLab sends the secret itself, in a header, and shows the outcome of each call since 17.3."""

    title = "GitLab"
    wanted: ClassVar[Mapping[str, Any]] = {
        "push_events": True,
        "push_events_branch_filter": "",
        "enable_ssl_verification": True,
    }
    every = 15.0  # it takes five tests a minute

    def __init__(self, gitlab: GitLab, settings: Settings) -> None:
        super().__init__(settings)
        self._gitlab = gitlab

    @reading("GitLab's answer")
    def list(self) -> list[Hook]:
        """Return ours; none where there is no project."""
        return [hook for each in self._gitlab.pages(self._path()) if (hook := self._ours(each))]

    def _ours(self, found: dict[str, Any]) -> Hook | None:
        ours = self.unlabelled(found["url"])
        rest = {name: "" if found.get(name) is None else found[name] for name in self.wanted}
        return Hook(found["id"], *ours, rest) if ours else None

    def write(self, address: str, secret: Secret | None, over: Hook | None = None) -> None:
        """Make a hook, or make one over: with another address, which has the fingerprint in it, the old secret goes."""
        given = {"token": secret.reveal()} if secret else {}
        body = {**self.wanted, "url": self.labelled(address, secret), **given}
        self._gitlab.call("PUT" if over else "POST", self._path(over.id if over else None), body)

    def delete(self, hook: Hook) -> bool:
        """Delete a hook; False where it was gone."""
        return self._gitlab.delete(self._path(hook.id))

    def page(self, hook: Hook) -> str:
        """Return the address of the page where people see it."""
        return f"https://{self._gitlab.host}/{self._gitlab.repository}/-/hooks/{hook.id}/edit"

    @reading("GitLab's answer")
    def newest(self, hook: Hook) -> Delivery | None:
        """Return the last call; None where there was none, or GitLab is too old to show it."""
        return next(map(_delivery, self._events(hook) or []), None)

    def _events(self, hook: Hook) -> Sequence[dict[str, Any]] | None:
        """Return the last call, or none; None where GitLab is too old to show any."""
        found: Sequence[dict[str, Any]] | None = self._gitlab.get(f"{self._path(hook.id)}/events", per_page=1)
        return found

    def ping(self, hook: Hook) -> Delivery | None:
        """Have GitLab send a push; None where it cannot, being older than 16.11."""
        before = self._events(hook)
        try:
            self._gitlab.call("POST", f"{self._path(hook.id)}/test/{_TESTED}_events")
        except GitLabApiError as error:
            if error.status == 404:
                return None
            if error.status != 422:
                raise
            came = None if before is None else self.later(hook, next(map(_delivery, before), None))
            return came or Delivery(0, _TESTED, 0, error.reason, self.title)
        return Delivery(0, _TESTED, 200, "OK", self.title)

    def _path(self, number: int | None = None) -> str:
        return self._gitlab.path("hooks", *([str(number)] if number else []))


def _delivery(found: dict[str, Any]) -> Delivery:
    code = str(found["response_status"])
    said = " ".join(str(found["response_body"] or code).split())[:200]
    event = found["trigger"].removesuffix("_hooks")
    return Delivery(found["id"], event, int(code) if code.isdigit() else 0, said, GitLabWebhooks.title)
