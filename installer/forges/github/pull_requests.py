"""Pull requests of a repository, as GitHub keeps them."""

from typing import Any

from ...config.settings import MAIN
from ...support.parsing import reading
from ..requests import ChangeRequest
from .api import GitHubApiError
from .repository import GitHub


class GitHubPullRequests:
    """What an update of the template needs of GitHub."""

    called = "pull request"

    def __init__(self, github: GitHub) -> None:
        self._github = github

    @reading("GitHub's answer")
    def of(self, branch: str) -> list[ChangeRequest]:
        """Return the pull requests of a branch, the newest first."""
        owner = self._github.repository.partition("/")[0]
        asked = {"state": "all", "head": f"{owner}:{branch}", "base": MAIN}
        found = [_request(each) for each in self._github.pages(self._github.path("pulls"), **asked)]
        return sorted(found, key=lambda each: -each.number)

    @reading("GitHub's answer")
    def open(self, branch: str, title: str, text: str, *, draft: bool) -> ChangeRequest:
        """Open one; where the plan has no drafts, its title alone says that it is not ready."""
        body = {"title": title, "body": text, "head": branch, "base": MAIN}
        try:
            return _request(self._github.call("POST", self._github.path("pulls"), {**body, "draft": draft}))
        except GitHubApiError as error:
            if not (draft and error.status == 422 and "raft" in error.reason):
                raise
        return _request(self._github.call("POST", self._github.path("pulls"), body))

    def change(self, number: int, title: str, text: str, *, draft: bool) -> None:
        """Change title and text; REST cannot turn a draft into none, or back, so the title says it."""
        self._github.call("PATCH", self._github.path("pulls", str(number)), {"title": title, "body": text})

    def close(self, number: int, text: str) -> None:
        """Close one."""
        self._github.call("PATCH", self._github.path("pulls", str(number)), {"state": "closed", "body": text})


def _request(found: dict[str, Any]) -> ChangeRequest:
    merged = found["merged_at"] is not None
    return ChangeRequest(found["number"], found["html_url"], found["body"] or "", found["state"] == "open", merged)
