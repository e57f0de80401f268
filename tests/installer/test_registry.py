"""A registry's login is asked before anything is created: both ways in which registries challenge."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from installer.errors import InstallerError
from installer.registry import check_login, has
from installer.secret import Secret

LOGIN = "Basic " + base64.b64encode(b"acme:good-token").decode()


@dataclass(frozen=True)
class Trouble:
    """What a registry answers instead, and to how many requests."""

    status: int = 0
    """0: it hangs up."""
    times: int = 10**6
    headers: dict[str, str] = field(default_factory=dict)


class Registry(ThreadingHTTPServer):
    """The login part of a registry: `bearer` challenges as Docker Hub does, otherwise as a plain registry."""

    bearer = False
    trouble = Trouble(times=0)
    asked = 0

    @property
    def host(self) -> str:
        return f"localhost:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        self.server.asked += 1
        if self.server.asked <= self.server.trouble.times:
            return self.fail(self.server.trouble)
        url = urlsplit(self.path)
        if url.path not in ("/v2/", "/token"):
            return self.answer(500)
        if self.headers.get("Authorization") == LOGIN and (url.path == "/token" or not self.server.bearer):
            if url.path == "/token" and parse_qs(url.query) != {
                "service": ["hub"],
                "scope": ["repository:acme/web:pull,push"],
            }:
                return self.answer(400)
            return self.answer(200)
        if url.path == "/token":
            return self.answer(401)
        realm = f'Bearer realm="http://{self.server.host}/token",service="hub"'
        return self.answer(401, realm if self.server.bearer else 'Basic realm="here"')

    def do_HEAD(self) -> None:
        self.do_GET()

    def fail(self, trouble: Trouble) -> None:
        if not trouble.status:
            self.close_connection = True
            return
        self.send_response(trouble.status)
        for name, value in {**trouble.headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def answer(self, status: int, challenge: str = "") -> None:
        body = b"{}" if status == 200 else json.dumps({"errors": [{"message": "no such login"}]}).encode()
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def a_registry() -> Iterator[Registry]:
    server = Registry(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["basic", "bearer"])
def registry(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setenv("NO_PROXY", "localhost")
    with a_registry() as server:
        server.bearer = request.param == "bearer"
        yield server


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let no time pass in a pause, and take down how long it would have been."""
    pauses: list[float] = []
    monkeypatch.setattr("installer.registry.pause", pauses.append)
    return pauses


def test_a_good_login_passes(registry: Registry) -> None:
    check_login(registry.host, "acme/web", "acme", Secret("good-token"))


def test_a_bad_login_is_told_with_the_variables_to_set_and_without_the_token(registry: Registry) -> None:
    with pytest.raises(InstallerError) as error:
        check_login(registry.host, "acme/web", "acme", Secret("bad-token-9"))
    assert "refuses acme: 401 no such login" in error.value.message
    assert "REGISTRY_TOKEN" in error.value.fix
    assert "bad-token-9" not in str(error.value)


PASSES = [Trouble(500, 2), Trouble(503, 1), Trouble(0, 2), Trouble(429, 1, {"Retry-After": "2"})]
STAYS = [
    (Trouble(500), "answered 500: Internal Server Error"),
    (Trouble(502), "answered 502: Bad Gateway"),
    (Trouble(0), "does not answer at http://localhost:"),
    (Trouble(429, headers={"Retry-After": "2"}), "answered 429: Too Many Requests"),
    (Trouble(429, headers={"Retry-After": "3600"}), "Run this again in 3600 s"),
    (Trouble(429), "Run this again in some minutes"),
    (Trouble(200, headers={"Content-Type": "text/html"}), "Is there a proxy or a login page in between?"),
    (Trouble(403), "refuses acme: 403 Forbidden"),
]


@pytest.mark.parametrize("trouble", PASSES, ids=str)
def test_trouble_that_passes_is_waited_for(registry: Registry, pauses: list[float], trouble: Trouble) -> None:
    registry.trouble = trouble
    check_login(registry.host, "acme/web", "acme", Secret("good-token"))
    assert len(pauses) == trouble.times
    assert sum(pauses) <= 60


@pytest.mark.parametrize(("trouble", "told"), STAYS, ids=str)
def test_trouble_that_stays_is_told_once_with_its_fix(
    registry: Registry, pauses: list[float], trouble: Trouble, told: str
) -> None:
    registry.trouble = trouble
    with pytest.raises(InstallerError) as caught:
        check_login(registry.host, "acme/web", "acme", Secret("good-token"))
    assert told in str(caught.value)
    assert str(caught.value).count("→") == 1
    assert "good-token" not in str(caught.value)
    assert ("REGISTRY_TOKEN" in caught.value.fix) == (trouble.status == 403), "only a no is the login's fault"
    assert len(pauses) <= 2


@pytest.mark.parametrize("trouble", [Trouble(500), Trouble(0), Trouble(429)], ids=str)
def test_an_image_that_cannot_be_asked_for_is_not_called_missing(
    registry: Registry, pauses: list[float], trouble: Trouble
) -> None:
    registry.trouble = trouble
    with pytest.raises(InstallerError):
        has(f"{registry.host}/acme/web", "sha256:1", "acme", Secret("good-token"))
    assert len(pauses) == (0 if trouble.status == 429 else 2)


def test_a_registry_that_is_not_there_is_told(pauses: list[float]) -> None:
    with pytest.raises(InstallerError, match="does not answer"):
        check_login("localhost:1", "acme/web", "acme", Secret("a-token"))
    assert len(pauses) == 2
