"""Registering the GitHub App that reports: a person agrees on a page of GitHub's, and its key comes back here.

GitHub makes the App from a manifest that a form brings there from the person's own browser, and sends the browser back
with a code, which is good for the key, once. So a page is served here for as long as that takes: to this machine alone,
under a name that nobody can guess; and only the answer that brings our state back is taken for one.
"""

import hmac
import json
import logging
import secrets
import time
from html import escape
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode

from ...config.settings import Settings
from ...support.errors import ApiError, InstallerError
from ...support.process import launch
from ...support.secret import Secret, redact
from ...support.wait import stopped
from .app import GIVEN, PERMISSIONS, GitHubApp
from .repository import GitHub

log = logging.getLogger(__name__)
LONGEST_NAME = 34
"""Characters of an App's name at GitHub, where no two have the same."""
PATIENCE = 600.0
"""Seconds that a person has to agree."""
_ATTEMPTS = 3
_PAGE = """<form method="post" action="{action}">
<input type="hidden" name="manifest" value="{manifest}">
<button>Register the App at {host}</button>
</form>
<script>document.forms[0].submit()</script>"""


def register(settings: Settings, github: GitHub, *, patience: float = PATIENCE) -> GitHubApp:
    """Open a page in the browser, wait until the person has registered the App, and return it with its key."""
    with _Desk(settings, github) as desk:
        log.info("register the App in the browser (you may change its name): %s", desk.address)
        launch(desk.address)
        end = time.monotonic() + patience
        while desk.app is None and desk.error is None and time.monotonic() < end and not stopped.is_set():
            desk.handle_request()
        if desk.error:
            raise desk.error
        if desk.app is None:
            fix = f"Run this again; or make an App manually and set {' and '.join(GIVEN)} (docs/how-to/github.md)."
            raise InstallerError(f"Nobody registered the GitHub App within {patience:.0f} s.", fix)
        return desk.app


def manifest(settings: Settings, back: str) -> dict[str, Any]:
    """Return what the App should be; without `hook_attributes` it has no webhook."""
    return {
        "name": f"{settings.owner}-{settings.slug}-reporter"[:LONGEST_NAME].strip("-"),
        "url": settings.url,
        "description": f"Shows at the commits of {settings.repository} the outcome of their deployment.",
        "redirect_url": back,
        "public": False,
        "default_permissions": PERMISSIONS,
    }


class _Desk(HTTPServer):
    """One page that leads to GitHub, and one that GitHub leads back to."""

    timeout = 0.5

    def __init__(self, settings: Settings, github: GitHub) -> None:
        super().__init__(("127.0.0.1", 0), _Visitor)
        self._settings = settings
        self._github = github
        self._state = secrets.token_urlsafe(24)
        self._door = secrets.token_urlsafe(24)
        self.host = f"127.0.0.1:{self.server_port}"
        self.address = f"http://{self.host}/{self._door}"
        self.app: GitHubApp | None = None
        self.error: InstallerError | None = None

    def receive(self, path: str, query: dict[str, str]) -> tuple[int, str, str]:
        """Answer a browser: status, text, and where to go from here."""
        if path == f"/{self._door}":
            return 200, self._form(), ""
        if path != "/back" or "code" not in query:
            return 404, "There is nothing here.", ""
        if not hmac.compare_digest(query.get("state", "").encode(), self._state.encode()):
            return 400, "This is not the answer to what was asked from here.", ""
        try:
            return 302, "", self._take(Secret(query["code"]))
        except InstallerError as error:
            self.error = error
            return 200, "That did not work: see the terminal.", ""

    def _form(self) -> str:
        settings = self._settings
        owner = self._github.get(f"/users/{settings.owner}") or {}
        organisation = f"/organizations/{settings.owner}" if owner.get("type") == "Organization" else ""
        action = f"https://{settings.host}{organisation}/settings/apps/new?{urlencode({'state': self._state})}"
        text = json.dumps(manifest(settings, f"http://{self.host}/back"))
        return _PAGE.format(action=escape(action), manifest=escape(text), host=escape(settings.host))

    def _take(self, code: Secret) -> str:
        """Get the App's key for the code, and return the page on which it is installed."""
        made = self._convert(code)
        self.app = GitHubApp(str(made["id"]), Secret(made["pem"]))
        for other in ("client_secret", "webhook_secret"):
            Secret(made.get(other) or "")  # not needed, and not to be printed
        query = {"suggested_target_id": made["owner"]["id"]}
        repository = self._github.find()
        query |= {"repository_ids[]": repository["id"]} if repository else {}
        return f"{made['html_url']}/installations/new/permissions?{urlencode(query)}"

    def _convert(self, code: Secret) -> dict[str, Any]:
        for left in reversed(range(_ATTEMPTS)):
            try:
                made: dict[str, Any] = self._github.call("POST", f"/app-manifests/{code.reveal()}/conversions")
            except InstallerError as error:
                if left and not (isinstance(error, ApiError) and error.status < 500):
                    continue
                reported = f"The App is registered, but its key did not come: {redact(error.message)}"
                fix = f"Make a private key on its page and set {' and '.join(GIVEN)}; or delete it and run this again."
                raise InstallerError(reported, fix) from None
            else:
                return made
        raise AssertionError


class _Visitor(BaseHTTPRequestHandler):
    server: _Desk
    timeout = 5

    def do_GET(self) -> None:
        """Answer; a page that another site led here under another name is nobody's."""
        path, _, query = self.path.partition("?")
        given = {name: values[0] for name, values in parse_qs(query).items()}
        known = self.headers["Host"] == self.server.host
        status, text, there = self.server.receive(path, given) if known else (404, "There is nothing here.", "")
        body = f"<!doctype html><meta charset=utf-8><title>gitops-flask</title>{text}".encode()
        self.send_response(status)
        for name, value in {"Location": there, "Content-Type": "text/html", "Cache-Control": "no-store"}.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the code is in the address."""
