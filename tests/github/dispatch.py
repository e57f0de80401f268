"""One request in, one answer out: by host and path to REST, GraphQL or git; everything checked and written down."""

import json
import re
import time
from typing import TYPE_CHECKING

from . import pages, rest, smart_http  # noqa: F401  # the second registers the routes
from .call import NOT_FOUND, Call, demand, may_see
from .code_host import Dispatch as Dispatching
from .model import Account, Repository, Token
from .published import Description, description
from .wire import (
    ANYBODY,
    APP,
    RefusedError,
    Request,
    Response,
    Route,
    UnmodelledError,
    find_route,
    json_response,
)

if TYPE_CHECKING:
    from .stand_in import GitHub


NOBODY = Token("", "classic", Account("nobody", "User"))


class Dispatch(Dispatching):
    """Answer every request that a front hands over."""

    title, refusal = "GitHub", RefusedError

    def __init__(self, github: "GitHub") -> None:
        super().__init__(github)
        self._github = github
        self.published: Description = description("cloud" if github.site.is_cloud else "server")

    def _by_host(self, request: Request) -> Response:
        site = self._github.site
        if neighbour := self._github.neighbours.get(request.host):
            return neighbour(request)
        if request.host not in site.hosts:
            raise UnmodelledError(f"host {request.host}")
        api = "/api/v3" if not site.is_cloud else ""
        graphql = "/api/graphql" if not site.is_cloud else "/graphql"
        if request.host == site.hosts[-1]:
            if request.path == graphql:
                return self._graphql(request)
            if site.is_cloud or request.path == api or request.path.startswith(f"{api}/"):
                return self._rest(request, request.path.removeprefix(api) or "/")
        if request.path.startswith("/_logs/"):
            return self._github.log_page(request.path.rpartition("/")[2])
        if pages.is_page(request):
            with self._github.lock:
                return pages.answer(self._github, request)
        return smart_http.answer(self._github, request)

    def _graphql(self, request: Request) -> Response:
        from .graph import execute  # building the schema takes a second: only where it is asked

        token = self._token(request)
        sent = json.loads(request.body)
        with self._github.lock:
            body, mutations = execute(self._github, token, sent)
        for mutation in mutations:
            self._github.changed(str(token), f"mutation {mutation}")
        return json_response(200, body, self._scopes(token))

    def _rest(self, request: Request, path: str) -> Response:
        path = self._by_name(path)
        found, parameters = find_route(request.method, path)
        token = self._who(request, found)
        faults = self.published.request_faults(found, request, parameters)
        if faults:
            raise UnmodelledError("; ".join(faults))
        try:
            with self._github.lock:
                call = Call(self._github, request, token, found, self._repository(parameters))
                if found.needs and found.needs not in (APP, ANYBODY):
                    del parameters["owner"], parameters["repo"]
                    if call.repository_or_none is None:
                        return self._moved(request, token, path)
                    archived = call.changes_archived
                    demand(token, call.repository, found.needs, found.scope, though_archived=archived)
                response = found.answer(call, **parameters)
        except RefusedError as refused:
            response = json_response(refused.status, refused.body)
        if found.method != "GET" and response.status < 300:
            self._github.changed(str(token), f"{request.method} {path}")
        faults = self.published.response_faults(found, response)
        if faults:
            raise UnmodelledError("; ".join(faults))
        accepted = {"X-Accepted-OAuth-Scopes": found.scope} if token.kind == "classic" else {}
        headers = {**response.headers, **self._scopes(token), **accepted, "X-GitHub-Request-Id": "stand-in"}
        return Response(response.status, response.body, headers)

    def _by_name(self, path: str) -> str:
        """Return a path of /repositories/ID, where redirects lead, as one of the repository's name."""
        if not (found := re.match(r"/repositories/(\d+)(?=/|$)", path)):
            return path
        for repository in self._github.repositories.values():
            if str(repository.id) == found[1]:
                return f"/repos/{repository.full_name}{path[found.end() :]}"
        raise RefusedError(404, NOT_FOUND)

    def _moved(self, request: Request, token: Token, path: str) -> Response:
        """Redirect from a former name, as recorded in octokit/fixtures (rename-repository)."""
        owner, name, *below = path.removeprefix("/repos/").split("/", 2)
        former = self._github.moved_from(f"{owner}/{name}")
        if former is None or not may_see(token, former):
            raise RefusedError(404, NOT_FOUND)
        reads = request.method in {"GET", "HEAD"}
        address = "/".join([f"{self._github.site.api}/repositories/{former.id}", *below])
        query = f"?{request.query_string}" if request.query_string else ""
        body = {
            "message": "Moved Permanently" if reads else "Temporary Redirect",
            "url": address + query,
            "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api",
        }
        return json_response(301 if reads else 307, body, {"Location": address + query})

    def _repository(self, parameters: dict[str, str]) -> Repository | None:
        if "repo" not in parameters:
            return None
        return self._github.repositories.get(f"{parameters['owner']}/{parameters['repo']}".lower())

    def _who(self, request: Request, found: Route) -> Token:
        if found.needs == APP:
            return self._github.apps.login(request)
        if found.needs == ANYBODY and request.secret is None:
            return NOBODY
        return self._token(request)

    def _token(self, request: Request) -> Token:
        secret = request.secret
        if secret is not None and secret.count(".") == 2:
            raise UnmodelledError(f"an App's own token (JWT) for {request.method} {request.path}")
        token = self._github.tokens.get(secret or "")
        if token is None or token.ends < time.time():
            raise RefusedError(401, "Requires authentication" if secret is None else "Bad credentials")
        return token

    def _scopes(self, token: Token) -> dict[str, str]:
        return {"X-OAuth-Scopes": ", ".join(sorted(token.scopes))} if token.kind == "classic" else {}
