"""What the stand-ins for GitHub and GitLab share: how they are served, what they remember, what pushes are asked."""

import contextlib
import itertools
import json
import shutil
import socketserver
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from . import git
from .authority import Authority, server_context
from .faults import Broken, Fault, Faults, Silent
from .front import Front, proxy_environment
from .ssh import Ssh
from .ssh import serve as serve_ssh
from .wire import Asked, Change, Request, Response, UnmodelledError, json_response

Updates = list[tuple[str, str, str]]
"""Where each ref was before, where it is now, and its name."""


class CodeHost(ABC):
    """A code host of one's own."""

    dispatch: "Dispatch"
    pushes: "Pushes"
    runner: Any

    def __init__(self, folder: Path, site: Any) -> None:
        self.folder = folder
        self.site = site
        self.lock = threading.RLock()
        self.moved = threading.Condition(self.lock)
        self.tokens: dict[str, Any] = {}
        self.requests: list[Asked] = []
        self.changes: list[Change] = []
        self.failures: list[str] = []
        self.faults = Faults()
        self.env: dict[str, str] = {}
        self._ssh: Ssh | None = None

    @contextlib.contextmanager
    def served(
        self, hosts: Iterable[str], listen: str | None, certificate: tuple[Path, Path] | None, allowed: Iterable[str]
    ) -> Iterator[Self]:
        """Answer: behind a proxy of its own, or (listen, certificate) where the host's name leads to it."""
        if listen and certificate:
            address, _, port = listen.rpartition(":")
            front = Front((address, int(port)), server_context(*certificate), self.dispatch.answer)
        else:
            authority, names = Authority(self.folder), [*hosts]
            front = Front(
                ("127.0.0.1", 0),
                authority.context(*names),
                self.dispatch.answer,
                proxy_for=names,
                allowed=allowed,
                refused=self.fail,
            )
            self.env = proxy_environment(front.server_address[1], authority.certificate)
        try:
            yield self
        finally:
            self.runner.close()
            front.close()
            self.pushes.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    @abstractmethod
    def deploy_keys(self) -> Iterable[Any]:
        """Return every deploy key."""

    @abstractmethod
    def story(self) -> str:
        """Tell all that ran, with its logs, for a person whose test failed."""

    @abstractmethod
    def bare(self, full_name: str) -> Path:
        """Return where a repository lies."""

    @contextlib.contextmanager
    def ssh(self, listen: str = "127.0.0.1:0") -> Iterator[Ssh]:
        """Let deploy keys in over SSH as well, by a real sshd."""
        with serve_ssh(self.folder / "ssh", self.site.host, self.pushes.socket, listen) as self._ssh:
            self._ssh.allow(self.deploy_keys())
            yield self._ssh
        self._ssh = None

    def branches(self, repository: Any) -> dict[str, str]:
        return git.refs(repository.git)

    def file(self, full_name: str, branch: str, path: str) -> str | None:
        """Read a file as it is on a branch; None where there is none."""
        content = git.show(self.bare(full_name), f"refs/heads/{branch}", path)
        return None if content is None else content.decode()

    def fail(self, message: str) -> None:
        self.failures.append(message)

    def changed(self, who: str, what: str) -> None:
        self.changes.append(Change(who, what))
        if self._ssh:
            self._ssh.allow(self.deploy_keys())


class Dispatch(ABC):
    """Answer every request that a front hands over: everything is checked and written down."""

    title: str
    refusal: type[Any]
    """The error that carries an answer by which the code host itself refuses."""

    def __init__(self, host: CodeHost) -> None:
        self._host = host

    @abstractmethod
    def _by_host(self, request: Request) -> Response:
        """Answer by host and path."""

    def answer(self, request: Request) -> Response:
        fault = self._host.faults.strike(request)
        try:
            response = fault.response(request) if fault and fault.kind == "refuses" else self._or_never(request, fault)
        except self.refusal as refused:
            response = json_response(refused.status, refused.body)
        except (UnmodelledError, NotImplementedError) as error:
            response = self._failed(501, f"not modelled: {error}")
        except Exception:  # a fault of the stand-in's own: the test must see it
            response = self._failed(500, f"{request.method} {request.path}: {traceback.format_exc()}")
        self._host.requests.append(Asked(request.method, request.host, request.target, response.status))
        return response

    def _or_never(self, request: Request, fault: Fault | None) -> Response:
        if fault and fault.kind == "hangs":
            return Silent(504)
        response = self._by_host(request)
        if fault and fault.kind == "lost":
            return Broken(502)
        return Broken(response.status, response.body, response.headers) if fault else response

    def _failed(self, status: int, message: str) -> Response:
        self._host.fail(message)
        return json_response(status, {"message": f"{self.title} stand-in: {message.splitlines()[0]}"})


class Pushes(ABC):
    """Answer the questions of git's hooks, and of the command behind a deploy key, on a socket of its own."""

    def __init__(self, host: CodeHost, socket: Path) -> None:
        self._host = host
        self._open: dict[str, Any] = {}
        self._numbers = itertools.count(1)
        self.socket = socket
        answer = self.answer

        class Question(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(json.dumps(answer(json.loads(self.rfile.readline()))).encode() + b"\n")

        self._server = socketserver.ThreadingUnixStreamServer(str(socket), Question)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def open(self, push: Any) -> str:
        number = str(next(self._numbers))
        self._open[number] = push
        return number

    @abstractmethod
    def over_ssh(self, key_id: int, service: str, path: str) -> dict[str, Any]:
        """Say which directory a deploy key opens for a service, and the number of the push, or why not."""

    @abstractmethod
    def refusal(self, push: Any, updates: Updates, env: Mapping[str, str]) -> str:
        """Say, as the code host does, why a push is refused; an empty text lets it in."""

    @abstractmethod
    def pushed(self, push: Any, updates: Updates) -> None:
        """Do what follows a push."""

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if "ssh" in question:
            return self.over_ssh(question["ssh"], question["service"], question["path"])
        push = self._open[question["push"]]
        updates = [(old, new, ref) for old, new, ref in question["updates"]]
        try:
            if question["hook"] == "pre-receive":
                message = self.refusal(push, updates, question["environment"])
                return {"accepted": not message, "message": message}
            self.pushed(push, updates)
        except Exception as error:  # whatever it is: the test that pushed must fail
            self._host.fail(f"{push} pushed: {error!r}")
            return {"accepted": False, "message": f"stand-in: {error}\n"}
        return {"accepted": True, "message": ""}
