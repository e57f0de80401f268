"""The registry's edge: whether a login works, asked before anything is created.

A login goes to the registry itself and to its own token server, nowhere else: whoever answers cannot send it on.
"""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from ..cluster.kubectl import Cluster
from ..cluster.pods import HUB_LIMITS
from ..config.settings import Settings
from ..forges.credentials import Credentials, docker_login
from ..forges.http import HttpClient
from ..support import proxies
from ..support.errors import UNREADABLE, InstallerError, Untrusted, reading
from ..support.secret import Secret
from ..support.tls import unknown

IN_CLUSTER = "gitops-flask-registry"
"""The registry of local projects in the cluster: its namespace, and all that is in there."""
IN_CLUSTER_PORT = 5000
"""Inside of its pod."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_API = {"docker.io": "registry-1.docker.io"}
_TOKEN_SERVERS = {"docker.io": "auth.docker.io"}
"""Where registries send logins that is no host of theirs by its name."""
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
    token_server: str = ""
    """A host that the registry may send logins to, beside its own."""

    @classmethod
    def to(cls, settings: Settings, username: str, token: Secret) -> "Login":
        """Return a login to the project's registry."""
        server = settings.registry_token_server or (settings.host if settings.own_registry else "")
        return cls(settings.registry, username, token, settings.registry_ca, server)

    @property
    def variables(self) -> dict[str, str]:
        """Return it as the project's scripts read it."""
        return {"REGISTRY_USERNAME": self.username, "REGISTRY_TOKEN": self.token.reveal()}


def login_at_hand(settings: Settings, credentials: Credentials) -> Login | None:
    """Return the login of `REGISTRY_*`, or else the one that Docker keeps; None where there is neither."""
    if credentials.registry_token:
        return Login.to(settings, credentials.registry_username, credentials.registry_token)
    kept = docker_login(settings.registry)
    return Login.to(settings, *kept) if kept else None


@contextmanager
def reached(settings: Settings, cluster: Cluster, login: Login) -> Iterator[Login]:
    """Lend a login by which the registry can be asked: one in a cluster that is not kind's, through a port-forward."""
    if not settings.registry_in_cluster or settings.kind_cluster:
        yield login
        return
    with cluster.forwarded(f"deployment/{IN_CLUSTER}", IN_CLUSTER, IN_CLUSTER_PORT) as address:
        yield replace(login, host=address.partition("://")[2])


def check_login(login: Login, image: str, *, push: bool = True) -> None:
    """Log in as `docker login` would, for pushing or pulling `image` (`acme/web`); raise where the registry says no."""
    scope = f"repository:{image}:pull{',push' if push else ''}"
    answer = _ask("GET", login, "", scope)
    _settle(login.host, answer)
    if not answer.ok:
        names = f"REGISTRY_{'' if push else 'PULL_'}"
        raise InstallerError(
            f"The registry {login.host} refuses {login.username}: {answer.status_code} {_reason(answer)}",
            f"Set {names}USERNAME and {names}TOKEN ({'read & write' if push else 'read'}){token_page(login.host)}.",
        )
    if push and not _grants_push(answer, image):
        _try_push(login, image, scope)


def _grants_push(answer: requests.Response, image: str) -> bool:
    """Return whether the token server says that its token may push.

    A token server grants what it likes of the scope it was asked for, and says so in the token where that is a JWT with
    the claim `access` (Docker Hub, GitLab, Harbor, Quay, Azure). GHCR's and others' tokens say nothing; nor does a
    claim without push prove much: the registry itself decides.
    """
    try:
        granted = answer.json()
        part = str(granted.get("token") or granted["access_token"]).split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return any(each["name"] == image and "push" in each["actions"] for each in claims["access"])
    except UNREADABLE:
        return False


def _try_push(login: Login, image: str, scope: str) -> None:
    """Begin an upload, as the first request of every push does, and cancel it: nothing is stored by that."""
    answer = _ask("POST", login, f"{image}/blobs/uploads/", scope)
    _settle(login.host, answer)
    if answer.status_code == requests.codes.accepted:
        _cancel(login, answer)
    elif answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
        raise InstallerError(
            f"The registry {login.host} does not let {login.username} push {image}: "
            f"{answer.status_code} {_reason(answer)}",
            f"Set REGISTRY_USERNAME, and REGISTRY_TOKEN to one that may push (read & write){token_page(login.host)}.",
        )
    else:
        raise InstallerError(
            f"The registry {login.host} takes no push of {image}: {answer.status_code} {_reason(answer)}",
            "See what it says; some registries want the repository, or the account, to be made there first.",
        )


