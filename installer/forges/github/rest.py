"""GitHub's REST API: the same for github.com, ghe.com and an Enterprise Server."""

import re

import requests

from ...config.settings import CLOUD, OF_CLOUD, Settings
from ...support.secret import Secret, redact
from ..http import Api
from .api_errors import GitHubApiError


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


class GitHubRest(Api):
    """One GitHub and one token."""

    follows = re.compile("/")

    def __init__(self, host: str, token: Secret, *, ca: str = "", api_version: str = Settings.api_version) -> None:
        self.host = host
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": api_version}
        if token:
            headers["Authorization"] = f"Bearer {token.reveal()}"
        super().__init__("GitHub", api_url(host), headers, ca=ca, ca_setting="github.ca")

    def refusal(self, verb: str, path: str, answer: requests.Response) -> GitHubApiError:
        """Return what GitHub said, with its details."""
        headers = dict(answer.headers.lower_items())
        return GitHubApiError(verb, path, answer.status_code, redact(_message(answer)), headers)

    def scopes(self) -> frozenset[str] | None:
        """Return a classic token's scopes; None for tokens that have none (fine-grained, of an App)."""
        given = self.headers("/user").get("x-oauth-scopes")
        return None if given is None else frozenset(s.strip() for s in given.split(",") if s.strip())


def _message(answer: requests.Response) -> str:
    try:
        said = answer.json()
    except (ValueError, RecursionError):
        said = None
    data = said if isinstance(said, dict) else {}
    parts = [str(data.get("message") or answer.reason or "no message")]
    details = data.get("errors")
    parts += [_detail(each) for each in details] if isinstance(details, list) else []
    return "; ".join(parts)


def _detail(said: object) -> str:
    return str(said.get("message") or said) if isinstance(said, dict) else str(said)
