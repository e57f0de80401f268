"""Git over HTTP and SSH: who may fetch and push, and what a push sets off."""

import base64
import binascii
import itertools
import json
import socketserver
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import git
from .call import level_of, may_see
from .model import LEVELS, DeployKey, Repository, Token
from .rules import Actor, Update, violations
from .wire import Request, Response, UnmodelledError

if TYPE_CHECKING:
    from .stand_in import GitHub

WORKFLOWS = ".github/workflows/"


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

    def __str__(self) -> str:
        return str(self.token) if self.token else f"deploy key {self.key.title if self.key else ''}"


class Pushes:
    """Answer git's requests, and its hooks' questions on a socket of its own."""

    def __init__(self, github: "GitHub", socket: Path) -> None:
        self._github = github
        self._open: dict[str, Push] = {}
        self._numbers = itertools.count(1)
        self.socket = socket
        pushes = self

        class Question(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                answer = pushes.answer_question(json.loads(self.rfile.readline()))
                self.wfile.write(json.dumps(answer).encode() + b"\n")

        self._server = socketserver.ThreadingUnixStreamServer(str(socket), Question)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def open(self, push: Push) -> str:
        number = str(next(self._numbers))
        self._open[number] = push
        return number

    def over_http(self, request: Request) -> Response:
        """Answer git's smart HTTP by git's own http-backend."""
        parts = request.path.strip("/").split("/", 2)
        service = request.query.get("service") if parts[2:] == ["info/refs"] else "".join(parts[2:])
        if service not in {"git-upload-pack", "git-receive-pack"}:
            raise UnmodelledError(f"git's {request.method} {request.path}")
        repository = self._github.repositories.get(f"{parts[0]}/{parts[1].removesuffix('.git')}".lower())
        token = self._token(request)
        refusal = _refusal(repository, token, service, sent="authorization" in {key.lower() for key in request.headers})
        if refusal or repository is None:
            return refusal or Response(404)
        environment = {
            **git.PLAIN,
            "GIT_PROJECT_ROOT": str(repository.git.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{repository.git.name}/{parts[2]}",
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.query_string,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "REMOTE_USER": token.owner.login if token else "",
            "STAND_IN_PUSH": self.open(Push(repository, token)) if token else "",
        }
        done = subprocess.run(
            ["git", "http-backend"], env=environment, input=request.body, capture_output=True, check=False
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        return Response(int(headers.pop("Status", "200").split()[0]), body, headers)

    def over_ssh(self, key_id: int, service: str, path: str) -> tuple[Path, str] | None:
        """Say which directory a deploy key opens for a service, and the number of the push; None: none."""
        name = path.strip("/").removesuffix(".git").lower()
        repository = self._github.repositories.get(name)
        key = repository.keys.get(key_id) if repository else None
        if repository is None or key is None or (service == "git-receive-pack" and key.read_only):
            return None
        return repository.git, self.open(Push(repository, key=key))

    def _token(self, request: Request) -> Token | None:
        kind, _, value = next((v for k, v in request.headers.items() if k.lower() == "authorization"), "").partition(
            " "
        )
        try:
            secret = base64.b64decode(value).decode().partition(":")[2] if kind.lower() == "basic" else value
        except (binascii.Error, UnicodeDecodeError):
            return None
        return self._github.tokens.get(secret)

    def answer_question(self, question: dict[str, Any]) -> dict[str, Any]:
        if "ssh" in question:
            opened = self.over_ssh(question["ssh"], question["service"], question["path"])
            return {"folder": str(opened[0]), "push": opened[1]} if opened else {"folder": None}
        push = self._open[question["push"]]
        updates = [(old, new, ref) for old, new, ref in question["updates"]]
        try:
            if question["hook"] == "pre-receive":
                message = self._refusal_of_push(push, updates, question["environment"])
                return {"accepted": not message, "message": message}
            self._github.pushed(push, updates)
        except Exception as error:  # whatever it is: the test that pushed must fail
            self._github.fail(f"push to {push.repository.full_name}: {error!r}")
            return {"accepted": False, "message": f"stand-in: {error}\n"}
        return {"accepted": True, "message": ""}

    def _refusal_of_push(self, push: Push, updates: list[tuple[str, str, str]], env: Mapping[str, str]) -> str:
        repository, folder = push.repository, push.repository.git
        for old, new, ref in updates:
            deletes, creates = new == git.ZERO, old == git.ZERO
            if not ref.startswith("refs/heads/"):
                continue
            changes = not deletes and (creates or not git.is_ancestor(folder, new, old, env))
            if changes and (file := self._new_workflow(push, old, new, env)):
                return f"{file}\n"
            update = Update(
                ref.removeprefix("refs/heads/"),
                deletes=deletes,
                creates=creates,
                forced=not (deletes or creates) and not git.is_ancestor(folder, old, new, env),
                merges=changes and bool(git.git(folder, "rev-list", "--merges", *_range(old, new), env=env)),
                passed_checks=frozenset(self._github.passed_checks(repository, new)),
            )
            broken = violations(repository, push.actor, update)
            if broken:
                lines = "".join(f"\n- {each}\n" for each in broken)
                return f"error: GH013: Repository rule violations found for {ref}.\n{lines}\n"
        return ""

    def _new_workflow(self, push: Push, old: str, new: str, env: Mapping[str, str]) -> str:
        """Refuse workflow files that are on no branch yet, from tokens that may not write workflows."""
        token = push.token
        if token is None:
            return ""
        who = {"classic": "a Personal Access Token", "fine-grained": "a Personal Access Token", "run": "a GitHub App"}
        allowed = {"classic": "workflow" in token.scopes, "fine-grained": token.permissions.get("workflows") == "write"}
        if allowed.get(token.kind, False):
            return ""
        known = {entry for tip in git.refs(push.repository.git).values() for entry in _workflows(push, tip, env)}
        what = "`workflow` scope" if token.kind == "classic" else "`workflows` permission"
        for name, _ in sorted(_workflows(push, new, env) - known):
            return f"refusing to allow {who[token.kind]} to create or update workflow `{name}` without {what}"
        return ""


def _workflows(push: Push, revision: str, env: Mapping[str, str]) -> set[tuple[str, str]]:
    lines = git.git(push.repository.git, "ls-tree", "-r", revision, WORKFLOWS, env=env).splitlines()
    return {(name, head.split()[2]) for head, _, name in (line.partition("\t") for line in lines)}


def _range(old: str, new: str) -> list[str]:
    return [new] if old == git.ZERO else [f"{old}..{new}"]


def _refusal(repository: Repository | None, token: Token | None, service: str, *, sent: bool) -> Response | None:
    unknown = Response(
        401, b"Repository not found.", {"WWW-Authenticate": 'Basic realm="GitHub"', "Content-Type": "text/plain"}
    )
    if token is None:
        public = repository is not None and not repository.private and service == "git-upload-pack"
        return None if public and not sent else unknown
    if repository is None or not may_see(token, repository):
        return Response(404, b"Repository not found.", {"Content-Type": "text/plain"})
    level = "read" if service == "git-upload-pack" else "write"
    if LEVELS[level_of(token, repository, "contents")] < LEVELS[level]:
        text = f"Permission to {repository.full_name}.git denied to {token.owner.login}."
        return Response(403, text.encode(), {"Content-Type": "text/plain"})
    return None
