"""The few pages of GitHub that a person's browser is led to: registering an App from a manifest, and installing it."""

import json
import re
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from .apps import App
from .model import LEVELS, PERMISSIONS, Account
from .wire import Request, Response, UnmodelledError

if TYPE_CHECKING:
    from .stand_in import GitHub

_PAGE = re.compile(r"/settings/apps/|/organizations/[^/]+/settings/apps/|/(?:github-)?apps/")
_KNOWN = {"name", "url", "redirect_url", "description", "public", "default_permissions", "default_events"}
LONGEST_NAME = 34


def is_page(request: Request) -> bool:
    return bool(_PAGE.match(request.path))


def answer(github: "GitHub", request: Request) -> Response:
    """Answer a browser; who is logged in, its cookie tells: here it is the token of that person."""
    person = _person(github, request)
    if person is None:
        return _html("<p>Sign in to GitHub</p>", 404)
    path, sent = request.path, {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    if new := re.fullmatch(r"(?:/organizations/([^/]+))?/settings/apps/(new|manifest)", path):
        owner = github.accounts[(new[1] or person.login).lower()]
        if person is not owner and owner.members.get(person.login) != "admin":
            return _html("<p>404</p>", 404)
        if request.method == "POST":
            return _confirm(request, sent) if new[2] == "new" else _register(github, owner, sent)
    elif there := re.fullmatch(r"/(?:github-)?apps/([^/]+)/installations/new(?:/permissions)?", path):
        app = next((each for each in github.apps.known.values() if each.slug == there[1]), None)
        if app is None or (person is not app.owner and app.owner.members.get(person.login) != "admin"):
            return _html("<p>404</p>", 404)
        return _choose(request, app) if request.method == "GET" else _install(github, app, sent)
    raise UnmodelledError(f"the page {request.method} {request.target}")


def _person(github: "GitHub", request: Request) -> Account | None:
    cookie = next((value for name, value in request.headers.items() if name.lower() == "cookie"), "")
    found = re.search(r"user_session=(\S+)", cookie)
    token = github.tokens.get(found[1]) if found else None
    return token.owner if token else None


def _confirm(request: Request, sent: dict[str, str]) -> Response:
    """Show the page on which the person may still change the App's name."""
    if wrong := _wrong(sent.get("manifest", "")):
        return _html(f"<p>Invalid GitHub App configuration: {escape(wrong)}</p>", 422)
    name = json.loads(sent["manifest"]).get("name", "")
    state = request.query.get("state", "")
    fields = {"manifest": sent["manifest"], "state": state}
    return _form(request.path.replace("/new", "/manifest"), fields, "name", name, "Create GitHub App")


def _wrong(text: str) -> str:
    """Say what GitHub would not take; what is not modelled here fails the test."""
    manifest = json.loads(text)
    if unknown := manifest.keys() - _KNOWN:
        raise UnmodelledError(f"an App's manifest with {sorted(unknown)}")
    if manifest.get("default_events"):
        raise UnmodelledError("an App that listens to events")
    if not str(manifest.get("url", "")).startswith(("https://", "http://")):
        return '"url" wasn\'t supplied.'
    for name, level in manifest.get("default_permissions", {}).items():
        if name not in PERMISSIONS or level not in LEVELS:
            return f"Default permission records resource is not included in the list: {name}={level}"
    return "" if urlsplit(manifest.get("redirect_url", "")).scheme in ("http", "https") else "Redirect URL is not valid"


def _register(github: "GitHub", owner: Account, sent: dict[str, str]) -> Response:
    manifest, name = json.loads(sent["manifest"]), sent["name"]
    taken = any(each.name.lower() == name.lower() for each in github.apps.known.values())
    if taken or not 0 < len(name) <= LONGEST_NAME:
        said = "Name is already taken" if taken else f"Name is too long (maximum is {LONGEST_NAME} characters)"
        return _html(f"<p>{said}</p>", 422)
    permissions = {"metadata": "read", **manifest.get("default_permissions", {})}
    text, public = manifest.get("description", ""), manifest.get("public", False)
    app = App(name, owner, permissions, manifest["url"], description=text, public=public)
    query = {"code": github.apps.register(app), **({"state": sent["state"]} if sent.get("state") else {})}
    return Response(302, b"", {"Location": f"{manifest['redirect_url']}?{urlencode(query)}"})


def _choose(request: Request, app: App) -> Response:
    if unknown := request.query.keys() - {"suggested_target_id", "repository_ids[]"}:
        raise UnmodelledError(f"an installation's page with {sorted(unknown)}")
    chosen = {"repository_id": request.query.get("repository_ids[]", "")}
    return _form(request.path, chosen, "target_id", request.query.get("suggested_target_id", ""), f"Install {app.name}")


def _install(github: "GitHub", app: App, sent: dict[str, str]) -> Response:
    """Install it on one repository, or on all where none was chosen; a private App only at its owner's."""
    repository = next(
        (each for each in github.repositories.values() if str(each.id) == sent.get("repository_id")), None
    )
    if sent.get("target_id") != str(app.owner.id) or (repository and repository.owner is not app.owner):
        return _html("<p>404</p>", 404)
    github.apps.install(app, app.owner.login, [repository.full_name] if repository else None)
    return _html(f"<p>{escape(app.name)} is installed.</p>")


def _form(action: str, hidden: dict[str, str], name: str, value: str, button: str) -> Response:
    fields = "".join(f'<input type="hidden" name="{k}" value="{escape(v)}">' for k, v in hidden.items())
    shown = f'<input name="{name}" value="{escape(value)}"><button>{escape(button)}</button>'
    return _html(f'<form method="post" action="{escape(action)}">{fields}{shown}</form>')


def _html(text: str, status: int = 200) -> Response:
    return Response(status, f"<!doctype html>{text}".encode(), {"Content-Type": "text/html; charset=utf-8"})
