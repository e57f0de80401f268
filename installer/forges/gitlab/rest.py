"""GitLab's edge: REST through python-gitlab, the same calls for gitlab.com and a GitLab of one's own."""

import re
import threading
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import requests

from ...support import http_session
from ...support.errors import InstallerError
from ...support.parsing import reading
from ...support.secret import Secret, redact
from ...support.tls import verify
from ..api_errors import not_the_host, unreachable
from ..clients import Clients
from ..http import TIMEOUT, Rest, with_retries
from .api_errors import GitLabApiError, words

if TYPE_CHECKING:
    from gitlab import Gitlab

CLOUD = "gitlab.com"
TOKEN = "GITLAB_TOKEN"  # noqa: S105 - a name
_BY_NUMBER = re.compile(r"/projects/\d+(/|$)")


class GitLabRest(Rest):
    """One GitLab and one token."""

    def __init__(self, host: str, token: Secret, *, ca: str = "") -> None:
        self.host = host
        self._last = threading.local()
        self._clients = Clients(lambda: _client(f"https://{host}", token, ca, self._remember))

    def _remember(self, answer: requests.Response, *_: Any, **__: Any) -> None:
        self._last.headers = {name.lower(): value for name, value in answer.headers.items()}

    def send(self, verb: str, path: str, body: Any, parameters: Mapping[str, Any]) -> tuple[dict[str, str], Any]:
        """Return headers and JSON; raise GitLabApiError."""
        headers, answer = with_retries(verb, lambda: self._once(verb, path, body, parameters))
        if not answer.content:
            return headers, None
        try:
            return headers, answer.json()
        except (ValueError, RecursionError):
            kind = headers.get("content-type") or "of no type"
            raise not_the_host("GitLab", self._base, f"{verb} {path}", f"it is {kind}, and no JSON") from None

    def text(self, path: str) -> str:
        """Read something that is no JSON, a job's log say."""
        return with_retries("GET", lambda: self._once("GET", path, None, {}))[1].content.decode(errors="replace")

    def _once(
        self, verb: str, path: str, body: Any, parameters: Mapping[str, Any]
    ) -> tuple[dict[str, str], requests.Response]:
        from gitlab.exceptions import GitlabError

        asked = f"{verb} {path}"
        self._last.headers = {}
        try:
            with self._clients.one() as gitlab:
                answer = gitlab.http_request(
                    verb.lower(),
                    path,
                    query_data={n: str(v).lower() if isinstance(v, bool) else v for n, v in parameters.items()},
                    post_data=body,
                    obey_rate_limit=False,  # python-gitlab would wait as long as GitLab says, up to an hour
                    retry_transient_errors=False,  # and repeat POST
                )
        except GitlabError as error:
            said = redact(words(error.response_body or error.error_message))
            raise GitLabApiError(verb, path, error.response_code or 0, said, self._last.headers) from None
        except requests.TooManyRedirects as error:
            if verb == "GET" and not _BY_NUMBER.match(path) and (there := self._moved(error)):
                return self._once("GET", *there)
            where = error.response.headers.get("location", "elsewhere") if error.response is not None else "elsewhere"
            raise not_the_host("GitLab", self._base, asked, f"it leads to {redact(where)}") from None
        except requests.RequestException as error:
            raise unreachable(self._base, asked, error, TIMEOUT, ca="gitlab.ca") from None
        return self._last.headers, answer

    @reading("GitLab's answer")
    def _moved(self, error: requests.TooManyRedirects) -> tuple[str, None, dict[str, str]] | None:
        """Return where a project is that was renamed or transferred: GitLab leads from its old path to its number.

        Nowhere else is the token taken, not to another host nor to another part of this one.
        """
        where = urlsplit(error.response.headers.get("location", "") if error.response is not None else "")
        path = where.path.removeprefix("/api/v4")
        if f"{where.scheme}://{where.netloc}" != f"https://{self.host}" or not _BY_NUMBER.match(path):
            return None
        return path, None, dict(parse_qsl(where.query))

    @property
    def _base(self) -> str:
        return f"https://{self.host}/api/v4"

    @reading("GitLab's answer")
    def version(self) -> tuple[int, int]:
        """Return the two numbers of GitLab's version."""
        major, minor, *_ = self.call("GET", "/version")["version"].split(".")
        return int(major), int(minor)

    @reading("GitLab's answer")
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
    session = http_session.session()
    session.max_redirects = 0  # requests would take the header with the token along, to whatever host
    session.hooks["response"].append(remember)
    return Gitlab(
        url,
        private_token=token.reveal() or None,
        ssl_verify=verify(ca),
        timeout=TIMEOUT,
        session=session,
    )
