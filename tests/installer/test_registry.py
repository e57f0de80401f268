"""A registry's login is asked before anything is created: both ways in which registries challenge."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from installer.errors import InstallerError
from installer.registry import check_login
from installer.secret import Secret

LOGIN = "Basic " + base64.b64encode(b"acme:good-token").decode()


class Registry(ThreadingHTTPServer):
    """The login part of a registry: `bearer` challenges as Docker Hub does, otherwise as a plain registry."""

    bearer = False

    @property
    def host(self) -> str:
        return f"localhost:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
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


@pytest.fixture(params=["basic", "bearer"])
def registry(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setenv("NO_PROXY", "localhost")
    server = Registry(("127.0.0.1", 0), Handler)
    server.bearer = request.param == "bearer"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_good_login_passes(registry: Registry) -> None:
    check_login(registry.host, "acme/web", "acme", Secret("good-token"))


def test_a_bad_login_is_told_with_the_variables_to_set_and_without_the_token(registry: Registry) -> None:
    with pytest.raises(InstallerError) as error:
        check_login(registry.host, "acme/web", "acme", Secret("bad-token-9"))
    assert "refuses acme: 401 no such login" in error.value.message
    assert "REGISTRY_TOKEN" in error.value.fix
    assert "bad-token-9" not in str(error.value)


def test_a_registry_that_is_not_there_is_told() -> None:
    with pytest.raises(InstallerError, match="does not answer"):
        check_login("localhost:1", "acme/web", "acme", Secret("a-token"))
