"""The registry's edge: whether a login works, asked before anything is created."""

import re
from dataclasses import dataclass
from typing import Any

import requests

from .errors import InstallerError, Untrusted
from .registry_trouble import explained, patiently, refuse
from .secret import Secret
from .trust import unknown, verify

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


@dataclass(frozen=True)
class Login:
    """A registry, and who asks it; `ca` is the company's, where the registry's certificate needs one."""

    host: str
    username: str
    token: Secret
    ca: str = ""


def check_login(login: Login, image: str, *, push: bool = True) -> None:
    """Log in as `docker login` would, for pushing or pulling `image` (`acme/web`); raise where the registry says no."""
    answer = patiently(lambda: _ask("GET", login, "", f"repository:{image}:pull{',push' if push else ''}"))
    _settle(login.host, answer)
    if not answer.ok:
        names = f"REGISTRY_{'' if push else 'PULL_'}"
        raise InstallerError(
            f"The registry {login.host} refuses {login.username}: {answer.status_code} {_reason(answer)}",
            f"Set {names}USERNAME and {names}TOKEN ({'read & write' if push else 'read'}){_page(login.host)}.",
        )


def has(login: Login, name: str, digest: str) -> bool:
    """Tell whether the registry has a manifest of `acme/web`; asked without a login where there is no token."""
    host = login.host
    answer = patiently(lambda: _ask("HEAD", login, f"{name}/manifests/{digest}", f"repository:{name}:pull"))
    _settle(host, answer)
    if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
        who = login.username if login.token else "someone without a token"
        fix = f"Set REGISTRY_USERNAME and REGISTRY_TOKEN{_page(host)}."
        raise InstallerError(f"{host} does not let {who} look at {name}.", fix)
    if not answer.ok and answer.status_code != requests.codes.not_found:
        raise InstallerError(
            f"{host} answered {answer.status_code} when asked for {name}@{digest}.", "Try again later."
        )
    return bool(answer.ok)


def _settle(host: str, answer: requests.Response) -> None:
    """Raise where the registry's trouble was answered, or what many meet there and the answer does not explain."""
    if fix := explained(host, answer.status_code, _reason(answer)):
        raise InstallerError(f"The registry {host} refuses: {answer.status_code} {_reason(answer)}", fix)
    refuse(host, answer)


def _ask(verb: str, login: Login, path: str, scope: str) -> requests.Response:
    """Send one request, with what the registry demands: a token of its own for the scope, or the login itself."""
    host, auth = login.host, (login.username, login.token.reveal()) if login.token else None
    believed = verify(login.ca)
    base = f"{_scheme(host)}://{_API.get(host, host)}/v2/"
    url, headers = f"{base}{path}", {"Accept": _MANIFESTS} if path else {}
    try:
        answer = requests.request(verb, url, headers=headers, timeout=_SECONDS, verify=believed)
        if answer.status_code != requests.codes.unauthorized:
            return answer
        kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        if kind.lower() != "bearer":
            return requests.request(verb, url, headers=headers, auth=auth, timeout=_SECONDS, verify=believed)
        fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        query = {"service": fields.get("service", ""), "scope": scope}
        granted = requests.get(fields["realm"], params=query, auth=auth, timeout=_SECONDS, verify=believed)
        if not path or not granted.ok:
            return granted
        bearer = granted.json()
        headers["Authorization"] = f"Bearer {bearer.get('token') or bearer['access_token']}"
        return requests.request(verb, url, headers=headers, timeout=_SECONDS, verify=believed)
    except (requests.RequestException, KeyError, ValueError) as error:
        if unknown(error):
            raise Untrusted(
                f"The certificate of the registry {host} is signed by nobody whom this machine knows.",
                "Where a company's CA signed it: put that into the project and name it in gitops.yaml, registry.ca.",
            ) from None
        raise InstallerError(
            f"The registry {host} does not answer at {base}: {type(error).__name__}.",
            "Check registry.host in gitops.yaml, the network and any proxy.",
        ) from None


def _scheme(host: str) -> str:
    return "http" if host.startswith(("localhost:", "127.0.0.1:")) else "https"


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
