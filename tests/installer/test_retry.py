"""When a request to an API is sent again: where that does no harm, as often as is promised, as late as is wanted."""

import re
import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from installer.forges.http import LONGEST, PAUSES, Api
from installer.support.errors import ApiError, InstallerError
from installer.support.file_lock import only_while
from tests.listening import Silent, serving

FINE: tuple[int, dict[str, str]] = (200, {})
BROKEN = (502, {})
LIMITED = (403, {"Retry-After": "2"})
SPENT = (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"})  # the limit is over
FOR_LONG = (429, {"Retry-After": str(int(LONGEST) + 1)})
CUT, HALF = (0, {}), (0, {"Content-Length": "100"})
REPLACES = ["GET", "PUT", "PATCH", "DELETE"]


class Server(ThreadingHTTPServer):
    """Gives one answer after another, the last one for ever; `asked` are the requests that came."""

    def __init__(self, *answers: tuple[int, dict[str, str]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.asked: list[str] = []


class Handler(Silent, BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        self.server.asked.append(f"{self.command} {self.path} {body}".strip())
        answers = self.server.answers
        status, headers = answers.pop(0) if len(answers) > 1 else answers[0]
        text = b'{"message": "said"}'
        self.close_connection = not status
        if status or headers:
            self.send_response(status or 200)
            for name, value in ({"Content-Length": str(len(text))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

    do_GET = do_PUT = do_PATCH = do_POST = do_DELETE = answer  # noqa: N815


class Some(Api):
    """An API of a code host, without TLS."""

    def refusal(self, verb: str, path: str, answer: requests.Response) -> ApiError:
        return ApiError(self._title, f"{verb} {path}", answer.status_code, answer.json()["message"])


Serve = Callable[..., tuple[Server, Some]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> Iterator[Serve]:
    monkeypatch.setenv("NO_PROXY", "*")
    running = []

    def begin(*answers: tuple[int, dict[str, str]]) -> tuple[Server, Some]:
        server = Server(*answers)
        running.append(serving(server))
        running[-1].__enter__()
        return server, Some("Some", f"http://127.0.0.1:{server.server_port}", {})

    yield begin
    for each in running:
        each.__exit__(None, None, None)


@pytest.mark.parametrize("fault", [BROKEN, CUT, HALF, LIMITED, SPENT])
@pytest.mark.parametrize("verb", REPLACES)
def test_what_reads_or_replaces_is_sent_again_twice_at_most(
    serve: Serve, pauses: list[float], verb: str, fault: tuple[int, dict[str, str]]
) -> None:
    server, api = serve(fault, fault, FINE)
    assert api.call(verb, "/x", None if verb == "GET" else {"to": "this"}) == {"message": "said"}
    assert len(server.asked) == 3
    assert len(set(server.asked)) == 1, "with the same body"
    server, api = serve(fault)
    with pytest.raises(InstallerError):
        api.call(verb, "/x")
    assert len(server.asked) == 3
    assert len(pauses) == 4


@pytest.mark.parametrize("fault", [BROKEN, CUT, HALF])
def test_a_post_that_may_have_been_done_is_not_sent_again(
    serve: Serve, pauses: list[float], fault: tuple[int, dict[str, str]]
) -> None:
    server, api = serve(fault, FINE)
    with pytest.raises(InstallerError):
        api.call("POST", "/x", {"new": "thing"})
    assert (len(server.asked), pauses) == (1, [])


@pytest.mark.parametrize("verb", ["POST", *REPLACES])
def test_a_limit_is_waited_for_as_long_as_it_says_whatever_was_asked(
    serve: Serve, pauses: list[float], verb: str
) -> None:
    _, api = serve(LIMITED, FINE)
    assert api.call(verb, "/x", {}) == {"message": "said"}
    assert pauses == [float(LIMITED[1]["Retry-After"])]


@pytest.mark.parametrize("answer", [FOR_LONG, (429, {}), (403, {}), (404, {}), (422, {})])
def test_a_limit_that_lasts_and_a_refusal_are_reported_at_once(
    serve: Serve, pauses: list[float], answer: tuple[int, dict[str, str]]
) -> None:
    server, api = serve(answer, FINE)
    with pytest.raises(ApiError, match="said") as error:
        api.call("GET", "/x")
    assert (error.value.status, len(server.asked), pauses) == (answer[0], 1, [])


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_where_nobody_listens_only_what_does_no_harm_is_tried_again(pauses: list[float], verb: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(InstallerError, match="cut or refused the connection"):
        Some("Some", f"http://127.0.0.1:{port}", {}).call(verb, "/x")
    assert pauses == ([] if verb == "POST" else list(PAUSES))


@pytest.mark.parametrize("fault", [BROKEN, LIMITED, HALF])
def test_a_run_that_may_not_write_any_more_does_not_send_it_again(
    serve: Serve, fault: tuple[int, dict[str, str]]
) -> None:
    server, api = serve(fault, FINE)

    def lost_meanwhile() -> None:
        if server.asked:
            raise InstallerError("the lock is lost")

    with only_while(lost_meanwhile), pytest.raises(InstallerError, match="the lock is lost"):
        api.call("PUT", "/x", {})
    assert len(server.asked) == 1


@pytest.mark.parametrize("fault", [BROKEN, LIMITED, HALF])
def test_what_is_to_be_sent_once_is_sent_once(
    serve: Serve, pauses: list[float], fault: tuple[int, dict[str, str]]
) -> None:
    server, api = serve(fault, FINE)
    with pytest.raises(InstallerError):
        api.once("PUT", "/x", {})
    assert (len(server.asked), pauses) == (1, [])
    assert api.call("GET", "/x")


def test_after_ctrl_c_in_a_pause_the_client_works(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_: float) -> None:
        raise KeyboardInterrupt

    _, api = serve(BROKEN, FINE)
    monkeypatch.setattr("installer.forges.http.pause", stopped)
    with pytest.raises(KeyboardInterrupt):
        api.call("GET", "/x")
    assert api.call("GET", "/x") == {"message": "said"}


class Follows(Some):
    """An API that leads from an old name to a number."""

    follows = re.compile("/moved/")


def test_a_redirect_within_the_api_is_followed_once_to_read(serve: Serve) -> None:
    server, api = serve((301, {"Location": ""}))
    base = api._base
    server.answers = [(301, {"Location": f"{base}/moved/7?page=2"}), FINE]
    assert Follows("Some", base, {}).call("GET", "/x", page=2) == {"message": "said"}
    assert server.asked == ["GET /x?page=2", "GET /moved/7?page=2"]


@pytest.mark.parametrize(
    ("kind", "verb", "to"),
    [
        (Follows, "GET", "{base}/other"),
        (Follows, "GET", "{base}@evil.example/moved/7"),
        (Follows, "GET", "//evil.example/moved/7"),
        (Follows, "GET", "http://["),
        (Follows, "PUT", "{base}/moved/7"),
        (Some, "GET", "{base}/moved/7"),
    ],
)
def test_any_other_redirect_is_an_error_that_says_where_it_leads(
    serve: Serve, kind: Callable[..., Api], verb: str, to: str
) -> None:
    server, api = serve(FINE)
    there = to.format(base=api._base)
    server.answers = [(301, {"Location": there}), FINE]
    with pytest.raises(InstallerError, match="|".join(map(re.escape, [f"it leads to {there}", "cut or refused"]))):
        kind("Some", api._base, {}).call(verb, "/x")
    assert len(server.asked) == 1
