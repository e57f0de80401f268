"""GitLab's edge: REST through python-gitlab, the same calls for gitlab.com and a GitLab of one's own."""

import threading
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import requests

from .errors import InstallerError
from .gitlab_refused import RefusedByGitLab, words
from .refused import not_the_host, unreachable
from .secret import Secret, redact
from .trust import verify
from .wait import pause

if TYPE_CHECKING:
    from gitlab import Gitlab

CLOUD = "gitlab.com"
TOKEN = "GITLAB_TOKEN"  # noqa: S105 - a name
TIMEOUT = 15
"""Seconds for one answer."""
PAUSES = (0.5, 2.0)
"""Seconds before the second and the third time that a request is sent."""
LONGEST = 30.0
"""Seconds that a rate limit is waited for; one that lasts longer is told."""


class Rest:
    """One GitLab and one token."""

    def __init__(self, host: str, token: Secret, *, ca: str = "") -> None:
        self.host = host
        self._last = threading.local()
        self._client = _client(f"https://{host}", token, ca, self._remember)

    def _remember(self, answer: requests.Response, *_: Any, **__: Any) -> None:
        self._last.headers = {name.lower(): value for name, value in answer.headers.items()}

    def call(self, verb: str, path: str, body: Any = None, **parameters: Any) -> Any:
        """Send one request and return its JSON (None where there is none); raise RefusedByGitLab."""
        return self.send(verb, path, body, parameters)[1]

    def send(self, verb: str, path: str, body: Any, parameters: Mapping[str, Any]) -> tuple[dict[str, str], Any]:
        """Return headers and JSON; sends again where that is safe: a POST only where GitLab has done nothing."""
        headers, answer = self._patiently(verb, path, body, parameters)
        if not answer.content:
            return headers, None
        try:
            return headers, answer.json()
        except ValueError:
            kind = headers.get("content-type") or "of no type"
            raise not_the_host("GitLab", self._base, f"{verb} {path}", f"it is {kind}, and no JSON") from None

    def text(self, path: str) -> str:
        """Read something that is no JSON, a job's log say."""
        return self._patiently("get", path, None, {})[1].content.decode(errors="replace")

    def _patiently(
        self, verb: str, path: str, body: Any, parameters: Mapping[str, Any]
    ) -> tuple[dict[str, str], requests.Response]:
        for wait in (*PAUSES, None):
            try:
                return self._once(verb, path, body, parameters)
            except RefusedByGitLab as error:
                limited = error.wait is not None and error.wait <= LONGEST
                if wait is None or not (limited or (error.status >= 500 and verb != "POST")):
                    raise
                pause(error.wait if error.wait is not None else wait)
            except InstallerError:
                if wait is None or verb == "POST":
                    raise
                pause(wait)
        raise AssertionError

    def _once(
        self, verb: str, path: str, body: Any, parameters: Mapping[str, Any]
    ) -> tuple[dict[str, str], requests.Response]:
        from gitlab.exceptions import GitlabError

        asked = f"{verb} {path}"
        self._last.headers = {}
        try:
            answer = self._client.http_request(
                verb.lower(),
                path,
                query_data={n: str(v).lower() if isinstance(v, bool) else v for n, v in parameters.items()},
                post_data=body,
                obey_rate_limit=False,  # python-gitlab would wait as long as GitLab says, up to an hour
                retry_transient_errors=False,  # and repeat POST
            )
        except GitlabError as error:
            said = redact(words(error.response_body or error.error_message))
            raise RefusedByGitLab(verb, path, error.response_code or 0, said, self._last.headers) from None
        except requests.TooManyRedirects as error:
            where = error.response.headers.get("location", "elsewhere") if error.response is not None else "elsewhere"
            raise not_the_host("GitLab", self._base, asked, f"it leads to {redact(where)}") from None
        except requests.RequestException as error:
            raise unreachable(self._base, asked, error, TIMEOUT, ca="gitlab.ca") from None
        return self._last.headers, answer

    @property
    def _base(self) -> str:
        return f"https://{self.host}/api/v4"

    def get(self, path: str, **parameters: Any) -> Any:
        """Read one thing; None where it is not there."""
        try:
            return self.call("GET", path, **parameters)
        except RefusedByGitLab as error:
            if error.status == 404:
                return None
            raise

    def pages(self, path: str, **parameters: Any) -> Iterator[Any]:
        """Read a whole list, page by page; empty where it is not there."""
        page = 1
        while True:
            items = self.get(path, per_page=100, page=page, **parameters) or []
            yield from items
            if len(items) < 100:
                return
            page += 1

    def headers(self, path: str) -> dict[str, str]:
        """Read one thing and return only the headers of the answer, their names in lower case."""
        return self.send("GET", path, None, {})[0]

    def delete(self, path: str) -> bool:
        """Delete what is at a path; False where nothing was."""
        try:
            self.call("DELETE", path)
        except RefusedByGitLab as error:
            if error.status == 404:
                return False
            raise
        return True

    def version(self) -> tuple[int, int]:
        """Return the two numbers of GitLab's version."""
        major, minor, *_ = self.call("GET", "/version")["version"].split(".")
        return int(major), int(minor)

    def now(self) -> float:
        """Return the time by GitLab's own clock, in seconds."""
        return parsedate_to_datetime(self.headers("/version")["date"]).timestamp()


def _client(url: str, token: Secret, ca: str, remember: Any) -> "Gitlab":
    """Return python-gitlab's client; it is loaded only where a GitLab is asked."""
    try:
        from gitlab import Gitlab
    except ImportError:
        raise InstallerError(
            "python-gitlab is not installed next to the installer.",
            "uvx --with plumbum --with PyGithub --with python-gitlab cookiecutter …",
        ) from None
    session = requests.Session()
    session.max_redirects = 0  # requests would take the header with the token along, to whatever host
    session.hooks["response"].append(remember)
    return Gitlab(
        url,
        private_token=token.reveal() or None,
        ssl_verify=verify(ca),
        timeout=TIMEOUT,
        session=session,
    )
