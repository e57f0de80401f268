"""GitHub's REST API through PyGithub: one request, its answer, and when it is sent again."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from github import Auth, Github, GithubException

from .errors import InstallerError, Untrusted
from .refused import Refused, not_github, unreachable
from .secret import Secret, redact
from .settings import CLOUD, OF_CLOUD, Settings
from .trust import verify
from .wait import pause

TIMEOUT = 15
"""Seconds for one answer."""
PAUSES = (0.5, 2.0)
"""Seconds before the second and the third time that a request is sent."""
LONGEST = 30.0
"""Seconds that a rate limit is waited for; one that lasts longer is told."""
logging.getLogger("github.Requester").setLevel(logging.INFO)  # below, PyGithub would log bodies with their secrets


def api_url(host: str) -> str:
    """Return the base of a GitHub's REST API."""
    if host == CLOUD:
        return "https://api.github.com"
    if host.endswith(OF_CLOUD):
        return f"https://api.{host}"
    return f"https://{host}/api/v3"


def token_variable(host: str) -> str:
    """Return the environment variable from which `gh` takes a token for this host."""
    return "GH_TOKEN" if host == CLOUD or host.endswith(OF_CLOUD) else "GH_ENTERPRISE_TOKEN"


class Rest:
    """One GitHub and one token: the same calls for github.com, ghe.com and an Enterprise Server."""

    def __init__(self, host: str, token: Secret, *, ca: str = "", api_version: str = Settings.api_version) -> None:
        self.host = host
        self._github = Github(
            base_url=api_url(host),
            auth=Auth.Token(token.reveal()) if token else None,
            timeout=TIMEOUT,
            retry=0,  # PyGithub would repeat POST, and wait for rate limits up to an hour
            seconds_between_requests=None,
            seconds_between_writes=None,
            api_version=api_version,
            verify=verify(ca),
            per_page=100,
        )

    def call(self, verb: str, path: str, body: Any = None, **parameters: Any) -> Any:
        """Send one request and return its JSON (None where there is none); raise Refused."""
        return self.send(verb, path, body, parameters)[1]

    def once(self, verb: str, path: str, body: Any) -> None:
        """Send one request, and not again: what is true now may not be after a rest."""
        self._once(verb, path, body, {})

    def send(self, verb: str, path: str, body: Any, parameters: Mapping[str, Any]) -> tuple[dict[str, str], Any]:
        """Return headers and JSON; sends again where that is safe: a POST only where GitHub has done nothing."""
        for wait in (*PAUSES, None):
            try:
                return self._once(verb, path, body, parameters)
            except Refused as error:
                limited = error.wait is not None and error.wait <= LONGEST
                if wait is None or not (limited or (error.status >= 500 and verb != "POST")):
                    raise
                pause(error.wait if error.wait is not None else wait)
            except InstallerError as error:
                if wait is None or verb == "POST" or isinstance(error, Untrusted):
                    raise
                pause(wait)
        raise AssertionError

    def _once(self, verb: str, path: str, body: Any, parameters: Mapping[str, Any]) -> tuple[dict[str, str], Any]:
        try:
            headers, data = self._github.requester.requestJsonAndCheck(
                verb, path, parameters=dict(parameters) or None, input=body
            )
        except GithubException as error:
            raise Refused(verb, path, error.status, redact(_message(error)), error.headers or {}) from None
        except requests.RequestException as error:
            raise unreachable(api_url(self.host), f"{verb} {path}", error, TIMEOUT) from None
        except (ValueError, RuntimeError) as error:  # half an answer; a redirect to another host
            raise not_github(api_url(self.host), f"{verb} {path}", str(error)) from None
        if data and "json" not in headers.get("content-type", ""):
            raise not_github(
                api_url(self.host), f"{verb} {path}", f"it is {headers.get('content-type') or 'of no type'}"
            )
        return headers, data

    def get(self, path: str, **parameters: Any) -> Any:
        """Read one thing; None where it is not there."""
        try:
            return self.call("GET", path, **parameters)
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def pages(self, path: str, key: str = "", **parameters: Any) -> Iterator[Any]:
        """Read a whole list, page by page; `key` names the list inside an envelope. Empty where it is not there."""
        page = 1
        while True:
            data = self.get(path, per_page=100, page=page, **parameters)
            items = (data or {}).get(key, []) if key else data or []
            yield from items
            if len(items) < 100:
                return
            page += 1

    def delete(self, path: str) -> bool:
        """Delete what is at a path; False where nothing was."""
        try:
            self.call("DELETE", path)
        except Refused as error:
            if error.status == 404:
                return False
            raise
        return True

    def headers(self, path: str) -> dict[str, str]:
        """Read one thing and return only the headers of the answer, their names in lower case."""
        return self.send("GET", path, None, {})[0]

    def scopes(self) -> frozenset[str] | None:
        """Return a classic token's scopes; None for tokens that have none (fine-grained, of an App)."""
        given = self.headers("/user").get("x-oauth-scopes")
        return None if given is None else frozenset(s.strip() for s in given.split(",") if s.strip())


def _message(error: GithubException) -> str:
    data = error.data if isinstance(error.data, dict) else {}
    parts = [str(data.get("message") or error.message or "no message")]
    details = data.get("errors") or []
    parts += [detail if isinstance(detail, str) else str(detail.get("message") or detail) for detail in details]
    return "; ".join(parts)
