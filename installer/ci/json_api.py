"""A CI's HTTP API that speaks JSON, and what to do where it says no."""

from collections.abc import Mapping
from typing import Any

import requests

from ..forges.http import Api
from ..support.errors import ApiError
from ..support.secret import redact


class CIApiError(ApiError):
    """The API refused a request, with this `status`."""


class JsonApi(Api):
    """One API and one token; `title` is for messages, `variable` names where the token came from."""

    def __init__(self, title: str, base: str, headers: Mapping[str, str], variable: str) -> None:
        super().__init__(title, base, headers)
        self._variable = variable

    def refusal(self, verb: str, path: str, answer: requests.Response) -> CIApiError:
        """Return what the CI said."""
        said = redact(_message(answer) or answer.reason)
        return CIApiError(self._title, f"{verb} {path}", answer.status_code, said, self._fix(answer.status_code))

    def _fix(self, status: int) -> str:
        if status in (401, 403):
            return f"The token in {self._variable} is wrong, has expired, or may not do this: make a new one."
        if status >= 500 or status == 429:
            return f"{self._title} has trouble, or was asked too often: run this again later; it resumes."
        return f"See what {self._title} says; then run this again."


def _message(answer: requests.Response) -> str:
    """Return an error's text: CircleCI and Travis CI call it otherwise."""
    try:
        data: Any = answer.json()
    except (ValueError, RecursionError):
        data = None
    found = data if isinstance(data, dict) else {}
    return str(found.get("message") or found.get("error_message") or "")
