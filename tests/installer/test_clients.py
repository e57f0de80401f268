"""Many threads ask through one object: each gets the answer to its own question, and nobody sends another's body."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from plumbum import local

from installer.ci import registry
from installer.ci.external import JsonApi
from installer.forges.github.api import GitHubRest
from installer.forges.gitlab.api import GitLabRest
from installer.forges.http import Api
from installer.support import process
from installer.support.secret import Secret
from tests.github.authority import Authority
from tests.listening import Silent, serving

pytestmark = pytest.mark.slow

THREADS = 8
EACH = 40


class Echo(Silent, BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        said = {"verb": self.command, "path": self.path, "body": json.loads(body) if body else None}
        if self.path.startswith("/v2/"):  # a registry that wants no login, and has what is named by an even number
            self.send_response(200 if int(self.path.rpartition(":")[2]) % 2 == 0 else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        text = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("X-Echo", f"{self.command} {self.path}")
        self.send_header("X-Line", str(self.client_address[1]))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815


@pytest.fixture
def in_turns() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def https(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """An echo by https: its host with the port, and the CA in PEM."""
    authority = Authority(tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.socket = authority.context("localhost", "127.0.0.1").wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield f"localhost:{server.server_port}", authority.certificate.read_text()


@pytest.fixture
def http() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    with serving(server):
        yield f"127.0.0.1:{server.server_port}"


def all_at_once(one: Callable[[int], object]) -> list[object]:
    """Return what was wrong, of many calls by many threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        return [wrong for wrong in pool.map(one, range(THREADS * EACH)) if wrong]


def asked_of(api: Api) -> Callable[[int], object]:
    def one(number: int) -> object:
        verb = ("GET", "PUT", "DELETE", "POST")[number % 4]
        body = {"number": number} if verb in ("PUT", "POST") else None
        headers, said = api.send(verb, f"/thing/{number}", body, {})
        told = (said["verb"], said["path"].rpartition("/")[2], said["body"], headers["x-echo"].rpartition("/")[2])
        return told if told != (verb, str(number), body, str(number)) else None

    return one


@pytest.mark.usefixtures("in_turns")
@pytest.mark.parametrize("kind", [GitHubRest, GitLabRest])
def test_no_answer_is_swapped_between_threads(kind: type[Api], https: tuple[str, str]) -> None:
    host, ca = https
    api = kind(host, Secret("token-for-a-test"), ca=ca)  # type: ignore[call-arg]
    assert all_at_once(asked_of(api)) == []


@pytest.mark.usefixtures("in_turns")
def test_no_answer_of_a_ci_is_swapped_between_threads(http: str) -> None:
    assert all_at_once(asked_of(JsonApi("CI", f"http://{http}", {}, "CI_TOKEN"))) == []


@pytest.mark.usefixtures("in_turns")
def test_no_answer_of_a_registry_is_swapped_between_threads(http: str) -> None:
    login = registry.Login(http, "acme", Secret(""))

    def one(number: int) -> object:
        there = registry.has(login, "acme/web", f"sha256:{number}")
        return None if there == (number % 2 == 0) else number

    assert all_at_once(one) == []


def test_a_connection_is_used_again_whichever_thread_comes_next(http: str) -> None:
    api = JsonApi("CI", f"http://{http}", {}, "CI_TOKEN")
    used: set[str] = set()
    for _ in range(3):
        with ThreadPoolExecutor(2) as pool:
            used |= set(pool.map(lambda number: api.headers(f"/thing/{number}")["x-line"], range(10)))
    assert len(used) <= 2


def test_no_program_is_given_an_environment_that_another_thread_is_changing(monkeypatch: pytest.MonkeyPatch) -> None:
    changing, read = threading.Event(), threading.Event()
    kind = type(local.env)
    clear, getdict = kind.clear, kind.getdict
    by: list[int] = []

    def slowly(self: Any) -> None:
        clear(self)
        by.append(threading.get_ident())
        changing.set()
        read.wait(1)  # time enough for another to read it, if that may
        by.clear()

    def noted(self: Any) -> Any:
        if by and by[0] != threading.get_ident():
            read.set()
        return getdict(self)

    def other() -> list[str]:
        changing.wait(30)
        return process.run(sys.executable, "-c", "import os; print(*os.environ)").split()

    monkeypatch.setattr(kind, "clear", slowly)
    monkeypatch.setattr(kind, "getdict", noted)
    monkeypatch.setenv("NEW", "1")
    with ThreadPoolExecutor() as pool:
        found = pool.submit(other)
        process.run(sys.executable, "-c", "")
        assert {"PATH", "NEW"} <= set(found.result())
    assert not read.is_set()
