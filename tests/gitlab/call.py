"""One REST call: who asks for what, and whether they may."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.github.wire import Request, Response, Route

from .model import GUEST, REPORTER, Group, Namespace, Project, Token
from .render import Site
from .wire import RefusedError, answered, forbidden, missing

if TYPE_CHECKING:
    from .stand_in import GitLab

READS = {"GET", "HEAD"}


def level_of(token: Token, project: Project) -> int:
    """Return the access level that a token has in a project; 0 where it does not see it."""
    if token.kind in ("project", "job") and token.project is not project:
        return 0 if project.private else GUEST
    level = token.access_level if token.kind == "project" else project.level(token.user)
    return max(level, 0 if project.private else GUEST)


def check_scope(token: Token, method: str) -> None:
    """Refuse, in the words of OAuth that GitLab uses here, a token whose scopes do not reach."""
    enough = {"api"} | ({"read_api"} if method in READS else set())
    if token.kind == "job":
        raise forbidden()
    if not token.scopes & enough:
        raise RefusedError(
            403,
            "",
            error="insufficient_scope",
            error_description="The request requires higher privileges than provided by the access token.",
            scope=" ".join(sorted(enough)),
        )


def demand(token: Token, project: Project | None, level: int) -> None:
    """Refuse what somebody may not see, then what they may not do."""
    if project is None or not level_of(token, project):
        raise missing("Project")
    if level_of(token, project) < level and (project.private or level > REPORTER):  # anyone reads what is public
        raise forbidden()


@dataclass(frozen=True)
class Call:
    """What the function behind a route gets."""

    gitlab: "GitLab"
    request: Request
    token: Token
    route: Route
    project_or_none: Project | None

    @property
    def site(self) -> Site:
        return self.gitlab.site

    @property
    def project(self) -> Project:
        assert self.project_or_none is not None
        return self.project_or_none

    @cached_property
    def sent(self) -> Any:
        return json.loads(self.request.body) if self.request.body else {}

    def namespace(self, name: str) -> Namespace:
        """Find a group or a user by number or full path."""
        for each in (*self.gitlab.groups.values(), *self.gitlab.users.values()):
            if name in (str(each.namespace_id), each.path):
                return each
        raise missing("Namespace")

    def group(self, name: str) -> Group:
        found = next((g for g in self.gitlab.groups.values() if name in (str(g.id), g.path)), None)
        if found is None:
            raise missing("Group")
        return found

    def page(self, items: list[Any]) -> Response:
        """Answer one page of a list, with GitLab's headers about the others."""
        query = self.request.query
        size, page = min(int(query.get("per_page", 20)), 100), int(query.get("page", 1))
        last = max(1, -(-len(items) // size))
        headers = {
            "X-Page": str(page),
            "X-Per-Page": str(size),
            "X-Total": str(len(items)),
            "X-Total-Pages": str(last),
            "X-Next-Page": str(page + 1) if page < last else "",
        }
        if page < last:
            rest = urlencode({**query, "per_page": size, "page": page + 1})
            headers["Link"] = f'<https://{self.site.host}{self.request.path}?{rest}>; rel="next"'
        return answered(200, items[(page - 1) * size : page * size], **headers)


def found(things: dict[Any, Any], key: Any, what: str = "") -> Any:
    """Look something up, or answer 404."""
    if key not in things:
        raise missing(what) if what else RefusedError(404, "404 Not found")
    return things[key]