def _cancel(login: Login, begun: requests.Response) -> None:
    """Cancel an upload, where it was begun; a registry that does not take that (GHCR) forgets it of itself."""
    asked = begun.request.headers
    with suppress(requests.RequestException, ValueError):  # a Location that is no address names nothing to cancel
        where = urljoin(begun.url, begun.headers.get("Location", ""))
        if urlsplit(where)[:2] == urlsplit(begun.url)[:2] and "Location" in begun.headers:
            # one that asks for no login was sent none
            _send("DELETE", where, login, headers={name: asked[name] for name in ("Authorization",) if name in asked})


def has(login: Login, name: str, digest: str) -> bool:
    """Return whether the registry has a manifest of `acme/web`; asked without a login where there is no token."""
    host = login.host
    answer = _manifest("HEAD", login, name, digest)
    _settle(host, answer)
    if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
        who = login.username if login.token else "someone without a token"
        fix = f"Set REGISTRY_USERNAME and REGISTRY_TOKEN{token_page(host)}."
        raise InstallerError(f"{host} does not let {who} look at {name}.", fix)
    if not answer.ok and answer.status_code != requests.codes.not_found:
        raise InstallerError(
            f"{host} answered {answer.status_code} when asked for {name}@{digest}.", "Try again later."
        )
    return bool(answer.ok)


def anyone_can_pull(settings: Settings, digest: str) -> bool:
    """Return whether the registry gives the project's image to somebody who does not log in."""
    nobody = Login.to(settings, "", Secret(""))
    answer = _manifest("HEAD", nobody, settings.image_name, digest)
    _refuse(nobody.host, answer)
    return bool(answer.ok)


@reading("The registry's answer")
def architectures(login: Login, name: str, digest: str) -> tuple[str, ...]:
    """Return the machines that an image of `acme/web` is for, as its index lists them; none where it has no index."""
    answer = _manifest("GET", login, name, digest)
    _settle(login.host, answer)
    listed = answer.json().get("manifests", []) if answer.ok else []
    found = [str(each.get("platform", {}).get("architecture", "unknown")) for each in listed]
    return tuple(dict.fromkeys(each for each in found if each.isalnum() and each != "unknown"))


def digest_of(login: Login, name: str, tag: str) -> str:
    """Return the digest that a tag of `library/python` stands for now; raise where the registry does not return it."""
    host = login.host
    answer = _manifest("HEAD", login, name, tag)
    _settle(host, answer)
    found = answer.headers.get("Docker-Content-Digest", "")
    if not answer.ok or not DIGEST.fullmatch(found):
        raise InstallerError(
            f"{host} did not return the digest of {name}:{tag}: {answer.status_code} {_reason(answer)}"
        )
    return found


def _manifest(verb: str, login: Login, name: str, reference: str) -> requests.Response:
    return _ask(verb, login, f"{name}/manifests/{reference}", f"repository:{name}:pull")


def _settle(host: str, answer: requests.Response) -> None:
    """Raise where the registry's trouble was answered, or what many meet there and the answer does not explain."""
    if fix := _explained(host, answer.status_code, _reason(answer)):
        raise InstallerError(f"The registry {host} refuses: {answer.status_code} {_reason(answer)}", fix)
    _refuse(host, answer)


def _explained(host: str, status: int, said: str) -> str:
    """Return what to do about an answer that many meet and that does not say it itself; empty for any other."""
    said = said.lower()
    if status == HTTPStatus.TOO_MANY_REQUESTS and "login attempts" in said:
        return f"Too many wrong logins, {host} takes none for some minutes: check the token, then run this again."
    if status == HTTPStatus.TOO_MANY_REQUESTS and host == "docker.io":
        return HUB_LIMITS
    if status == HTTPStatus.UNAUTHORIZED and host == "docker.io" and "incorrect username or password" in said:
        return (
            "REGISTRY_USERNAME is the account's Docker ID, no e-mail address, and REGISTRY_TOKEN an access token of it "
            f"(with two-factor or single sign-on no password is taken), made at {TOKENS[host]}."
        )
    return ""


def _refuse(host: str, answer: requests.Response) -> None:
    """Raise where it is trouble that was answered, which no login is to blame for."""
    said = f"The registry {host} answered {answer.status_code} {answer.reason}"
    if answer.status_code == requests.codes.too_many_requests:
        after = answer.headers.get("Retry-After", "")
        raise InstallerError(said, f"Run this again in {f'{after} s' if after.isdigit() else 'some minutes'}.")
    if answer.status_code >= requests.codes.server_error:
        raise InstallerError(said, "It has trouble, or a proxy on the way to it has. Run this again later.")
    if answer.ok and "html" in answer.headers.get("Content-Type", ""):
        reported = f"{host} answered with a page, as no registry does."
        raise InstallerError(reported, "Is there a proxy or a login page in between? Then run this again.")


