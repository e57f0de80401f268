"""Git over HTTP: who may fetch and push, and git's own http-backend behind it."""

from typing import TYPE_CHECKING

from tests.github.smart_http import backend
from tests.github.wire import Request, Response, UnmodelledError

from .call import level_of
from .model import DEVELOPER, REPORTER, Project, Token
from .pushes import Push
from .wire import secret_of

if TYPE_CHECKING:
    from .stand_in import GitLab

PLAIN = {"Content-Type": "text/plain"}


def answer(gitlab: "GitLab", request: Request) -> Response:
    """Answer git's smart HTTP by git's own http-backend."""
    path, mark, rest = request.path.strip("/").partition(".git/")
    service = request.query.get("service") if rest == "info/refs" else rest
    if not mark and path.endswith("/info/refs"):  # without .git GitLab leads git to the address with it
        full = path.removesuffix("/info/refs")
        where = f"{gitlab.site.web}/{full}.git/info/refs?{request.query_string}"
        return Response(301, b"", {"Location": where, **PLAIN})
    if service not in {"git-upload-pack", "git-receive-pack"}:
        raise UnmodelledError(f"{request.method} {request.path}")
    project = gitlab.projects.get(path.lower()) or gitlab.former_paths.get(path.lower())  # git is led nowhere else
    secret = secret_of(request)
    token = gitlab.live(secret)
    refusal = _refusal(project, token, service, sent=secret is not None)
    if refusal or project is None:
        return refusal or Response(404)
    push = gitlab.pushes.open(Push(project, token)) if token else ""
    return backend(request, project.git, rest, token.user.username if token else "", push)


def _refusal(project: Project | None, token: Token | None, service: str, *, sent: bool) -> Response | None:
    denied = Response(401, b"HTTP Basic: Access denied.", {"WWW-Authenticate": 'Basic realm="GitLab"', **PLAIN})
    if token is None:
        public = project is not None and not project.private and service == "git-upload-pack"
        return None if public and not sent else denied
    if project is None or not level_of(token, project):
        return Response(404, b"The project you were looking for could not be found.", PLAIN)
    reads = service == "git-upload-pack"
    scopes = {"api", "write_repository"} | ({"read_repository"} if reads else set())
    if token.kind != "job" and not token.scopes & scopes:
        return Response(403, b"insufficient_scope", PLAIN)
    if not reads and token.kind == "job" and not project.settings["ci_push_repository_for_job_token_allowed"]:
        return Response(403, b"You are not allowed to upload code.", PLAIN)
    if level_of(token, project) < (REPORTER if reads and project.private else 10 if reads else DEVELOPER):
        return Response(403, b"You are not allowed to push code to this project.", PLAIN)
    return None
