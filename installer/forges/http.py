"""The one HTTP client: when a request is sent again; and APIs that speak JSON: what is followed, how lists are read."""

import logging
import re
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry
from urllib3.exceptions import MaxRetryError, NewConnectionError, TimeoutError  # noqa: A004

from ..support import proxies
from ..support.errors import ApiError, InstallerError, Untrusted, reading
from ..support.file_lock import about_to_write
from ..support.http_client import seconds_to_wait
from ..support.secret import redact
from ..support.tls import unknown, verify
from ..support.wait import pause


class Session(requests.Session):
    """A session for one thread: the environment's proxies and CAs count, ~/.netrc and cookies do not.

    requests takes a login out of that file for every host there, whatever the port, puts it in the place of a header of
    ours, and logs in who is to be nobody. A cookie would tell two requests, with two logins, to be one person's.
    """

    def __init__(self) -> None:
        super().__init__()
        proxies.hide_logins()
        self.auth = lambda request: request  # it brings its login itself, or is to have none
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Take a login off whatever leads to another host, and put no other in its place."""
        before, after = str(response.request.url), str(prepared_request.url)
        if self.should_strip_auth(before, after):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send it; an address of a proxy that cannot be read is an error of requests like any other."""
        try:
            return super().send(request, **options)
        except requests.RequestException:
            raise
        except ValueError as error:
            raise requests.exceptions.InvalidProxyURL(str(error)) from None


LATER = "Run this again later: it resumes where it stopped"
_NOT_THE_HOST = "Is there a proxy or a login page in between? Then run this again."
_AUTHORITY = (
    "Where a company's CA signed its certificate: put that CA into the project as a PEM file and name it in "
    "gitops.yaml, {ca}. Else check the host name and any proxy."
)


def said_to_a_program(output: str, *, ca: str) -> tuple[str, bool]:
    """Return the way out of what a program printed that did not reach the code host, and whether to try again at once.

    `ca` is the setting that names the host's CA.
    """
    if re.search(r"invalid character '<'|Cannot access URL|bad line length|not valid: is this a git", output):
        return _NOT_THE_HOST, False
    if _CERTIFICATE.search(output):
        return _AUTHORITY.format(ca=ca), False
    if _CUT.search(output):
        return f"Check the network, the host name and any proxy. {LATER}.", True
    return f"Fix what it names. {LATER}.", False


_CERTIFICATE = re.compile(r"x509|(?<![\w/.-])[Cc]ertificate")  # and no repository that is called so
_CUT = re.compile(
    r"hung up|unexpected disconnect|early EOF|\bEOF\b|timed out|timeout|could not resolve|no such host|reset by peer"
    r"|failed to connect|error connecting to|connection refused|empty reply|too slow|less than|RPC failed|SSL_",
    re.IGNORECASE,
)


# --- the client -----------------------------------------------------------------------------------

TIMEOUT = 15
"""Seconds for one answer."""
PAUSES = (0.5, 2.0)
"""Seconds before the second and the third time that a request is sent."""
LONGEST = 30.0
"""Seconds that a rate limit is waited for; one that lasts longer is reported."""
_LIMITED = (403, 429)
_PAGE = 100

log = logging.getLogger(__name__)
logging.getLogger("urllib3").setLevel(logging.ERROR)  # below, it shows each attempt on the terminal


class ApiRetry(Retry):
    """Send again where that does no harm: what reads or replaces; a POST only where a limit let it do nothing."""

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:  # noqa: FBT001, FBT002
        """Return whether an answer may be another one soon; how long a limit lasts, `increment` sees."""
        return status_code in _LIMITED or (status_code >= 500 and method != "POST")

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> Self:
        """Count an attempt; raise MaxRetryError where it was the last. An answer's body stays unread."""
        again = error is None or (method != "POST" and not unknown(error))
        if response and response.status in _LIMITED:
            wait = seconds_to_wait(response.status, "", response.headers)
            again = wait is not None and wait <= LONGEST
        counting = self if again else self.new(total=0)  # none is left
        return super(ApiRetry, counting).increment(method, url, response, error, _pool, _stacktrace)

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        """Rest, as long as a limit lasts; then ask whether this run may still write."""
        wait = seconds_to_wait(response.status, "", response.headers) if response else None
        pause(PAUSES[len(self.history) - 1] if wait is None else wait)
        if self.history[-1].method not in ("GET", "HEAD"):
            about_to_write()


