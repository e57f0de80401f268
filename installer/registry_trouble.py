"""A registry that says neither yes nor no: it is asked again, and not told as a refused login."""

from collections.abc import Callable

import requests

from .errors import InstallerError
from .wait import pause

_PAUSES = (0.5, 2.0)
_LONGEST = 30.0  # seconds that a rate limit is waited for


def patiently(ask: Callable[[], requests.Response]) -> requests.Response:
    """Ask up to three times where the answer may be another one soon; to ask changes nothing."""
    for wait in (*_PAUSES, None):
        try:
            answer = ask()
        except InstallerError:
            if wait is None:
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
        told = f"{host} answered with a page, as no registry does."
        raise InstallerError(told, "Is there a proxy or a login page in between? Then run this again.")
