"""GitHub's REST API through PyGithub: the same for github.com, ghe.com and an Enterprise Server."""

import logging
from collections.abc import Mapping
from typing import Any

import requests
from github import Auth, Github, GithubException

from ...config.settings import CLOUD, OF_CLOUD, Settings
from ...support import proxies
from ...support.secret import Secret, redact
from ...support.tls import verify
from ...support.write_guard import about_to_write
from ..api_errors import not_the_host, unreachable
from ..clients import Clients
from ..http import TIMEOUT, Rest, with_retries
from .api_errors import GitHubApiError

logging.getLogger("github.Requester").setLevel(logging.INFO)  # below, PyGithub would log bodies with their secrets


def api_url(host: str) -> str:
    """Return the base of a GitHub's REST API."""
    if host == CLOUD:
        return "https://api.github.com"
    if host.endswith(OF_CLOUD):
        return f"https://api.{host}"
    return f"https://{host}/api/v3"


def token_variables(host: str) -> tuple[str, str]:
    """Return the environment variables from which `gh` takes a token for this host, in its order."""
    if host == CLOUD or host.endswith(OF_CLOUD):
        return "GH_TOKEN", "GITHUB_TOKEN"
    return "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"


class GitHubRest(Rest):
    """One GitHub and one token."""

    def __init__(self, host: str, token: Secret, *, ca: str = "", api_version: str = Settings.api_version) -> None:
        self.host = host
        proxies.hide_logins()
        self._clients = Clients(
            lambda: Github(
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
        )

    def once(self, verb: str, path: str, body: Any) -> None:
        """Send one request, and not again: what is true now may not be after a rest."""
        about_to_write()
        self._once(verb, path, body, {})

    def send(self, verb: str, path: str, body: Any, parameters: Mapping[str, Any]) -> tuple[dict[str, str], Any]:
        """Return headers and JSON; raise GitHubApiError."""
        return with_retries(verb, lambda: self._once(verb, path, body, parameters))

    def _once(self, verb: str, path: str, body: Any, parameters: Mapping[str, Any]) -> tuple[dict[str, str], Any]:
        try:
            with self._clients.one() as github:
                headers, data = github.requester.requestJsonAndCheck(
                    verb, path, parameters=dict(parameters) or None, input=body
                )
        except GithubException as error:
            raise GitHubApiError(verb, path, error.status, redact(_message(error)), error.headers or {}) from None
        except requests.RequestException as error:
            raise unreachable(api_url(self.host), f"{verb} {path}", error, TIMEOUT, ca="github.ca") from None
        except (
            ValueError,
            RuntimeError,
            TypeError,
            AttributeError,
            LookupError,
        ) as error:  # half an answer; a redirect to another host
            if by_proxy := proxies.silent(api_url(self.host), error):
                raise by_proxy from None
            raise not_the_host("GitHub", api_url(self.host), f"{verb} {path}", redact(str(error))) from None
        if not data and (there := headers.get("location")):  # what is created has one too, and a body
            raise not_the_host("GitHub", api_url(self.host), f"{verb} {path}", f"it leads to {redact(there)}")
        if data and "json" not in headers.get("content-type", ""):
            kind = headers.get("content-type") or "of no type"
            raise not_the_host("GitHub", api_url(self.host), f"{verb} {path}", f"it is {kind}")
        return headers, data

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