def _ask(verb: str, login: Login, path: str, scope: str) -> requests.Response:
    """Send one request, with what the registry demands: a token of its own for the scope, or the login itself."""
    host, base = login.host, f"{_scheme(login.host)}://{_API.get(login.host, login.host)}/v2/"
    # As bytes: requests would write them in Latin-1, and docker writes UTF-8.
    auth = (login.username.encode(), login.token.reveal().encode()) if login.token else None
    url, headers = f"{base}{path}", {"Accept": _MANIFESTS} if path else {}
    try:
        answer = _send(verb, url, login, headers=headers)
        if answer.status_code != requests.codes.unauthorized:
            return answer
        kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        if kind.lower() != "bearer":
            return _send(verb, url, login, headers=headers, auth=auth)
        fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        query = {"service": fields.get("service", ""), "scope": scope}
        granted = _send("GET", _token_server(login, fields["realm"]), login, params=query, auth=auth)
        if not path or not granted.ok:
            return granted
        bearer = granted.json()
        headers["Authorization"] = f"Bearer {bearer.get('token') or bearer['access_token']}"
        return _send(verb, url, login, headers=headers)
    except (requests.RequestException, *UNREADABLE) as error:
        if unknown(error):
            raise Untrusted(
                f"The certificate of the registry {host} is signed by nobody whom this machine knows.",
                "Where a company's CA signed it: put that into the project and name it in gitops.yaml, registry.ca.",
            ) from None
        if by_proxy := proxies.silent(base, error):
            raise by_proxy from None
        raise InstallerError(
            f"The registry {host} does not answer at {base}: {type(error).__name__}.",
            "Check registry.host in gitops.yaml, the network and any proxy.",
        ) from None


def _send(verb: str, url: str, login: Login, **what: Any) -> requests.Response:
    """Send one request and follow nobody elsewhere: neither the login nor what it brings is for another host."""
    answer = _client(login.ca).request(verb, url, **what)
    if answer.is_redirect:
        there = urlsplit(urljoin(url, answer.headers["Location"])).netloc.rpartition("@")[2]
        reported = f"The registry {login.host} leads elsewhere ({answer.status_code}, to {there}); no login goes there."
        raise Untrusted(reported, "Name the registry's own host in gitops.yaml, registry.host; or look for a proxy.")
    return answer


@cache
def _client(ca: str) -> HttpClient:
    """Return the client of all registries whose certificates this CA may have signed: each request brings its login."""
    return HttpClient(ca)


def _token_server(login: Login, realm: str) -> str:
    """Return where the registry has its logins sent; raise where that is not a host of its own, or not by https."""
    name, scheme = _name(login.host), _scheme(login.host)
    own = {name, _name(_API.get(login.host, name)), _TOKEN_SERVERS.get(login.host, name)}
    own |= {name.removeprefix("registry."), _name(login.token_server or name)}  # registry.gitlab.com's is gitlab.com
    own |= {"localhost", "127.0.0.1"} if scheme == "http" else set()
    address = requests.Request("GET", realm).prepare().url or ""  # as it is sent, whatever else it may be read as
    there = urlsplit(address)
    if there.hostname in own and there.scheme in ("https", scheme):
        return address
    shown = f"{there.scheme}://{there.netloc.rpartition('@')[2]}"
    raise Untrusted(
        f"The registry {login.host} sends logins to {shown}, which is no https address of its own: none was sent.",
        "Ask who runs it. Where that host is its token server: registry.token_server in gitops.yaml names it.",
    )


def _name(host: str) -> str:
    return host.partition(":")[0]


def _scheme(host: str) -> str:
    return "http" if host.startswith(("localhost:", "127.0.0.1:")) else "https"


def _reason(answer: requests.Response) -> str:
    """Return what a registry says of its answer: most say it in a list of errors, some in a field."""
    try:
        data: Any = answer.json()
        if data.get("errors"):
            return str(data["errors"][0].get("message", answer.reason))
        return str(data.get("details") or data.get("message") or answer.reason)
    except UNREADABLE:
        return answer.reason


def token_page(host: str) -> str:
    """Return the end of a sentence that says to set a token: where one is made, as far as that is known."""
    return f"; make a token at {TOKENS[host]}" if host in TOKENS else ""
