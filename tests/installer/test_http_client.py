"""The HTTP client for those whom nobody trusts: no answer is too long for it, none lasts for ever."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import IncompleteRead
from pathlib import Path

import pytest

from installer.support.http_client import Client, UnixSocket
from tests.listening import serving

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"


@contextmanager
def saying(*parts: bytes, for_ever: bytes = b"") -> Iterator[str]:
    """Serve these bytes to whoever comes, and then others again and again until the other side has gone."""
    ended = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1 << 16)
            try:
                for part in parts:
                    self.request.sendall(part)
                while for_ever and not ended.wait(0.02):
                    self.request.sendall(for_ever)
            except OSError:
                pass

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with serving(server):
        yield f"http://127.0.0.1:{server.server_address[1]}/version"
        ended.set()


def test_an_answer_without_an_end_is_read_only_as_far_as_it_may_be_long() -> None:
    with saying(HEAD, b"\r\n", for_ever=b"x" * 5000) as url:
        assert Client(direct=True).get(url, 20, longest=12_000).text == "x" * 12_000


def test_an_answer_that_drips_is_given_up_though_each_drop_comes_in_time() -> None:
    with saying(HEAD, b"\r\n", for_ever=b"x") as url, pytest.raises(TimeoutError, match="did not end within"):
        Client(direct=True).get(url, 0.3)


@pytest.mark.parametrize("how", [b"Content-Length: 9\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf"])
def test_half_an_answer_is_none(how: bytes) -> None:
    with saying(HEAD, how) as url, pytest.raises(IncompleteRead):
        Client(direct=True).get(url, 5)


def test_a_refusal_is_an_answer_with_what_was_said() -> None:
    with saying(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nyou may\nnot") as url:
        answer = Client(direct=True).get(url, 5)
    assert (answer.status, answer.ok, answer.redirects, str(answer)) == (403, False, False, "403 Forbidden: you may n")


def test_a_socket_of_this_machine_is_asked_whatever_the_address_says(tmp_path: Path) -> None:
    heard: list[bytes] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            heard.append(self.request.recv(1 << 16))
            self.request.sendall(HEAD + b"Content-Length: 4\r\n\r\nwell")

    with serving(socketserver.ThreadingUnixStreamServer(str(tmp_path / "socket"), Handler)):
        answer = Client(UnixSocket(tmp_path / "socket"), direct=True).get("http://localhost/version", 5)
    assert answer.text == "well"
    (request,) = heard
    assert request.startswith(b"GET /version HTTP/1.1\r\n")
    assert b"\r\nHost: localhost\r\n" in request
    assert b"authorization" not in request.lower()


def test_proxies_of_the_environment_are_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with saying(HEAD, b"Content-Length: 4\r\n\r\nwell") as url:
        assert Client(direct=True).get(url, 5).text == "well"
