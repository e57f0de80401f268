"""An HTTP API that speaks JSON, whoever answers: when a request is sent again, and how what is there is read."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import requests

from ..support.errors import ApiError, InstallerError, Untrusted
from ..support.parsing import reading
from ..support.wait import pause
from ..support.write_guard import about_to_write

TIMEOUT = 15
"""Seconds for one answer."""
PAUSES = (0.5, 2.0)
"""Seconds before the second and the third time that a request is sent."""
LONGEST = 30.0
"""Seconds that a rate limit is waited for; one that lasts longer is reported."""
_PAGE = 100
Answer = TypeVar("Answer")


def with_retries(verb: str, once: Callable[[], Answer]) -> Answer:
    """Send a request, and again where that is safe: a POST only where nothing was done for it."""
    for wait in (*PAUSES, None):
        if verb != "GET":
            about_to_write()
        try:
            return once()
        except ApiError as error:
            limited = error.wait is not None and error.wait <= LONGEST
            if wait is None or not (limited or (error.status >= 500 and verb != "POST")):
                raise
            pause(error.wait if error.wait is not None else wait)
        except InstallerError as error:
            if wait is None or verb == "POST" or isinstance(error, Untrusted):
                raise
            pause(wait)
    raise AssertionError


@reading("The answer's header Link")
def _following(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of the next page, by the header `Link`; nothing on the last one."""
    links = requests.utils.parse_header_links(headers.get("link", ""))
    address = next((link["url"] for link in links if link.get("rel") == "next"), "")
    return dict(parse_qsl(urlsplit(address).query))


class Rest(ABC):
    """One API and one token."""

    @abstractmethod
    def send(self, verb: str, path: str, body: Any, parameters: Mapping[str, Any]) -> tuple[dict[str, str], Any]:
        """Send one request, again where that is safe; return headers by their names in lower case, and JSON."""

    def call(self, verb: str, path: str, body: Any = None, **parameters: Any) -> Any:
        """Send one request and return its JSON (None where there is none); raise ApiError where the answer is no."""
        return self.send(verb, path, body, parameters)[1]

    def get(self, path: str, **parameters: Any) -> Any:
        """Read one thing; None where it is not there."""
        try:
            return self.call("GET", path, **parameters)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def pages(self, path: str, key: str = "", **parameters: Any) -> Iterator[Any]:
        """Read a whole list, page by page; `key` names the list inside an envelope. Empty where it is not there."""
        for _, items in self.answers(path, key, **parameters):
            yield from items

    @reading("The code host's answer")
    def answers(self, path: str, key: str = "", **parameters: Any) -> Iterator[tuple[dict[str, str], list[Any]]]:
        """Read a list page by page, each with the headers of its answer.

        How many there are, the server says: a page may be shorter than was asked for and yet not be the last.
        """
        asked: dict[str, Any] = {"per_page": _PAGE, **parameters}
        seen = 0
        while True:
            try:
                headers, data = self.send("GET", path, None, asked)
            except ApiError as error:
                if error.status == 404:
                    return
                raise
            items: list[Any] = (data or {}).get(key, []) if key else data or []
            yield headers, items
            seen += len(items)
            following: dict[str, Any] = _following(headers)
            if not following and items and key and seen < data.get("total_count", 0):
                following = {"page": int(asked.get("page", 1)) + 1}
            if not following:
                return
            asked |= following

    def headers(self, path: str) -> dict[str, str]:
        """Read one thing and return only the headers of the answer."""
        return self.send("GET", path, None, {})[0]

    def delete(self, path: str) -> bool:
        """Delete what is at a path; False where nothing was."""
        try:
            self.call("DELETE", path)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True
