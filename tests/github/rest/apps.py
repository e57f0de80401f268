"""GitHub Apps over REST: who one is, where it is installed, and its tokens."""

from typing import Any

from ..apps import App, Installation, iso
from ..call import NOT_FOUND, Call, found
from ..wire import ANYBODY, APP, RefusedError, Response, UnmodelledError, json_response, route


def page(call: Call, app: App) -> str:
    """Return the address of an App's page: an Enterprise Server keeps them elsewhere."""
    return f"{call.site.web}/{'apps' if call.site.is_cloud else 'github-apps'}/{app.slug}"


def _app(call: Call, app: App) -> dict[str, Any]:
    return {
        "id": app.id,
        "slug": app.slug,
        "node_id": f"A_{app.id}",
        "owner": call.site.user(app.owner),
        "name": app.name,
        "description": app.description,
        "external_url": app.url,
        "html_url": page(call, app),
        "created_at": app.created_at,
        "updated_at": app.created_at,
        "permissions": app.permissions,
        "events": [],
    }


def _installation(call: Call, each: Installation) -> dict[str, Any]:
    url = f"{call.site.api}/app/installations/{each.id}"
    return {
        "id": each.id,
        "account": call.site.user(each.account),
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{call.site.api}/installation/repositories",
        "html_url": f"{call.site.web}/organizations/{each.account.login}/settings/installations/{each.id}",
        "app_id": each.app.id,
        "app_slug": each.app.slug,
        "target_id": each.account.id,
        "target_type": each.account.kind,
        "repository_selection": "all" if each.repositories is None else "selected",
        "permissions": each.permissions,
        "events": [],
        "single_file_name": None,
        "suspended_by": None,
        "suspended_at": None,
        "created_at": each.created_at,
        "updated_at": each.created_at,
    }


def _asking(call: Call) -> App:
    return call.github.apps.known[int(call.token.secret)]


@route("GET", "/app", APP)
def about(call: Call) -> Response:
    return json_response(200, _app(call, _asking(call)))


@route("GET", "/apps/{app_slug}", ANYBODY)
def public(call: Call, app_slug: str) -> Response:
    return json_response(200, _app(call, found(call.github.apps.public, app_slug)))


@route("GET", "/repos/{owner}/{repo}/installation", APP)
def installation(call: Call, owner: str, repo: str) -> Response:
    there = call.github.apps.installed(_asking(call), f"{owner}/{repo}")
    if there is None or call.repository_or_none is None:
        raise RefusedError(404, NOT_FOUND)
    return json_response(200, _installation(call, there))


@route("POST", "/app/installations/{installation_id}/access_tokens", APP)
def access_token(call: Call, installation_id: str) -> Response:
    there: Installation = found(call.github.apps.installations, int(installation_id))
    if there.app is not _asking(call):
        raise RefusedError(404, NOT_FOUND)
    sent = call.sent
    if unknown := sent.keys() - {"repositories", "permissions"}:
        raise UnmodelledError(f"a token of an installation by {sorted(unknown)}")
    chosen = None
    if "repositories" in sent:
        chosen = frozenset(f"{there.account.login}/{name}" for name in sent["repositories"])
    permissions = sent.get("permissions") or there.permissions
    made = call.github.apps.token(there, permissions, chosen)
    body = {
        "token": made.secret,
        "expires_at": iso(made.ends),
        "permissions": dict(made.permissions),
        "repository_selection": "all" if made.repositories is None else "selected",
    }
    return json_response(201, body)
