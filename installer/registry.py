"""The registry's edge: whether a login works, asked before anything is created."""

import re
from typing import Any

import requests

from .errors import InstallerError
from .secret import Secret

_SECONDS = 10
_API = {"docker.io": "registry-1.docker.io"}
TOKENS = {
    "docker.io": "https://app.docker.com/settings/personal-access-tokens",
    "ghcr.io": "https://github.com/settings/tokens",
}


def check_login(host: str, image: str, username: str, token: Secret) -> None:
    """Log in as `docker login` would, for pushing `image` (`acme/web`); raise where the registry says no."""
    base = f"{'http' if host.startswith(('localhost:', '127.0.0.1:')) else 'https'}://{_API.get(host, host)}/v2/"
    login = (username, token.reveal())
    try:
        answer = requests.get(base, timeout=_SECONDS)
        challenge = answer.headers.get("WWW-Authenticate", "")
        if answer.status_code == requests.codes.unauthorized:
            kind, _, rest = challenge.partition(" ")
            if kind.lower() == "bearer":
                fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
                query = {"service": fields.get("service", ""), "scope": f"repository:{image}:pull,push"}
                answer = requests.get(fields["realm"], params=query, auth=login, timeout=_SECONDS)
            else:
                answer = requests.get(base, auth=login, timeout=_SECONDS)
    except (requests.RequestException, KeyError) as error:
        raise InstallerError(
            f"The registry {host} does not answer at {base}: {type(error).__name__}.",
            "Check registry.host in gitops.yaml, the network and any proxy.",
        ) from None
    if not answer.ok:
        raise InstallerError(
            f"The registry {host} refuses {username}: {answer.status_code} {_reason(answer)}",
            f"Set REGISTRY_USERNAME and REGISTRY_TOKEN (read & write){_page(host)}.",
        )


def _reason(answer: requests.Response) -> str:
    try:
        data: Any = answer.json()
    except ValueError:
        return answer.reason
    if isinstance(data, dict) and data.get("errors"):
        return str(data["errors"][0].get("message", answer.reason))
    return str(data.get("details") or data.get("message") or answer.reason) if isinstance(data, dict) else answer.reason


def _page(host: str) -> str:
    return f"; make a token at {TOKENS[host]}" if host in TOKENS else ""
