"""Pushes under way: whose they are, and what the hooks of the repositories are told."""

import itertools
import json
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .model import Account, DeployKey, Repository, Token
from .push_rules import refusal
from .rules import Actor
from .wire import Asked

if TYPE_CHECKING:
    from .stand_in import GitHub


@dataclass(frozen=True)
class Push:
    """A connection that may push: whose, and to where."""

    repository: Repository
    token: Token | None = None
    key: DeployKey | None = None

    @property
    def actor(self) -> Actor:
        if self.token is None:
            return Actor("write", deploy_key=True)
        owner = self.repository.owner
        person = self.token.kind != "run"
        admin = person and owner.members.get(self.token.owner.login) == "admin"
        return Actor(self.repository.role(self.token.owner) if person else "none", organization_admin=admin)

    @property
    def owner(self) -> Account:
        """Who did it: a deploy key acts for the repository's owner."""
        return self.token.owner if self.token else self.repository.owner

    @property
    def starts_workflows(self) -> bool:
        """What GITHUB_TOKEN pushes starts none."""
        return self.token is None or self.token.kind != "run"

    def __str__(self) -> str:
        return str(self.token) if self.token else f"deploy key {self.key.title if self.key else ''}"


class Questions:
    """A socket on which git's hooks ask, and the command behind a deploy key."""

    def __init__(self, socket: Path, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        class Question(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(json.dumps(answer(json.loads(self.rfile.readline()))).encode() + b"\n")

        self._server = socketserver.ThreadingUnixStreamServer(str(socket), Question)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Pushes:
    """Answer git's requests, and its hooks' questions on a socket of its own."""

    def __init__(self, github: "GitHub", socket: Path) -> None:
        self._github = github
        self._open: dict[str, Push] = {}
        self._numbers = itertools.count(1)
        self.socket = socket
        self._questions = Questions(socket, self.answer_question)

    def close(self) -> None:
        self._questions.close()

    def open(self, push: Push) -> str:
        number = str(next(self._numbers))
        self._open[number] = push
        return number

    def over_ssh(self, key_id: int, service: str, path: str) -> dict[str, Any]:
        """Say which directory a deploy key opens for a service, and the number of the push, or why not."""
        repository = self._github.found(path.strip("/").removesuffix(".git"))
        key = repository.keys.get(key_id) if repository else None
        if repository is None or key is None:
            return {"folder": None, "message": "ERROR: Repository not found."}
        if service == "git-receive-pack" and key.read_only:
            message = "ERROR: The key you are authenticating with has been marked as read only."
            return {"folder": None, "message": message}
        if service == "git-receive-pack" and repository.archived:
            return {"folder": None, "message": "ERROR: This repository was archived so it is read-only."}
        self._github.requests.append(Asked("SSH", self._github.site.host, f"{service} {path}", 0))
        return {"folder": str(repository.git), "push": self.open(Push(repository, key=key))}

    def answer_question(self, question: dict[str, Any]) -> dict[str, Any]:
        if "ssh" in question:
            return self.over_ssh(question["ssh"], question["service"], question["path"])
        push = self._open[question["push"]]
        updates = [(old, new, ref) for old, new, ref in question["updates"]]
        try:
            if question["hook"] == "pre-receive":
                message = refusal(self._github, push, updates, question["environment"])
                return {"accepted": not message, "message": message}
            self._github.hosting.pushed(push, updates)
        except Exception as error:  # whatever it is: the test that pushed must fail
            self._github.fail(f"push to {push.repository.full_name}: {error!r}")
            return {"accepted": False, "message": f"stand-in: {error}\n"}
        return {"accepted": True, "message": ""}
