"""GitLab's REST API: the same for gitlab.com and a GitLab of one's own."""

import re
from email.utils import parsedate_to_datetime

import requests

from ...support.parsing import reading
from ...support.secret import Secret, redact
from ..http import Api
from .api_errors import GitLabApiError, words

CLOUD = "gitlab.com"
TOKEN = "GITLAB_TOKEN"  # noqa: S105 - a name


class GitLabRest(Api):
    """One GitLab and one token."""

    follows = re.compile(r"/projects/\d+(/|$)")  # GitLab leads from a project's old path to its number

    def __init__(self, host: str, token: Secret, *, ca: str = "") -> None:
        self.host = host
        headers = {"PRIVATE-TOKEN": token.reveal()} if token else {}
        super().__init__("GitLab", f"https://{host}/api/v4", headers, ca=ca, ca_setting="gitlab.ca")

    def refusal(self, verb: str, path: str, answer: requests.Response) -> GitLabApiError:
        """Return what GitLab said."""
        headers = dict(answer.headers.lower_items())
        said = redact(words(answer.content or answer.reason))
        return GitLabApiError(verb, path, answer.status_code, said, headers)

    @reading("GitLab's answer")
    def version(self) -> tuple[int, int]:
        """Return the two numbers of GitLab's version."""
        major, minor, *_ = self.call("GET", "/version")["version"].split(".")
        return int(major), int(minor)

    @reading("GitLab's answer")
    def now(self) -> float:
        """Return the time by GitLab's own clock, in seconds."""
        return parsedate_to_datetime(self.headers("/version")["date"]).timestamp()
