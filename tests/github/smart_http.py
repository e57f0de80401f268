"""Git over HTTP: who may fetch and push, and git's own http-backend behind it."""

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from . import git
from .call import level_of, may_see
from .model import LEVELS, Repository, Token
from .pushes import Push
from .wire import Request, Response, UnmodelledError

if TYPE_CHECKING:
    from .stand_in import GitHub


def answer(github: "GitHub", request: Request) -> Response:
    """Answer git's smart HTTP by git's own http-backend."""
    parts = request.path.strip("/").split("/", 2)
    service = request.query.get("service") if parts[2:] == ["info/refs"] else "".join(parts[2:])
    if service not in {"git-upload-pack", "git-receive-pack"}:
        raise UnmodelledError(f"git's {request.method} {request.path}")
    full_name = f"{parts[0]}/{parts[1].removesuffix('.git')}"
    repository = github.found(full_name)
    token = github.tokens.get(request.secret or "")
    refusal = _refusal(repository, token, service, sent=request.secret is not None)
    if refusal or repository is None:
        return refusal or Response(404)
    if request.method == "GET" and github.moved_from(full_name):
        # Pushes go to the old address all the same where git was asked for a password first; GitHub takes them
        address = f"{github.site.web}/{repository.full_name}.git/{parts[2]}?{request.query_string}"
        return Response(301, b"", {"Location": address})
    push = github.pushes.open(Push(repository, token)) if token else ""
    return backend(request, repository.git, parts[2], token.owner.login if token else "", push)


def backend(request: Request, folder: Path, rest: str, user: str, push: str) -> Response:
    """Let git's http-backend answer for one bare repository; `push` is for its hooks."""
    environment = {
        **git.PLAIN,
        "GIT_PROJECT_ROOT": str(folder.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{folder.name}/{rest}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query_string,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "REMOTE_USER": user,
        "STAND_IN_PUSH": push,
    }
    done = subprocess.run(
        ["git", "http-backend"], env=environment, input=request.body, capture_output=True, check=False
    )
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    return Response(int(headers.pop("Status", "200").split()[0]), body, headers)


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
    if level == "write" and repository.archived:
        return Response(403, b"This repository was archived so it is read-only.", {"Content-Type": "text/plain"})
    if LEVELS[level_of(token, repository, "contents")] < LEVELS[level]:
        text = f"Permission to {repository.full_name}.git denied to {token.owner.login}."
        return Response(403, text.encode(), {"Content-Type": "text/plain"})
    return None
