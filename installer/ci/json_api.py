"""A small HTTP API that speaks JSON: one request, its answer, and when it is sent again."""

from collections.abc import Mapping
from typing import Any

import requests

from ..forges.api_errors import not_the_host
from ..forges.http import PAUSES, TIMEOUT, Rest
from ..support import proxies
from ..support.errors import ApiError, InstallerError
from ..support.http_session import session
from ..support.secret import redact
from ..support.wait import pause
from ..support.write_guard import about_to_write


class CIApiError(ApiError):
    """The API refused a request, with this `status`."""


class JsonApi(Rest):
    """One API and one token; `title` is for messages, `variable` names where the token came from."""

    def __init__(self, title: str, base: str, headers: Mapping[str, str], variable: str) -> None:
        self._title = title
        self._base = base
        self._headers = {"Accept": "application/json", **headers}
        self._variable = variable

    def send(self, verb: str, path: str, body: Any, parameters: Mapping[str, Any]) -> tuple[dict[str, str], Any]:
        """Send one request, again where that is safe, which after a POST is never known here; raise CIApiError."""
        for wait in (*PAUSES, None):
            if verb != "GET":
                about_to_write()
            try:
                return self._once(verb, path, body, parameters)
            except InstallerError as error:
                said_no = isinstance(error, CIApiError) and error.status < 500 and error.status != 429
                if wait is None or verb == "POST" or said_no:
                    raise
                pause(wait)
        raise AssertionError

    def _once(self, verb: str, path: str, body: Any, parameters: Mapping[str, Any]) -> tuple[dict[str, str], Any]:
        asked = f"{verb} {path}"
        try:
            with session() as own:
                answer = own.request(
                    *(verb, f"{self._base}{path}"),
                    json=body,
                    params=parameters,
                    headers=self._headers,
                    timeout=TIMEOUT,
                    allow_redirects=False,  # requests would take a header like Circle-Token along, to whatever host
                )
        except requests.RequestException as error:
            if by_proxy := proxies.silent(self._base, error):
                raise by_proxy from None
            why = redact(str(error.args[0] if error.args else error))
            fix = "Check the network and any proxy, then run this again."
            raise InstallerError(f"{self._base} did not answer {asked}: {why}", fix) from None
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if answer.is_redirect:
            where = f"it leads to {redact(headers['location'])}"
            raise not_the_host(self._title, self._base, asked, where)
        if answer.ok and not answer.content:
            return headers, None
        try:
            data = answer.json()
        except (ValueError, RecursionError):
            data = None
        if not answer.ok:
            message = redact(_message(data) or answer.reason)
            raise CIApiError(self._title, asked, answer.status_code, message, self._fix(answer.status_code))
        if data is None:
            fix = "Is there a proxy or a login page in between? Then run this again."
            raise InstallerError(f"{self._base} answered {asked} with something that is no JSON.", fix)
        return headers, data

    def _fix(self, status: int) -> str:
        if status in (401, 403):
            return f"The token in {self._variable} is wrong, has expired, or may not do this: make a new one."
        if status >= 500 or status == 429:
            return f"{self._title} has trouble, or was asked too often: run this again later; it resumes."
        return f"See what {self._title} says; then run this again."


def _message(data: Any) -> str:
    """Return an error's text: CircleCI and Travis CI call it otherwise."""
    found = data if isinstance(data, dict) else {}
    return str(found.get("message") or found.get("error_message") or "")
