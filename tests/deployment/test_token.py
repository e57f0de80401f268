"""The token: it opens the repository, and it is seen nowhere."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.workspace import GIT, Answer, Checkout, Remote, Workspace
from tests.listening import serving

pytestmark = pytest.mark.slow

TOKEN = "ghs_0123456789abcdefTheToken"


@dataclass
class Server:
    """Git over HTTP for one repository, which asks for the token; it remembers what it was given."""

    root: Path
    given: list[str] = field(default_factory=list)
    url: str = ""
    leads: str = ""
    """Where it leads everybody, or only those who have logged in."""
    late: bool = False

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        header = request.headers.get("Authorization", "")
        if self.leads and (header or not self.late):
            self.given += [header] if header else []
            request.send_response(301)
            request.send_header("Location", f"{self.leads}{request.path}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        if header:
            self.given.append(base64.b64decode(header.removeprefix("Basic ")).decode())
        if header != "Basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode():
            request.send_response(401)
            request.send_header("WWW-Authenticate", 'Basic realm="GitHub"')
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        path, _, query = request.path.partition("?")
        length = int(request.headers.get("Content-Length", 0))
        environment = os.environ | {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "x-access-token",
            "REQUEST_METHOD": request.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            [GIT, "http-backend"], input=request.rfile.read(length), env=environment, capture_output=True, check=True
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        request.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def server(remote: Remote) -> Iterator[Server]:
    with listening(Server(remote.path.parent)) as served:
        yield served


@contextmanager
def listening(served: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            served.answer(self)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{listener.server_port}"
    with serving(listener):
        yield served


@pytest.fixture
def runner(workspace: Workspace, server: Server) -> Checkout:
    """Return a shallow clone, as actions/checkout leaves it with persist-credentials: false."""
    checkout = workspace.checkout("runner", "--depth=1")
    checkout.git("remote", "set-url", "origin", f"{server.url}/remote.git")
    return checkout


def run(runner: Checkout, server: Server, *command: str, token: str = TOKEN, at: str | None = None) -> Answer:
    return runner.run(*command, GITHUB_ACTIONS="true", GITHUB_TOKEN=token, GITHUB_SERVER_URL=at or server.url)


def test_the_token_opens_the_repository(runner: Checkout, server: Server, remote: Remote) -> None:
    assert run(runner, server, "deploy", "--init").line.startswith("deploy: done")
    assert set(server.given) == {f"x-access-token:{TOKEN}"}
    runner.git("commit", "--quiet", "--allow-empty", "-m", "Two")
    remote.git("fetch", "--quiet", str(runner.path), "HEAD:main")
    assert run(runner, server, "deploy").line.startswith("deploy: done")
    assert run(runner, server, "rollback").line.startswith("rollback: done")
    assert run(runner, server, "rollback", "--release").line.startswith("rollback: released")


def test_the_token_is_in_no_command_line_no_file_and_no_output(
    runner: Checkout, server: Server, remote: Remote, tmp_path: Path
) -> None:
    pattern, seen = tmp_path / "pattern", tmp_path / "seen"
    pattern.write_text(TOKEN)
    remote.hook("pre-receive", f"grep -laF -f {pattern} /proc/[0-9]*/cmdline >{seen} 2>/dev/null; exit 0")
    trace = tmp_path / "trace"
    github = {"GITHUB_ACTIONS": "true", "GITHUB_TOKEN": TOKEN, "GITHUB_SERVER_URL": server.url}
    answer = runner.run("deploy", "--init", **github, GIT_TRACE=str(trace), GIT_CURL_VERBOSE="1")
    assert answer.line.startswith("deploy: done")
    assert seen.read_text() == "", "while git pushes, no process shows it"
    assert "push" in trace.read_text()
    assert "DEPLOY_USERNAME" in trace.read_text(), "the helper is seen, the token is not"
    for text in (answer.text, trace.read_text(), runner.git_calls()):
        assert TOKEN not in text
        assert base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode() not in text
    for file in [*runner.path.rglob("*"), *runner.home.rglob("*")]:
        assert not file.is_file() or TOKEN.encode() not in file.read_bytes(), file


def test_a_token_that_does_not_open_is_red_and_asks_nobody(runner: Checkout, server: Server, remote: Remote) -> None:
    answer = run(runner, server, "deploy", "--init", token="ghs_wrong")
    assert (answer.code, answer.line[:44]) == (1, "deploy: failed: cannot read the branches of ")
    assert "ghs_wrong" not in answer.text
    assert not remote.tip()


def test_the_token_goes_to_no_other_server(runner: Checkout, server: Server) -> None:
    assert run(runner, server, "deploy", "--init", at="https://github.com").code == 1
    assert server.given == []


@pytest.mark.parametrize(
    "host", ["git.example.com", "127.0.0.1.example.com", "localhost:80.example.com", "localhost@git.example.com"]
)
@pytest.mark.parametrize("script", [("deploy", "--init"), ("rollback",)], ids=["deploy", "rollback"])
@pytest.mark.parametrize("where", ["origin", "CI"])
def test_the_token_goes_nowhere_in_the_clear(
    runner: Checkout, server: Server, host: str, script: tuple[str, ...], where: str
) -> None:
    """Whoever is on the way would read it: here that is a proxy, to which git sends everything."""
    address = f"http://{host}"
    runner.git("config", "http.proxy", server.url)
    ci = {"CIRCLECI": "true", "CIRCLE_PROJECT_USERNAME": "acme", "CIRCLE_PROJECT_REPONAME": "hello-api"}
    runner.git("remote", "set-url", "origin", f"{address}/acme/hello-api.git")
    if where == "CI":
        ci = {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": address, "GITHUB_REPOSITORY": "acme/hello-api"}
    answer = runner.run(*script, **ci, DEPLOY_TOKEN=TOKEN, GITHUB_TOKEN=TOKEN)
    assert answer.code == 1
    assert f"{script[0]}: failed: the token is not sent to http://" in answer.line
    assert server.given == []


@pytest.mark.parametrize("late", [False, True], ids=["at once", "once it is given"])
def test_the_token_does_not_follow_where_the_server_leads(
    runner: Checkout, server: Server, remote: Remote, late: bool
) -> None:
    with listening(Server(remote.path.parent)) as elsewhere:
        server.leads, server.late = elsewhere.url, late
        assert run(runner, server, "deploy", "--init").code == 1
        assert bool(server.given) == late
        assert elsewhere.given == []


def test_without_a_token_git_uses_what_you_gave_it(runner: Checkout, server: Server) -> None:
    runner.git("config", "credential.helper", f"!printf 'username=x-access-token\\npassword={TOKEN}\\n' #")
    assert runner.run("deploy", "--init").line.startswith("deploy: done")
