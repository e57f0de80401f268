"""The few pages of GitHub that a person is led to: the one that registers an App, filled in, and the one to install it.

Parameters: https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-using-url-parameters.
"""

import re
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from .apps import App
from .model import LEVELS, PERMISSIONS, Account
from .wire import Request, Response, UnmodelledError

if TYPE_CHECKING:
    from .stand_in import GitHub

_PAGE = re.compile(r"/settings/apps/|/organizations/[^/]+/settings/apps/|/(?:github-)?apps/")
_SETTINGS = {"name", "description", "url", "public", "webhook_active"}
LONGEST_NAME = 34


def is_page(request: Request) -> bool:
    return bool(_PAGE.match(request.path))


def answer(github: "GitHub", request: Request) -> Response:
    """Answer a browser; who is logged in, its cookie tells: here it is the token of that person."""
    person = _person(github, request)
    if person is None:
        return _html("<p>Sign in to GitHub</p>", 404)
    path, sent = request.path, {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    if new := re.fullmatch(r"(?:/organizations/([^/]+))?/settings/apps/new", path):
        owner = github.accounts[(new[1] or person.login).lower()]
        if (new[1] and owner.kind != "Organization") or not _manages(person, owner):
            return _html("<p>404</p>", 404)
        return (
            _form(path, _filled_in(request), "Create GitHub App")
            if request.method == "GET"
            else _register(github, owner, sent)
        )
    if there := re.fullmatch(r"/(?:github-)?apps/([^/]+)/installations/new", path):
        app = next((each for each in github.apps.known.values() if each.slug == there[1]), None)
        if app is None or not _manages(person, app.owner):
            return _html("<p>404</p>", 404)
        if request.method == "GET":
            return _form(path, {"repository": ""}, f"Install {app.name}")
        return _install(github, app, sent)
    raise UnmodelledError(f"the page {request.method} {request.target}")


def _person(github: "GitHub", request: Request) -> Account | None:
    cookie = next((value for name, value in request.headers.items() if name.lower() == "cookie"), "")
    found = re.search(r"user_session=(\S+)", cookie)
    token = github.tokens.get(found[1]) if found else None
    return token.owner if token else None


def _manages(person: Account, owner: Account) -> bool:
    return person is owner or owner.members.get(person.login) == "admin"


def _filled_in(request: Request) -> dict[str, str]:
    """Return the fields of the page as the address fills them in; what is not modelled here fails the test."""
    given = dict(request.query)
    if unknown := given.keys() - _SETTINGS - set(PERMISSIONS):
        raise UnmodelledError(f"an App registered with {sorted(unknown)}")
    for name, level in given.items():
        if name in PERMISSIONS and level not in LEVELS:
            raise UnmodelledError(f"the permission {name}={level}")
        if name in ("public", "webhook_active") and level not in ("true", "false"):
            raise UnmodelledError(f"{name}={level}")
    if given.get("webhook_active") == "true":
        raise UnmodelledError("an App with a webhook")
    return given


def _register(github: "GitHub", owner: Account, sent: dict[str, str]) -> Response:
    name = sent.get("name", "")
    taken = any(each.name.lower() == name.lower() for each in github.apps.known.values())
    if taken or not 0 < len(name) <= LONGEST_NAME:
        said = "Name is already taken" if taken else f"Name is too long (maximum is {LONGEST_NAME} characters)"
        return _html(f"<p>{said}</p>", 422)
    if urlsplit(sent.get("url", "")).scheme not in ("http", "https"):
        return _html("<p>Homepage URL must be a valid URL</p>", 422)
    permissions = {"metadata": "read", **{each: level for each, level in sent.items() if each in PERMISSIONS}}
    public = sent.get("public") == "true"
    app = App(name, owner, permissions, sent["url"], description=sent.get("description", ""), public=public)
    github.apps.known[app.id] = app
    return _html(f"<p>App ID: {app.id}</p>")


def _install(github: "GitHub", app: App, sent: dict[str, str]) -> Response:
    """Install it on a repository of its owner's, which the person chooses."""
    repository = github.repositories.get(sent.get("repository", "").lower())
    if repository is None or repository.owner is not app.owner:
        return _html("<p>404</p>", 404)
    github.apps.install(app, app.owner.login, [repository.full_name])
    return _html(f"<p>{escape(app.name)} is installed.</p>")


def _form(action: str, filled_in: dict[str, str], button: str) -> Response:
    fields = "".join(f'<input name="{escape(name)}" value="{escape(value)}">' for name, value in filled_in.items())
    return _html(f'<form method="post" action="{escape(action)}">{fields}<button>{escape(button)}</button></form>')


def _html(text: str, status: int = 200) -> Response:
    return Response(status, f"<!doctype html>{text}".encode(), {"Content-Type": "text/html; charset=utf-8"})
