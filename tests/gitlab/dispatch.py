"""One request in, one answer out: by path to REST or git; everything checked and written down."""

from typing import TYPE_CHECKING
from urllib.parse import unquote

from tests.github.code_host import Dispatch as Dispatching
from tests.github.wire import Request, Response, UnmodelledError

from . import rest, smart_http  # noqa: F401  # the first registers the routes
from .call import Call, check_scope, demand
from .documented import answer_faults, request_faults
from .model import Project, Token
from .wire import RefusedError, answered, find_route, secret_of

if TYPE_CHECKING:
    from .stand_in import GitLab

API = "/api/v4"


class Dispatch(Dispatching):
    """Answer every request that a front hands over."""

    title, refusal = "GitLab", RefusedError

    def __init__(self, gitlab: "GitLab") -> None:
        super().__init__(gitlab)
        self._gitlab = gitlab

    def _by_host(self, request: Request) -> Response:
        if request.host != self._gitlab.site.host:
            raise UnmodelledError(f"host {request.host}")
        if any(word in request.query for word in ("private_token", "job_token", "access_token")):
            raise UnmodelledError("a token in an address")
        if request.path.startswith(f"{API}/"):
            return self._rest(request, request.path.removeprefix(API))
        return smart_http.answer(self._gitlab, request)

    def _rest(self, request: Request, path: str) -> Response:
        token = self._token(request)
        found, parameters = find_route(request.method, path)
        if faults := request_faults(found, request, parameters):
            raise UnmodelledError("; ".join(faults))
        try:
            if found.scope == "api":
                check_scope(token, request.method)
            with self._gitlab.lock:
                project = self._project(parameters["id"]) if found.template.startswith("/projects/{id}") else None
                if project or found.template.startswith("/projects/{id}"):
                    name = parameters.pop("id")
                    demand(token, project, int(found.needs))
                    if project and name.lower() not in (str(project.id), project.full_path.lower()):
                        return self._moved(request, path, project)
                response = found.answer(Call(self._gitlab, request, token, found, project), **parameters)
                if faults := answer_faults(found, response):
                    raise UnmodelledError("; ".join(faults))
                if found.method != "GET" and response.status < 300:
                    self._gitlab.changed(str(token), f"{request.method} {unquote(path)}")
        except RefusedError as refused:
            response = answered(refused.status, refused.body)
        return Response(response.status, response.body, {**response.headers, "X-Request-Id": "stand-in"})

    def _project(self, name: str) -> Project | None:
        by_number = (each for each in self._gitlab.projects.values() if str(each.id) == name)
        gitlab = self._gitlab
        return gitlab.projects.get(name.lower()) or next(by_number, None) or gitlab.former_paths.get(name.lower())

    def _moved(self, request: Request, path: str, project: Project) -> Response:
        """Lead from a former path (doc/api/rest/_index.md, "Redirects"; lib/api/helpers.rb, `redirect!`)."""
        if request.method != "GET":
            raise RefusedError(405, "Non GET methods are not allowed for moved projects")
        below = path.split("/", 3)[3:]
        address = "/".join([f"{self._gitlab.site.web}{API}/projects/{project.id}", *below])
        where = f"{address}?{request.query_string}" if request.query_string else address
        return Response(302, f"This resource has been moved temporarily to {where}".encode(), {"Location": where})

    def _token(self, request: Request) -> Token:
        secret = secret_of(request)
        token = self._gitlab.live(secret)
        if token is None:
            raise RefusedError(401, "401 Unauthorized")
        if token.expires_at and token.expires_at < "2000":
            raise RefusedError(
                401,
                "",
                error="invalid_token",
                error_description="Token is expired. You can either do re-authorization or token refresh.",
            )
        return token
