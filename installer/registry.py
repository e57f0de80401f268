"""The registry's edge: whether a login works, asked before anything is created."""

import re
from typing import Any

import requests

from .errors import InstallerError
from .registry_trouble import patiently, refuse
from .secret import Secret

_SECONDS = 10
_API = {"docker.io": "registry-1.docker.io"}
TOKENS = {
    "docker.io": "https://app.docker.com/settings/personal-access-tokens",
    "ghcr.io": "https://github.com/settings/tokens",
}


_MANIFESTS = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        *("oci.image.index.v1", "oci.image.manifest.v1"),
        *("docker.distribution.manifest.list.v2", "docker.distribution.manifest.v2"),
    )
)


def check_login(host: str, image: str, username: str, token: Secret) -> None:
    """Log in as `docker login` would, for pushing `image` (`acme/web`); raise where the registry says no."""
    answer = patiently(lambda: _ask("GET", host, "", f"repository:{image}:pull,push", (username, token.reveal())))
    refuse(host, answer)
    if not answer.ok:
        raise InstallerError(
            f"The registry {host} refuses {username}: {answer.status_code} {_reason(answer)}",
            f"Set REGISTRY_USERNAME and REGISTRY_TOKEN (read & write){_page(host)}.",
        )


def has(image: str, digest: str, username: str, token: Secret) -> bool:
    """Tell whether `docker.io/acme/web` has a manifest; asked without a login where there is no token."""
    host, _, name = image.partition("/")
    login = (username, token.reveal()) if token else None
    answer = patiently(lambda: _ask("HEAD", host, f"{name}/manifests/{digest}", f"repository:{name}:pull", login))
    refuse(host, answer)
    if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
        who = username if token else "someone without a token"
        fix = f"Set REGISTRY_USERNAME and REGISTRY_TOKEN{_page(host)}."
        raise InstallerError(f"{host} does not let {who} look at {name}.", fix)
    if not answer.ok and answer.status_code != requests.codes.not_found:
        raise InstallerError(
            f"{host} answered {answer.status_code} when asked for {name}@{digest}.", "Try again later."
        )
    return bool(answer.ok)


def _ask(verb: str, host: str, path: str, scope: str, login: tuple[str, str] | None) -> requests.Response:
    """Send one request, with what the registry demands: a token of its own for the scope, or the login itself."""
    base = f"{'http' if host.startswith(('localhost:', '127.0.0.1:')) else 'https'}://{_API.get(host, host)}/v2/"
    url, headers = f"{base}{path}", {"Accept": _MANIFESTS} if path else {}
    try:
        answer = requests.request(verb, url, headers=headers, timeout=_SECONDS)
        if answer.status_code != requests.codes.unauthorized:
            return answer
        kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        if kind.lower() != "bearer":
            return requests.request(verb, url, headers=headers, auth=login, timeout=_SECONDS)
        fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        query = {"service": fields.get("service", ""), "scope": scope}
        granted = requests.get(fields["realm"], params=query, auth=login, timeout=_SECONDS)
        if not path or not granted.ok:
            return granted
        bearer = granted.json()
        headers["Authorization"] = f"Bearer {bearer.get('token') or bearer['access_token']}"
        return requests.request(verb, url, headers=headers, timeout=_SECONDS)
    except (requests.RequestException, KeyError, ValueError) as error:
        raise InstallerError(
            f"The registry {host} does not answer at {base}: {type(error).__name__}.",
            "Check registry.host in gitops.yaml, the network and any proxy.",
        ) from None


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
