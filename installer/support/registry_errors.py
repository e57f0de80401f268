"""A registry that says neither yes nor no: it is asked again, and not reported as a refused login."""

import re
from collections.abc import Callable

import requests

from .errors import InstallerError, Untrusted
from .wait import pause

_PAUSES = (0.5, 2.0)
_LONGEST = 30.0  # seconds that a rate limit is waited for


def with_retries(ask: Callable[[], requests.Response]) -> requests.Response:
    """Ask up to three times where the answer may be another one soon; to ask changes nothing."""
    for wait in (*_PAUSES, None):
        try:
            answer = ask()
        except InstallerError as error:
            if wait is None or isinstance(error, Untrusted):
                raise
            pause(wait)
        else:
            seconds = _patience(answer, wait)
            if seconds is None:
                return answer
            pause(seconds)
    raise AssertionError


def _patience(answer: requests.Response, wait: float | None) -> float | None:
    """Return how long to wait before it is asked again; None where it is not."""
    after = answer.headers.get("Retry-After", "")
    if answer.status_code == requests.codes.too_many_requests and after.isdigit() and float(after) <= _LONGEST:
        return wait and float(after)
    return wait if answer.status_code >= requests.codes.server_error else None


def refuse(host: str, answer: requests.Response) -> None:
    """Raise where it is trouble that was answered."""
    said = f"The registry {host} answered {answer.status_code} {answer.reason}"
    if answer.status_code == requests.codes.too_many_requests:
        after = answer.headers.get("Retry-After", "")
        raise InstallerError(said, f"Run this again in {f'{after} s' if after.isdigit() else 'some minutes'}.")
    if answer.status_code >= requests.codes.server_error:
        raise InstallerError(said, "It has trouble, or a proxy on the way to it has. Run this again later.")
    if answer.ok and "html" in answer.headers.get("Content-Type", ""):
        reported = f"{host} answered with a page, as no registry does."
        raise InstallerError(reported, "Is there a proxy or a login page in between? Then run this again.")


def explained(host: str, status: int, said: str) -> str:
    """Return what to do about an answer that many meet and that does not say it itself; empty for any other."""
    said = said.lower()
    if status == requests.codes.too_many_requests and "login attempts" in said:
        return f"Too many wrong logins, {host} takes none for some minutes: check the token, then run this again."
    if status == requests.codes.too_many_requests and host == "docker.io":
        return (
            "Docker Hub limits how often is pulled, and counts by address where nobody is logged in, else by account. "
            "Wait, or let the cluster log in: registry.visibility private in gitops.yaml, REGISTRY_PULL_TOKEN set."
        )
    if status == requests.codes.unauthorized and host == "docker.io" and "incorrect username or password" in said:
        return (
            "REGISTRY_USERNAME is the account's Docker ID, no e-mail address, and REGISTRY_TOKEN an access token of it "
            "(with two-factor or single sign-on no password is taken), made at "
            "https://app.docker.com/settings/personal-access-tokens."
        )
    return ""


def explained_pull(said: str) -> str:
    """Return what to do about a pull that the cluster was refused, by its runtime's words; empty where they say all."""
    if "toomanyrequests" in said or "429 Too Many Requests" in said:
        hub = explained("docker.io", requests.codes.too_many_requests, "")
        return hub if "docker.io" in said else "The registry limits how often is pulled: wait, or ask who runs it."
    if re.search(r"unauthorized|Unauthorized|authentication required|403 Forbidden|pull access denied|denied:", said):
        return (
            "Nobody may pull this image without a login, or not with this one: registry.visibility: private in "
            "gitops.yaml, a token that reads in REGISTRY_PULL_TOKEN, then `up` again."
        )
    if "x509" in said:
        return "The nodes do not know the CA that signed the registry's certificate: their container runtime needs it."
    return ""
