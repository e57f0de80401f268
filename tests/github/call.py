"""One REST call: who asks for what, and whether they may."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .model import LEVELS, Account, Repository, Token
from .published import description
from .render import Site
from .wire import RefusedError, Request, Response, Route, json_response

if TYPE_CHECKING:
    from .stand_in import GitHub

NOT_FOUND = "Not Found"
BOTS = ("run", "app")
"""Tokens that act for nobody: what they may do is all in themselves."""


def may_see(token: Token, repository: Repository) -> bool:
    """Say whether a token leads to a repository at all; where it does not, GitHub answers 404."""
    if token.repositories is not None and repository.full_name not in token.repositories:
        return not repository.private
    if token.kind == "classic" and repository.private and "repo" not in token.scopes:
        return False
    return token.kind in BOTS or repository.role(token.owner) != "none"


def level_of(token: Token, repository: Repository, permission: str) -> str:
    """Say what a token may do with one side of a repository it can see."""
    outside = token.repositories is not None and repository.full_name not in token.repositories
    granted = "read" if outside else token.permissions.get(permission, "none")
    if token.kind == "fine-grained" and permission == "checks":  # nobody can give them that
        granted = "none"
    if permission == "metadata" or (not repository.private and permission in ("contents", "checks", "statuses")):
        granted = max(granted, "read", key=LEVELS.__getitem__)
    if token.kind in BOTS:
        return granted
    role = repository.role(token.owner)
    own = {"admin": "write", "write": "write", "read": "read"}.get(role, "none")
    if permission in {"administration", "webhooks"} and role != "admin":
        own = "none"
    if token.kind == "classic":
        wanted = {"repo"} if repository.private else {"repo", "public_repo"}
        return own if token.scopes & wanted else "read"
    return min(granted, own, key=LEVELS.__getitem__)


def demand(
    token: Token, repository: Repository, needs: str, scope: str = "repo", *, though_archived: bool = False
) -> None:
    """Refuse, with GitHub's words, what a token may not do."""
    if not may_see(token, repository):
        raise RefusedError(404, NOT_FOUND)
    permission, _, level = needs.partition(":")
    if LEVELS[level_of(token, repository, permission)] < LEVELS[level]:
        if token.kind in BOTS:
            raise RefusedError(403, "Resource not accessible by integration")
        if token.kind == "fine-grained":
            raise RefusedError(403, "Resource not accessible by personal access token")
        if permission == "webhooks":
            raise RefusedError(404, NOT_FOUND)
        raise RefusedError(403, "Must have admin rights to Repository.")
    if token.kind == "classic" and scope not in {"repo", ""} and scope not in token.scopes:
        raise RefusedError(403, "Must have admin rights to Repository.")
    if repository.archived and level == "write" and not though_archived:
        raise RefusedError(403, "Repository was archived so is read-only.")


@dataclass(frozen=True)
class Call:
    """What the function behind a route gets."""

    github: "GitHub"
    request: Request
    token: Token
    route: Route
    repository_or_none: Repository | None

    @property
    def site(self) -> Site:
        return self.github.site

    @property
    def repository(self) -> Repository:
        assert self.repository_or_none is not None
        return self.repository_or_none

    @property
    def url(self) -> str:
        return self.site.repository_url(self.repository)

    @cached_property
    def sent(self) -> Any:
        return json.loads(self.request.body) if self.request.body else {}

    @property
    def changes_archived(self) -> bool:
        """Say whether it does one of the two things that an archived repository lets through."""
        whole = self.route.template == "/repos/{owner}/{repo}"
        return whole and (self.route.method == "DELETE" or self.sent.get("archived") is False)

    def account(self, login: str, kind: str | None = None) -> Account:
        account = self.github.accounts.get(login.lower())
        if account is None or kind not in {None, account.kind}:
            raise RefusedError(404, NOT_FOUND)
        return account

    def page(self, items: list[Any], key: str | None = None) -> Response:
        """Answer one page of a list, with links to the others."""
        query = self.request.query
        of = description("cloud" if self.site.is_cloud else "server").page(self.route)
        size = min(int(query.get("per_page", of["unasked"])), of["most"])
        page = int(query.get("page", 1))
        shown = items[(page - 1) * size : page * size]
        last = max(1, -(-len(items) // size))
        links = {"next": page + 1, "last": last} if page < last else {}
        links |= {"prev": page - 1, "first": 1} if page > 1 else {}
        target = f"{self.site.api}{self.request.path.removeprefix('/api/v3')}"
        rest = "".join(f"&{name}={value}" for name, value in query.items() if name not in {"page", "per_page"})
        link = ", ".join(
            f'<{target}?per_page={size}&page={number}{rest}>; rel="{name}"' for name, number in links.items()
        )
        body = shown if key is None else {"total_count": len(items), key: shown}
        return json_response(200, body, {"Link": link} if link else {})


def found(things: dict[Any, Any], key: Any) -> Any:
    """Look something up, or answer 404."""
    if key not in things:
        raise RefusedError(404, NOT_FOUND)
    return things[key]