class _Adapter(HTTPAdapter):
    """Reads each answer at once: one that breaks off is an attempt that failed like any other."""

    def send(self, request: requests.PreparedRequest, *given: Any, **named: Any) -> requests.Response:
        """Send it until an answer is here whole, or there is no attempt left."""
        attempts = self.max_retries
        try:
            while True:
                answer = super().send(request, *given, **named)
                try:
                    answer.content  # noqa: B018
                except requests.RequestException as error:
                    self.max_retries = self._following(request, answer.raw.retries, error)
                else:
                    return answer
        finally:
            self.max_retries = attempts

    def _following(self, request: requests.PreparedRequest, attempts: Any, error: requests.RequestException) -> Retry:
        try:
            following: Retry = attempts.increment(request.method, request.url, error=error)
        except MaxRetryError:
            raise error from None
        following.sleep()
        return following


def said(answer: requests.Response) -> dict[str, Any]:
    """Return the object of an answer that says no; empty where it holds none."""
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


@reading("The answer's header Link")
def _following(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of the next page, by the header `Link`; nothing on the last one."""
    links = requests.utils.parse_header_links(headers.get("link", ""))
    address = next((link["url"] for link in links if link.get("rel") == "next"), "")
    return dict(parse_qsl(urlsplit(address).query))


class HttpClient:
    """Sends requests by sessions that are used again, each by one thread at a time; `ca` is whom to trust, too."""

    def __init__(self, ca: str = "") -> None:
        self._ca = ca
        self._free: defaultdict[int, deque[requests.Session]] = defaultdict(deque)

    def request(self, verb: str, url: str, again: int = len(PAUSES), **what: Any) -> requests.Response:
        """Send one request, `again` where that is safe; raise RequestException where no answer comes."""
        with self._session(again) as own:
            answer = own.request(
                verb,
                url,
                timeout=TIMEOUT,
                verify=verify(self._ca),  # a session's own would count less than REQUESTS_CA_BUNDLE
                allow_redirects=False,  # requests would take a header with a token along, to whatever host
                **what,
            )
        log.debug("%s %s: %d", verb, redact(url.partition("?")[0]), answer.status_code)
        return answer

    @contextmanager
    def _session(self, again: int) -> Iterator[requests.Session]:
        """Lend a session that nobody else uses as long as the block lasts; the next one uses its connection again."""
        free = self._free[again]  # append and pop are safe between threads
        try:
            own = free.pop()
        except IndexError:
            own = Session()
            for scheme in ("https://", "http://"):
                own.mount(scheme, _Adapter(max_retries=ApiRetry(again, allowed_methods=None, raise_on_status=False)))
        try:
            yield own
        finally:
            free.append(own)


class Api(HttpClient, ABC):
    """One API and one token; `title` is its name, and `ca_setting` the setting that names its CA, in errors."""

    follows: re.Pattern[str] | None = None
    """How a path of this API begins to which a redirect is followed, to read; None: a redirect is an error."""

    def __init__(
        self, title: str, base: str, headers: Mapping[str, str], *, ca: str = "", ca_setting: str = ""
    ) -> None:
        super().__init__(ca)
        self._title = title
        self._base = base
        self._headers = {"Accept": "application/json", "User-Agent": "gitops-flask", **headers}
        self._ca_setting = ca_setting

    @abstractmethod
    def refusal(self, verb: str, path: str, answer: requests.Response) -> ApiError:
        """Return the error for an answer that says no."""

    def send(
        self, verb: str, path: str, body: Any, parameters: Mapping[str, Any], again: int = len(PAUSES)
    ) -> tuple[dict[str, str], Any]:
        """Send one request, `again` where that is safe; return headers by their names in lower case, and JSON."""
        answer = self._answer(verb, path, body, parameters, again)
        headers = dict(answer.headers.lower_items())
        if not answer.content:
            return headers, None
        try:
            return headers, answer.json()
        except (ValueError, RecursionError):
            kind = headers.get("content-type") or "of no type"
            raise self._not_the_host(f"{verb} {path}", f"it is {kind}, and no JSON") from None

    def _answer(self, verb: str, path: str, body: Any, parameters: Mapping[str, Any], again: int) -> requests.Response:
        asked = f"{verb} {path}"
        if verb != "GET":
            about_to_write()
        answer = self._ask(asked, verb, f"{self._base}{path}", body, parameters, again)
        there = answer.headers.get("location", "")
        if verb == "GET" and answer.is_redirect and self._is_followed(there):
            answer = self._ask(asked, verb, there, None, {}, again)
        if 300 <= answer.status_code < 400:
            there = answer.headers.get("location", "elsewhere")
            raise self._not_the_host(asked, f"it leads to {redact(there)}")
        if not answer.ok:
            raise self.refusal(verb, path, answer)
        return answer

    def _ask(
        self, asked: str, verb: str, url: str, body: Any, parameters: Mapping[str, Any], again: int
    ) -> requests.Response:
        given = {n: str(v).lower() if isinstance(v, bool) else v for n, v in parameters.items()}
        try:
            return self.request(verb, url, again, params=given, json=body, headers=self._headers)
        except requests.RequestException as error:
            raise self._unreachable(asked, error) from None

    def _unreachable(self, asked: str, error: requests.RequestException) -> InstallerError:
        """Say how the way there failed."""
        if by_proxy := proxies.silent(self._base, error):
            return by_proxy
        first = error.args[0] if error.args else error
        reason = getattr(first, "reason", first)  # what the last attempt met
        said = f"{asked}: {redact(str(reason))}"
        if unknown(error):
            no_setting = "Check the host name and any proxy; REQUESTS_CA_BUNDLE names CAs."
            fix = _AUTHORITY.format(ca=self._ca_setting) if self._ca_setting else no_setting
            return Untrusted(f"{self._base} is not trusted: {said}", fix)
        late = isinstance(reason, TimeoutError) and not isinstance(reason, NewConnectionError)
        how = f"did not answer within {TIMEOUT} s" if late else "cut or refused the connection"
        fix = "Check the network, the host name and any proxy, then run this again."
        return InstallerError(f"{self._base} {how}: {said}", fix)

    def _not_the_host(self, asked: str, why: str) -> InstallerError:
        """Say that somebody else answered."""
        what = f"{self._base} answered {asked} with something that is not {self._title}'s: {why}"
        return InstallerError(what, _NOT_THE_HOST)

    def _is_followed(self, there: str) -> bool:
        """Return whether a redirect stays in this API: nowhere else is the token taken."""
        path = there.removeprefix(self._base)
        return path != there and self.follows is not None and bool(self.follows.match(path))

    def call(self, verb: str, path: str, body: Any = None, **parameters: Any) -> Any:
        """Send one request and return its JSON (None where there is none); raise ApiError where the answer is no."""
        return self.send(verb, path, body, parameters)[1]

    def _found(
        self, verb: str, path: str, body: Any, parameters: Mapping[str, Any]
    ) -> tuple[dict[str, str], Any] | None:
        """Send one request; return headers and JSON, or None where nothing is at the path."""
        try:
            return self.send(verb, path, body, parameters)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def get(self, path: str, **parameters: Any) -> Any:
        """Read one thing; None where it is not there."""
        found = self._found("GET", path, None, parameters)
        return found and found[1]

    def pages(self, path: str, key: str = "", **parameters: Any) -> Iterator[Any]:
        """Read a whole list, page by page; `key` names the list inside an envelope. Empty where it is not there."""
        for _, items in self.answers(path, key, **parameters):
            yield from items

    def answers(self, path: str, key: str = "", **parameters: Any) -> Iterator[tuple[dict[str, str], list[Any]]]:
        """Read a list page by page, each with the headers of its answer.

        How many there are, the server says: a page may be shorter than was asked for and yet not be the last.
        """
        asked: dict[str, Any] = {"per_page": _PAGE, **parameters}
        seen = 0
        while found := self._found("GET", path, None, asked):
            headers, data = found
            with reading("The code host's answer"):
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

    def text(self, path: str) -> str:
        """Read something that is no JSON, a job's log say."""
        return self._answer("GET", path, None, {}, len(PAUSES)).content.decode(errors="replace")

    def once(self, verb: str, path: str, body: Any) -> None:
        """Send one request, and not again: what is true now may not be after a rest."""
        self.send(verb, path, body, {}, 0)

    def change(self, verb: str, path: str, body: Any = None) -> bool:
        """Change what is at a path; False where nothing is."""
        return self._found(verb, path, body, {}) is not None

    def delete(self, path: str) -> bool:
        """Delete what is at a path; False where nothing was."""
        return self.change("DELETE", path)
