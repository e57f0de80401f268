"""A login in ~/.netrc takes the place of none of ours, and logs nobody in; nor does a cookie."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from installer.ci.external import JsonApi
from installer.ci.registry import Login, has
from installer.forges.gitlab.api import GitLabRest
from installer.forges.http import Session
from installer.support.errors import InstallerError
from installer.support.secret import Secret
from tests.listening import Silent, serving


class Server(ThreadingHTTPServer):
    """Notes the logins and cookies that it is given, and sets a cookie each time; one request is led to `leads`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.given: list[str | None] = []
        self.cookies: list[str | None] = []
        self.leads = ""


class Handler(Silent, BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.given.append(self.headers["Authorization"])
        self.server.cookies.append(self.headers["Cookie"])
        leads, self.server.leads = self.server.leads, ""
        self.send_response(302 if leads else 200)
        self.send_header("Set-Cookie", "session=somebodys; Path=/")
        if leads:
            self.send_header("Location", leads)
        self.send_header("Content-Length", "0" if leads else "2")
        self.end_headers()
        self.wfile.write(b"" if leads else b"{}")

    def do_HEAD(self) -> None:
        self.do_GET()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server whose host, at whatever port, ~/.netrc has a login for."""
    (tmp_path / "netrc").write_text("machine localhost login somebody password else\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("NO_PROXY", "*")
    server = Server()
    with serving(server):
        yield server


def test_who_is_to_be_nobody_is_nobody(server: Server) -> None:
    has(Login(f"localhost:{server.server_port}", "", Secret("")), "acme/web", "sha256:1")
    assert server.given == [None]


def test_a_header_of_ours_is_what_arrives(server: Server) -> None:
    base = f"http://localhost:{server.server_port}"
    JsonApi("Travis CI", base, {"Authorization": "token ours"}, "TRAVIS_TOKEN").call("GET", "/user")
    assert server.given == ["token ours"]


def test_a_session_that_is_used_again_brings_no_cookie_of_the_request_before(server: Server) -> None:
    api = JsonApi("Travis CI", f"http://localhost:{server.server_port}", {}, "TRAVIS_TOKEN")
    for _ in range(2):
        api.call("GET", "/user")
    for _ in range(2):
        has(Login(f"localhost:{server.server_port}", "", Secret("")), "acme/web", "sha256:1")
    with Session() as asked:
        for _ in range(2):
            asked.get(f"http://localhost:{server.server_port}", timeout=10)
    assert server.cookies == [None] * 6


def test_nor_does_one_join_on_the_way_to_another_address(server: Server) -> None:
    base = f"http://localhost:{server.server_port}"
    server.leads = f"{base}/there"
    with Session() as asked:
        assert asked.get(f"{base}/here", timeout=10).ok
    assert server.given == [None, None]


def test_a_login_that_a_request_brings_goes_and_is_taken_off_elsewhere(server: Server) -> None:
    server.leads = f"http://127.0.0.1:{server.server_port}/there"
    with Session() as asked:
        asked.get(f"http://localhost:{server.server_port}", auth=("me", "mine"), timeout=10)
    assert server.given == ["Basic bWU6bWluZQ==", None]


def test_a_gitlab_that_leads_in_a_circle_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def circle(_: requests.Session, request: requests.PreparedRequest, **__: object) -> requests.Response:
        asked.append(str(request.url))
        answer = requests.Response()
        answer.status_code, answer.request, answer.url = 301, request, str(request.url)
        answer.headers["location"] = "https://gitlab.com/api/v4/projects/7"
        return answer

    monkeypatch.setattr("requests.Session.send", circle)
    with pytest.raises(InstallerError, match=r"it leads to https://gitlab\.com/api/v4/projects/7"):
        GitLabRest("gitlab.com", Secret("")).get("/projects/acme%2Fweb")
    assert len(asked) == 2, "it is followed once"
