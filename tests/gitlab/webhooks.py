"""Webhooks of a project: really called, with the secret in a header; what came of each call is kept."""

import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.github import calling, git
from tests.github.model import number

from .model import Project, User, now

if TYPE_CHECKING:
    from .stand_in import GitLab


@dataclass(frozen=True)
class Event:
    """One call: its answer's status, or `internal error`, and the answer, or what went wrong."""

    url: str
    status: str
    said: str
    duration: float
    sent: dict[str, Any] = field(repr=False, default_factory=dict)
    id: int = field(default_factory=number)


@dataclass
class Hook:
    url: str
    token: str = field(repr=False)
    push_events: bool = True
    push_events_branch_filter: str = ""
    enable_ssl_verification: bool = True
    events: list[Event] = field(default_factory=list)  # newest last
    alert_status: str = "executable"
    """`disabled` once 40 calls in a row failed: then none comes any more."""
    id: int = field(default_factory=number)
    created_at: str = field(default_factory=now)


def push(site: Any, project: Project, who: User, ref: str, old: str, new: str) -> dict[str, Any]:
    """Return a push as GitLab tells of it (doc/user/project/integrations/webhook_events.md)."""
    made, gone = old == git.ZERO, new == git.ZERO
    found = [] if gone else git.commits(project.git, new if made else f"{old}..{new}", "--max-count=20")
    shown = site.project_of_event(project)
    return {
        "object_kind": "push",
        "event_name": "push",
        "before": old,
        "after": new,
        "ref": ref,
        "ref_protected": ref.removeprefix("refs/heads/") in project.protections,
        "checkout_sha": None if gone else new,
        "user_id": who.id,
        "user_name": who.username.title(),
        "user_username": who.username,
        "project_id": project.id,
        "project": shown,
        "commits": [
            {
                "id": each.sha,
                "message": each.message,
                "title": each.message.partition("\n")[0],
                "timestamp": each.committer[2],
                "url": f"{shown['web_url']}/-/commit/{each.sha}",
                "author": dict(zip(("name", "email"), each.author[:2], strict=True)),
                **git.touched(project.git, each.sha),
            }
            for each in reversed(found[:1] if made else found)
        ],
        "total_commits_count": len(found),
        "repository": {"name": project.name, "url": f"{shown['web_url']}.git", "homepage": shown["web_url"]},
    }


class Calling(calling.Calling):
    """Call out as GitLab does: where nobody answers it keeps the error's text and no number."""

    untrusted = ("SSL_connect returned=1 errno=0 state=error: certificate verify failed", 0)
    late = ("execution expired", 0)
    unreachable = ("Failed to open TCP connection (Connection refused - connect(2))", 0)

    def __init__(self, gitlab: "GitLab") -> None:
        super().__init__(gitlab)  # type: ignore[arg-type]  # of it only its lock is used here
        self._gitlab = gitlab

    def told(self, code: int, answer: str) -> str:
        return answer

    def pushed(self, project: Project, who: User, ref: str, old: str, new: str) -> None:  # type: ignore[override]
        """Tell every hook that wants to know, whoever pushed: that no pipeline starts makes no difference."""
        for hook in [each for each in project.hooks.values() if each.push_events and each.alert_status != "disabled"]:
            sent = push(self._gitlab.site, project, who, ref, old, new)
            thread = threading.Thread(target=self.call, args=(hook, sent), daemon=True)
            self._threads.append(thread)
            thread.start()

    def call(self, hook: Hook, sent: dict[str, Any]) -> None:
        """Send a push now, and keep what came of it."""
        headers = {"Content-Type": "application/json", "User-Agent": "GitLab/stand-in", "X-Gitlab-Event": "Push Hook"}
        began = time.monotonic()
        url, token = hook.url, {"X-Gitlab-Token": hook.token} if hook.token else {}
        said, code = self.post(url, {**headers, **token}, json.dumps(sent).encode())
        event = Event(url, str(code) if code else "internal error", said, round(time.monotonic() - began, 2), sent)
        with self._gitlab.lock:
            hook.events.append(event)
