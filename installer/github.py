"""GitHub's edge: REST through PyGithub, the same calls for github.com, ghe.com and an Enterprise Server."""

import base64
import logging
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import requests
from github import Auth, Github, GithubException
from github.PublicKey import encrypt

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


class GitHub:
    """One GitHub and one token; `repository` is the full name, `owner/name`, that paths begin with."""

    def __init__(
        self, host: str, token: Secret, repository: str, *, ca: str = "", api_version: str = Settings.api_version
    ) -> None:
        self.host = host
        self.repository = repository
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

    def headers(self, path: str) -> dict[str, str]:
        """Read one thing and return only the headers of the answer, their names in lower case."""
        return self.send("GET", path, None, {})[0]

    def scopes(self) -> frozenset[str] | None:
        """Return a classic token's scopes; None for tokens that have none (fine-grained, of an App)."""
        given = self.headers("/user").get("x-oauth-scopes")
        return None if given is None else frozenset(s.strip() for s in given.split(",") if s.strip())

    # --- the repository ------------------------------------------------------------------------

    def path(self, *parts: str) -> str:
        """Return a path below the repository, each part escaped but for its slashes."""
        return "/".join([f"/repos/{self.repository}", *(quote(part, safe="/") for part in parts)])

    def find(self) -> dict[str, Any] | None:
        """Return the repository, or None."""
        found: dict[str, Any] | None = self.get(self.path())
        return found

    def head(self, branch: str) -> str | None:
        """Return the commit at a branch's head, or None."""
        try:
            found = self.get(self.path("git/ref/heads", branch))
        except Refused as error:
            if error.status == 409:  # an empty repository
                return None
            raise
        return found["object"]["sha"] if found else None

    def file(self, path: str, ref: str) -> str | None:
        """Return a file's text at a commit or branch, or None."""
        found = self.get(self.path("contents", path), ref=ref)
        if not found:
            return None
        return base64.b64decode(found["content"]).decode()

    def variables(self) -> dict[str, str]:
        """Return the repository's Actions variables."""
        return {v["name"]: v["value"] for v in self.pages(self.path("actions/variables"), "variables")}

    def set_variable(self, name: str, value: str, known: Mapping[str, str]) -> None:
        """Create or change a variable; `known` are those that are there."""
        body = {"name": name, "value": value}
        if name in known:
            self.call("PATCH", self.path("actions/variables", name), body)
        else:
            self.call("POST", self.path("actions/variables"), body)

    def set_secret(self, name: str, value: Secret) -> None:
        """Create or replace an Actions secret, sealed with the repository's public key."""
        key = self.call("GET", self.path("actions/secrets/public-key"))
        body = {"encrypted_value": encrypt(key["key"], value.reveal()), "key_id": key["key_id"]}
        self.call("PUT", self.path("actions/secrets", name), body)

    def secrets(self) -> frozenset[str]:
        """Return the names of the repository's Actions secrets."""
        return frozenset(s["name"] for s in self.pages(self.path("actions/secrets"), "secrets"))

    def delete(self, path: str) -> bool:
        """Delete what is at a path; False where nothing was."""
        try:
            self.call("DELETE", path)
        except Refused as error:
            if error.status == 404:
                return False
            raise
        return True


def _message(error: GithubException) -> str:
    data = error.data if isinstance(error.data, dict) else {}
    parts = [str(data.get("message") or error.message or "no message")]
    details = data.get("errors") or []
    parts += [detail if isinstance(detail, str) else str(detail.get("message") or detail) for detail in details]
    return "; ".join(parts)
