"""A registry's login is asked before anything is created: both ways in which registries challenge."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from installer.errors import InstallerError
from installer.registry import _API, Login, check_login, has
from installer.registry_trouble import explained_pull
from installer.secret import Secret
from tests.github.authority import Authority
from tests.listening import serving

LOGIN = "Basic " + base64.b64encode(b"acme:good-token").decode()


class Registry(ThreadingHTTPServer):
    """The login part of a registry: `bearer` challenges as Docker Hub does, otherwise as a plain registry."""

    @property
    def host(self) -> str:
        return f"localhost:{self.server_address[1]}"

    bearer = False
    refuses: tuple[int, str] | None = None
    """What it says to whoever asks for a token: Docker Hub's own words."""


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path not in ("/v2/", "/token"):
            return self.answer(500)
        if url.path == "/token" and self.server.refuses:
            status, said = self.server.refuses
            return self.answer(status, said=said)
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
        self.send_response(401)
        self.send_header("WWW-Authenticate", f'Bearer realm="http://{self.server.host}/token",service="hub"')
        self.end_headers()

    def answer(self, status: int, challenge: str = "", said: str = "") -> None:
        body = b"{}" if status == 200 else json.dumps({"errors": [{"message": "no such login"}]}).encode()
        body = said.encode() or body
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
    with serving(server):
        yield server


def test_a_good_login_passes(registry: Registry) -> None:
    check_login(Login(registry.host, "acme", Secret("good-token")), "acme/web")


def test_a_bad_login_is_told_with_the_variables_to_set_and_without_the_token(registry: Registry) -> None:
    with pytest.raises(InstallerError) as error:
        check_login(Login(registry.host, "acme", Secret("bad-token-9")), "acme/web")
    assert "refuses acme: 401 no such login" in error.value.message
    assert "REGISTRY_TOKEN" in error.value.fix
    assert "bad-token-9" not in str(error.value)


def test_a_registry_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer.registry_trouble.pause", lambda _: None)
    with pytest.raises(InstallerError, match="does not answer"):
        check_login(Login("localhost:1", "acme", Secret("a-token")), "acme/web")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry under Docker Hub's name."""
    monkeypatch.setenv("NO_PROXY", "localhost")
    server = Registry(("127.0.0.1", 0), Handler)
    server.bearer = True
    monkeypatch.setitem(_API, "docker.io", server.host)
    monkeypatch.setattr("installer.registry._scheme", lambda _: "http")
    with serving(server):
        yield server


WRONG = '{"details": "incorrect username or password"}'
TOO_MANY_LOGINS = '{"details": "too many failed login attempts for username or IP address"}'
RATE = '{"errors": [{"code": "TOOMANYREQUESTS", "message": "You have reached your unauthenticated pull rate limit."}]}'


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (401, WRONG, "Docker ID, no e-mail address"),
        (429, TOO_MANY_LOGINS, "Too many wrong logins"),
        (429, RATE, "counts by address where nobody is logged in"),
    ],
)
def test_what_docker_hub_refuses_is_explained(hub: Registry, status: int, said: str, words: str) -> None:
    hub.refuses = (status, said)
    with pytest.raises(InstallerError) as error:
        check_login(Login("docker.io", "acme", Secret("a-token-of-hub")), "acme/web")
    assert f"The registry docker.io refuses: {status}" in error.value.message
    assert words in error.value.fix
    assert "a-token-of-hub" not in str(error.value)


def test_a_token_for_the_cluster_is_tried_for_pulling_alone(hub: Registry) -> None:
    with pytest.raises(InstallerError) as error:  # this registry grants only what deliveries ask for
        check_login(Login("docker.io", "acme", Secret("good-token")), "acme/web", push=False)
    assert "Set REGISTRY_PULL_USERNAME and REGISTRY_PULL_TOKEN (read)" in error.value.fix


def test_a_rate_limit_while_looking_for_an_image_is_explained(hub: Registry) -> None:
    hub.refuses = (429, RATE)
    with pytest.raises(InstallerError) as error:
        has(Login("docker.io", "acme", Secret("")), "acme/web", "sha256:0")
    assert "counts by address" in error.value.fix


def test_a_company_registry_is_believed_with_its_ca_and_named_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost")
    authority = Authority(tmp_path)
    server = Registry(("127.0.0.1", 0), Handler)
    server.socket = authority.context("localhost").wrap_socket(server.socket, server_side=True)
    monkeypatch.setattr("installer.registry._scheme", lambda _: "https")
    monkeypatch.setattr("installer.registry_trouble.pause", lambda _: pytest.fail("to ask again does not help"))
    with serving(server):
        login = Login(server.host, "acme", Secret("good-token"))
        with pytest.raises(InstallerError, match="signed by nobody whom this machine knows") as error:
            check_login(login, "acme/web")
        assert "gitops.yaml, registry.ca" in error.value.fix
        check_login(replace(login, ca=authority.certificate.read_text()), "acme/web")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "image docker.io/acme/web@sha256:0: failed to authorize: failed to fetch: 401 Unauthorized",
            "registry.visibility: private",
        ),
        ("pull access denied, repository does not exist or may require authorization", "registry.visibility: private"),
        (
            "unexpected status from HEAD request to https://registry-1.docker.io/v2/acme/web: 429 Too Many Requests",
            "Docker Hub limits how often",
        ),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "container runtime"),
        ("manifest unknown", ""),
    ],
)
def test_what_a_runtime_says_of_a_pull_is_explained(said: str, words: str) -> None:
    advice = explained_pull(said)
    assert words in advice
    assert bool(advice) == bool(words)
