"""An HTTP API that speaks JSON, whoever answers: when a request is sent again, and how what is there is read."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from .errors import Answered, InstallerError, Untrusted
from .wait import pause

TIMEOUT = 15
"""Seconds for one answer."""
PAUSES = (0.5, 2.0)
"""Seconds before the second and the third time that a request is sent."""
LONGEST = 30.0
"""Seconds that a rate limit is waited for; one that lasts longer is told."""
_PAGE = 100
Answer = TypeVar("Answer")


def patiently(verb: str, once: Callable[[], Answer]) -> Answer:
    """Send a request, and again where that is safe: a POST only where nothing was done for it."""
    for wait in (*PAUSES, None):
        try:
            return once()
        except Answered as error:
            limited = error.wait is not None and error.wait <= LONGEST
            if wait is None or not (limited or (error.status >= 500 and verb != "POST")):
                raise
            pause(error.wait if error.wait is not None else wait)
        except InstallerError as error:
            if wait is None or verb == "POST" or isinstance(error, Untrusted):
                raise
            pause(wait)
    raise AssertionError


class Rest(ABC):
    """One API and one token."""

    @abstractmethod
    def send(self, verb: str, path: str, body: Any, parameters: Mapping[str, Any]) -> tuple[dict[str, str], Any]:
        """Send one request, again where that is safe; return headers by their names in lower case, and JSON."""

    def call(self, verb: str, path: str, body: Any = None, **parameters: Any) -> Any:
        """Send one request and return its JSON (None where there is none); raise Answered where the answer is no."""
        return self.send(verb, path, body, parameters)[1]

    def get(self, path: str, **parameters: Any) -> Any:
        """Read one thing; None where it is not there."""
        try:
            return self.call("GET", path, **parameters)
        except Answered as error:
            if error.status == 404:
                return None
            raise

    def pages(self, path: str, key: str = "", **parameters: Any) -> Iterator[Any]:
        """Read a whole list, page by page; `key` names the list inside an envelope. Empty where it is not there."""
        page = 1
        while True:
            data = self.get(path, per_page=_PAGE, page=page, **parameters)
            items = (data or {}).get(key, []) if key else data or []
            yield from items
            if len(items) < _PAGE:
                return
            page += 1

    def headers(self, path: str) -> dict[str, str]:
        """Read one thing and return only the headers of the answer."""
        return self.send("GET", path, None, {})[0]

    def delete(self, path: str) -> bool:
        """Delete what is at a path; False where nothing was."""
        try:
            self.call("DELETE", path)
        except Answered as error:
            if error.status == 404:
                return False
            raise
        return True
