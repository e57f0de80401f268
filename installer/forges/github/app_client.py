"""GitHub, asked as an App, with nothing but the standard library: so that a pod can do it, too.

It logs in with a few words that it has signed with its private key, good for some minutes, and is given a token for one
repository, which reads contents and writes Deployments, whatever else the App may. It lasts an hour and is nowhere but
in this process.
"""

import base64
import json
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from ...support.errors import UNREADABLE, ApiError, InstallerError, reading
from ...support.http_client import Client, context, seconds_to_wait
from ...support.secret import Secret, redact

TOKEN: Mapping[str, str] = {"contents": "read", "deployments": "write"}
"""What the token may do; GitHub adds metadata: read."""
_TIMEOUT = 15
_EARLY = 300  # seconds before its end that a token is replaced

ID, KEY = "app-id", "private-key.pem"
"""Fields of the Secret, and so files where it is mounted."""


class App(Protocol):
    """An App, as far as it is needed to log in as one."""

    @property
    def number(self) -> str:
        """Return its id at GitHub."""

    def sign(self, text: bytes) -> bytes:
        """Sign with its private key, as RS256 wants it."""


@dataclass(frozen=True)
class Mounted:
    """The App whose number and key are files of a folder; openssl signs, so that the key is in no variable."""

    folder: Path

    @property
    def number(self) -> str:
        """Return its id at GitHub."""
        return (self.folder / ID).read_text(encoding="utf-8").strip()

    def sign(self, text: bytes) -> bytes:
        """Sign with its private key."""
        command = ["openssl", "dgst", "-sha256", "-sign", str(self.folder / KEY)]
        done = subprocess.run(command, input=text, capture_output=True, check=False)
        if done.returncode:
            raise InstallerError(f"openssl cannot sign with the App's key: {done.stderr.decode(errors='replace')}")
        return done.stdout


def signed(app: App) -> Secret:
    """Return the token with which the App itself is asked about: a JWT."""
    now = int(time.time())
    claims = {"iat": now - 60, "exp": now + 540, "iss": app.number}  # clocks differ; ten minutes are the most
    text = ".".join(_url(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
    return Secret(f"{text}.{_url(app.sign(text.encode()))}")


def _url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class No(ApiError):
    """GitHub said no."""

    def __init__(self, verb: str, path: str, status: int, message: str, headers: Mapping[str, str]) -> None:
        wait = seconds_to_wait(status, message, headers)
        super().__init__("GitHub", f"{verb} {path}", status, redact(message), wait=wait)


class AppGitHub:
    """One repository; `api` is the base of the REST API, `authority` is whom to trust too, in PEM."""

    def __init__(self, api: str, host: str, repository: str, app: App, authority: str = "") -> None:
        self.host = host
        self.repository = repository
        self._api = api
        self._app = app
        self._token, self._ends = Secret(""), 0.0
        self._client = Client(urllib.request.HTTPSHandler(context=context(authority)))

    def call(self, verb: str, path: str, body: Any = None, **parameters: Any) -> Any:
        """Send one request and return its JSON."""
        try:
            return self._send(verb, path, body, parameters, self._login())
        except No as error:
            if error.status == 401:
                self._ends = 0  # the App was reinstalled, or its token taken away: the next attempt gets another
            raise

    def once(self, verb: str, path: str, body: Any) -> None:
        """Send one request, and not again; nothing here is sent again."""
        self.call(verb, path, body)

    def get(self, path: str, **parameters: Any) -> Any:
        """Read one thing; None where it is not there."""
        try:
            return self.call("GET", path, **parameters)
        except No as error:
            if error.status == 404:
                return None
            raise

    def path(self, *parts: str) -> str:
        """Return a path below the repository, each part escaped but for its slashes."""
        return "/".join([f"/repos/{self.repository}", *(quote(part, safe="/") for part in parts)])

    @reading("GitHub's answer")
    def head(self, branch: str) -> str | None:
        """Return the commit at a branch's head, or None."""
        found = self.get(self.path("git/ref/heads", branch))
        return str(found["object"]["sha"]) if found else None

    @reading("GitHub's answer")
    def file(self, path: str, ref: str) -> str:
        """Return a file's text at a commit; empty where it is not there."""
        found = self.get(self.path("contents", path), ref=ref)
        return base64.b64decode(found["content"]).decode(errors="replace") if isinstance(found, dict) else ""

    # --- the App itself ------------------------------------------------------------------------

    def about(self) -> dict[str, Any]:
        """Return what the App is; raise where its number and key do not belong together."""
        found: dict[str, Any] = self._send("GET", "/app", None, {}, signed(self._app))
        return found

    def installation(self) -> dict[str, Any] | None:
        """Return its installation for this repository, or None."""
        try:
            found: dict[str, Any] = self._send("GET", self.path("installation"), None, {}, signed(self._app))
        except No as error:
            if error.status == 404:
                return None
            raise
        return found

    @reading("GitHub's answer")
    def _login(self) -> Secret:
        """Return the token for this repository; a new one where it ends soon."""
        if time.time() > self._ends - _EARLY:
            found = self.installation()
            if found is None:
                raise InstallerError(f"The App {self._app.number} is not installed for {self.repository}.")
            wanted = {"repositories": [self.repository.partition("/")[2]], "permissions": dict(TOKEN)}
            path = f"/app/installations/{found['id']}/access_tokens"
            made = self._send("POST", path, wanted, {}, signed(self._app))
            self._token = Secret(made["token"])
            self._ends = datetime.fromisoformat(made["expires_at"]).timestamp()
        return self._token

    def _send(self, verb: str, path: str, body: Any, parameters: Mapping[str, Any], token: Secret) -> Any:
        headers = {
            "Authorization": f"Bearer {token.reveal()}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "gitops-flask-reporter",
            **({"Content-Type": "application/json"} if body is not None else {}),
        }
        data = None if body is None else json.dumps(body).encode()
        address = f"{self._api}{path}{'?' + urlencode(parameters) if parameters else ''}"
        request = urllib.request.Request(address, data, headers, method=verb)  # noqa: S310  # an https base
        try:
            answer = self._client.send(request, _TIMEOUT)
        except (OSError, HTTPException) as error:
            raise InstallerError(f"{self._api} cannot be reached: {getattr(error, 'reason', error)}") from None
        if not answer.ok:
            raise No(verb, path, answer.status, _message(answer.text), answer.headers)
        try:
            return json.loads(answer.text) if answer.text else None
        except (ValueError, RecursionError):
            raise InstallerError(f"{self._api} answered {verb} {path} with something that is no JSON") from None


def _message(said: str) -> str:
    try:
        return str(json.loads(said)["message"])
    except UNREADABLE:
        return said[:200]
