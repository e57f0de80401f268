"""GitLab's REST API, the same for gitlab.com and a GitLab of one's own: the token, and what is refused."""

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from ...support import secret
from ...support.errors import ApiError, reading
from ...support.http_client import seconds_to_wait
from ...support.secret import Secret, redact
from ...support.tls import variables
from ..git import Login
from ..http import LATER, Api, said_to_a_program


class GitLabApiError(ApiError):
    """GitLab refused a request; `headers` by their names in lower case."""

    def __init__(self, verb: str, path: str, status: int, message: str, headers: Mapping[str, str]) -> None:
        wait = seconds_to_wait(status, "", headers)
        super().__init__("GitLab", f"{verb} {path}", status, message, fix(status, message, wait), wait)


def fix(status: int, message: str, wait: float | None) -> str:
    """Return what to do about an answer."""
    said = message.lower()
    if wait is not None:
        until = time.strftime("%H:%M:%S UTC", time.gmtime(time.time() + wait))
        return f"GitLab's rate limit ends at {until}, in {wait:.0f} s: run this again then."
    if "insufficient_scope" in said:
        return "Give the token in GITLAB_TOKEN the scope `api`: make a new one, scopes cannot be added."
    if "expired" in said or "revoked" in said:
        return "Make a new token with the scope `api` and set it in GITLAB_TOKEN."
    if "invalid url given" in said:
        return (
            "GitLab may not call argocd.url: its administrator allows addresses of its own network at "
            "Admin, Settings, Network, Outbound requests; or fix the setting."
        )
    if "archived" in said:
        return "Unarchive the project in its settings (General, Advanced), then run this again."
    if status >= 500:
        return f"GitLab has trouble (gitlab.com: see https://status.gitlab.com). {LATER}."
    return _FIXES.get(status, f"{LATER}; where that does not help, see what GitLab says above.")


_FIXES = {
    400: "GitLab does not accept these values: fix what it names, in gitops.yaml or in the project's settings.",
    401: "The token is wrong or has expired: set a new one, with the scope `api`, in GITLAB_TOKEN.",
    403: "The account may not do this: it takes the role Maintainer in the project (to delete it, Owner); "
    "or a setting of the group or the instance forbids it.",
    404: "It does not exist, or the token may not see it.",
    409: "Something else is changing it right now, or it is there already: run this again.",
    422: "GitLab does not accept these values: fix what it names, in gitops.yaml or in the project's settings.",
}


def words(body: bytes | str | None) -> str:
    """Return what a body says: GitLab puts text, lists by field, or OAuth's pair of words there."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
    try:
        reported = json.loads(text)
    except (ValueError, RecursionError):
        return " ".join(text.split())[:300] or "no message"
    if not isinstance(reported, dict):
        return str(reported)[:300]
    parts = [_plain(reported[name]) for name in ("message", "error", "error_description") if reported.get(name)]
    return ": ".join(dict.fromkeys(parts)) or "no message"


def _plain(said: Any) -> str:
    if isinstance(said, dict):
        return "; ".join(f"{name} {_plain(each)}" for name, each in said.items())
    if isinstance(said, list):
        return ", ".join(_plain(each) for each in said)
    return str(said)


def said_to_git(output: str) -> tuple[str, bool]:
    """Return the way out of what git printed, and whether trying again at once may help."""
    if "protected branch" in output:
        return (
            "A maintainer may make main of an empty project, unless default branches are not protected: "
            "push it manually while Settings, Repository, Protected branches lets you, then run this again."
        ), False
    if re.search(r"Access denied|Authentication failed|could not read Username", output):
        return _FIXES[401], False
    if found := re.search(r"returned error: (\d{3})", output):
        status = int(found[1])
        return fix(status, output, None), status >= 500
    if "pre-receive hook declined" in output:
        return "A push rule forbids this: let an owner of the group except it, then run this again.", False
    return said_to_a_program(output, ca="gitlab.ca")


# --- the client -----------------------------------------------------------------------------------

TOKEN = "GITLAB_TOKEN"  # noqa: S105 - a name


class GitLabRest(Api):
    """One GitLab and one token."""

    follows = re.compile(r"/projects/\d+(/|$)")  # GitLab leads from a project's old path to its number

    def __init__(self, host: str, token: Secret, repository: str = "", *, ca: str = "") -> None:
        self.host = host
        self.repository = repository
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


# --- the token: where it comes from, and how git logs in with it ----------------------------------

_HELPER = f"""!f() {{ test "$1" != get || printf 'username=oauth2\\npassword=%s\\n' "${TOKEN}"; }}; f"""
"""A shell that reads the token from its environment; git asks it for GitLab's host alone."""


READER = "oauth2"
"""The name that a token logs in with to read over https."""


def token_variables(_: str) -> tuple[str, ...]:
    """Return the names of the variables that may hold the token."""
    return (TOKEN,)


def token(_: str) -> str:
    """Return the token; empty where there is none."""
    return secret.token(TOKEN)


def login(host: str, token: Secret, ca: str) -> Login:
    """Return what git logs in with to push."""
    return Login(host, _HELPER, {TOKEN: token.reveal(), **variables(ca)}, said_to_git)
