"""A server that leads elsewhere, at once or once it has the login: nobody there is given any."""

import base64
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from installer.ci.external import JsonApi
from installer.forges.credentials import Credentials
from installer.forges.git import Clone, Login
from installer.forges.github.api import GitHubRest
from installer.forges.gitlab.api import GitLabRest
from installer.resources.watcher import Watcher, Watching
from installer.support import tls
from installer.support.errors import InstallerError
from installer.support.secret import Secret
from tests.github.authority import Authority
from tests.listening import Silent, serving

from .clones import git
from .cluster import SETTINGS

TOKEN = "a-canary-of-a-token"
HEADERS = ("Authorization", "Private-Token", "Circle-Token")


class Server(ThreadingHTTPServer):
    """One that asks for a login; it notes the logins that it is given, and may lead whoever comes elsewhere."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.given: list[str] = []
        self.came = 0
        self.leads = ""
        self.late = False


class Handler(Silent, BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        given = [self.headers[name] for name in HEADERS if name in self.headers]
        self.server.came += 1
        self.server.given += given
        leads = self.server.leads and (given or not self.server.late)
        self.send_response(301 if leads else 401)
        if leads:
            self.send_header("Location", f"{self.server.leads}{self.path}")
        else:
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()


@dataclass
class Place:
    """Two servers by https, whose CA is known; `own` is where the login is for."""

    own: Server
    elsewhere: Server
    ca: str
    host: str = field(init=False)

    def __post_init__(self) -> None:
        self.host = f"localhost:{self.own.server_port}"


@pytest.fixture(params=["at once", "once it has the login"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    authority = Authority(tmp_path)
    with ExitStack() as stack:
        own, elsewhere = Server(), Server()
        for server in (own, elsewhere):
            server.socket = authority.context("localhost", "127.0.0.1").wrap_socket(server.socket, server_side=True)
            stack.enter_context(serving(server))
        own.leads = f"https://127.0.0.1:{elsewhere.server_port}"
        own.late = request.param != "at once"
        yield Place(own, elsewhere, authority.certificate.read_text())


def login_of(scm: str, place: Place) -> Login:
    return Credentials(place.host, Secret(TOKEN), "", Secret(""), ca=place.ca, scm=scm).login  # type: ignore[arg-type]


def project(folder: Path) -> Path:
    git(folder.parent, "init", "-q", str(folder))
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")
    return folder


@pytest.mark.parametrize("scm", ["github", "gitlab"])
def test_a_push_gives_the_token_to_the_code_host_alone(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scm: str
) -> None:
    monkeypatch.setenv("GH_CONFIG_DIR", str(tmp_path / "gh"))
    monkeypatch.setattr("installer.forges.git.pause", lambda _: pytest.fail("to push again does not help"))
    with pytest.raises(InstallerError) as error:
        Clone(project(tmp_path / "web")).push(f"https://{place.host}/acme/web.git", "main", login_of(scm, place))
    assert place.elsewhere.came
    assert place.elsewhere.given == []
    assert bool(place.own.given) == place.own.late
    if not place.own.late:  # later, git names the address that it began with
        assert f"{place.host} leads git to {place.own.leads}, which gets no login" in error.value.fix
    assert TOKEN not in str(error.value)


def test_what_git_asks_for_elsewhere_the_helpers_would_answer(place: Place) -> None:
    """The attack is real: nothing but the address that git binds them to keeps the token back."""
    for scm in ("github", "gitlab"):
        login = login_of(scm, place)
        given = subprocess.run(
            ["git", "-c", f"credential.helper={login.helper}", "credential", "fill"],
            input="protocol=https\nhost=evil.example\n\n",
            env=os.environ | login.variables,
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"password={TOKEN}" in given.stdout


def test_nobody_on_a_terminal_is_asked_for_a_login_elsewhere_either(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    (tmp_path / "ask").write_text(f"#!/bin/sh\necho x >>{asked}; echo hunter2\n")
    (tmp_path / "ask").chmod(0o755)
    for name in ("GIT_ASKPASS", "SSH_ASKPASS"):
        monkeypatch.setenv(name, str(tmp_path / "ask"))
    with pytest.raises(InstallerError):
        Clone(project(tmp_path / "web")).push(f"https://{place.host}/acme/web.git", "main", login_of("gitlab", place))
    assert not asked.exists()
    assert place.elsewhere.given == []


def test_the_watcher_gives_the_readers_token_to_the_repositorys_host_alone(place: Place, tmp_path: Path) -> None:
    settings = replace(SETTINGS, host=place.host, access="https", visibility="private")
    made = Watcher(settings, *([Any] * 2)).manifests(Watching())  # type: ignore[arg-type]
    (deployment,) = (each for each in made if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    keys = {"username": "oauth2", "password": TOKEN}
    for name, value in keys.items():
        (tmp_path / name).write_text(value)
    given = {each["name"]: each["value"].replace("/key/", f"{tmp_path}/") for each in container["env"]}
    environment = os.environ | tls.variables(place.ca) | given | {"HOME": str(tmp_path)}
    done = subprocess.run(
        ["git", "ls-remote", settings.source_url], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert place.elsewhere.came
    assert place.elsewhere.given == []
    login = "Basic " + base64.b64encode(f"oauth2:{TOKEN}".encode()).decode()
    assert place.own.given == ([login] if place.own.late else [])


CLIENTS: dict[str, Callable[[Place], object]] = {
    "GitHub's": lambda place: GitHubRest(place.host, Secret(TOKEN), ca=place.ca).call("GET", "/user"),
    "GitLab's": lambda place: GitLabRest(place.host, Secret(TOKEN), ca=place.ca).call("GET", "/user"),
    "CircleCI's": lambda place: JsonApi(
        "CircleCI", f"https://{place.host}/api", {"Circle-Token": TOKEN}, "CIRCLE_TOKEN"
    ).call("GET", "/v2/me"),
    "Travis CI's": lambda place: JsonApi(
        "Travis CI", f"https://{place.host}", {"Authorization": f"token {TOKEN}"}, "TRAVIS_TOKEN"
    ).call("GET", "/user"),
}


@pytest.mark.parametrize("whose", CLIENTS)
def test_no_client_of_an_api_carries_its_token_elsewhere(
    place: Place, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    monkeypatch.setattr("installer.forges.http.pause", lambda _: None)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls.bundle(place.ca)))
    with pytest.raises(InstallerError):
        CLIENTS[whose](place)
    assert any(TOKEN in given for given in place.own.given)
    assert place.elsewhere.came == 0
