"""Merge requests of a project, as GitLab keeps them."""

from typing import Any

from ...config.settings import MAIN
from ...support.parsing import reading
from ..requests import ChangeRequest
from .project import GitLab


class GitLabMergeRequests:
    """What an update of the template needs of GitLab."""

    called = "merge request"

    def __init__(self, gitlab: GitLab) -> None:
        self._gitlab = gitlab

    @reading("GitLab's answer")
    def of(self, branch: str) -> list[ChangeRequest]:
        """Return the merge requests of a branch, the newest first."""
        asked = {"state": "all", "source_branch": branch}
        found = [_request(each) for each in self._gitlab.pages(self._gitlab.path("merge_requests"), **asked)]
        return sorted(found, key=lambda each: -each.number)

    @reading("GitLab's answer")
    def open(self, branch: str, title: str, text: str, *, draft: bool) -> ChangeRequest:
        """Open one."""
        body = {"source_branch": branch, "target_branch": MAIN, "title": _titled(title, draft), "description": text}
        return _request(self._gitlab.call("POST", self._gitlab.path("merge_requests"), body))

    def change(self, number: int, title: str, text: str, *, draft: bool) -> None:
        """Change title and text, and whether it is a draft, which the title says."""
        body = {"title": _titled(title, draft), "description": text}
        self._gitlab.call("PUT", self._gitlab.path("merge_requests", str(number)), body)

    def close(self, number: int, text: str) -> None:
        """Close one."""
        body = {"state_event": "close", "description": text}
        self._gitlab.call("PUT", self._gitlab.path("merge_requests", str(number)), body)


def _titled(title: str, draft: bool) -> str:  # noqa: FBT001 - of this module alone
    return f"Draft: {title}" if draft else title


def _request(found: dict[str, Any]) -> ChangeRequest:
    is_open, merged = found["state"] == "opened", found["state"] == "merged"
    return ChangeRequest(found["iid"], found["web_url"], found["description"] or "", is_open, merged)
