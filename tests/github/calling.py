"""Webhooks are really called, with TLS that is checked and a signature, where a test says that a host leads."""

import hashlib
import hmac
import http.client
import json
import socket
import ssl
import threading
import time
import uuid
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import events
from .webhooks import Delivery, Hook

if TYPE_CHECKING:
    from .model import Account, Repository
    from .render import Site
    from .stand_in import GitHub


def shown(site: "Site", repository: "Repository", hook: Hook) -> dict[str, Any]:
    """Return a hook as GitHub shows it: of the secret only whether there is one."""
    url = f"{site.repository_url(repository)}/hooks/{hook.id}"
    last = hook.deliveries[-1] if hook.deliveries else None
    config = {"url": hook.url, "content_type": "json", "insecure_ssl": "0"}
    return {
        "type": "Repository",
        "id": hook.id,
        "name": "web",
        "active": hook.active,
        "events": hook.events,
        "config": {**config, "secret": "********"} if hook.secret else config,
        "created_at": hook.created_at,
        "updated_at": hook.updated_at,
        "url": url,
        "test_url": f"{url}/test",
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "last_response": {
            "code": last and last.code,
            "status": "unused" if last is None else "active" if last.status == "OK" else "misconfigured",
            "message": last and last.status,
        },
    }


class Calling:
    """Call out, each call in a thread of its own: no push waits for it."""

    patience = 10.0
    """Seconds for an answer, as at github.com."""
    untrusted = ("peer certificate cannot be authenticated with given CA certificates", 0)
    late = ("timed out", 504)
    unreachable = ("failed to connect to host", 502)
    """Which number GitHub gives where none answers is nowhere said."""

    def __init__(self, github: "GitHub") -> None:
        self._github = github
        self._leads: dict[str, tuple[str, int]] = {}
        self._threads: list[threading.Thread] = []

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """Trust what everybody trusts; made when it is needed, for reading that takes longer than a test's start."""
        return ssl.create_default_context()

    def leads(self, host: str, address: tuple[str, int]) -> None:
        """Let a name lead somewhere, as the internet's would; all others lead nowhere."""
        self._leads[host] = address

    def trusts(self, ca: Path) -> None:
        """Let GitHub trust a CA, as if it were one that everybody trusts."""
        self._context.load_verify_locations(ca)

    def forgets(self) -> None:
        """Let GitHub trust nobody that not everybody trusts."""
        self.__dict__.pop("_context", None)

    def settled(self) -> None:
        """Wait until what came of every call so far is known."""
        for thread in self._threads:
            thread.join(timeout=self.patience + 5)

    def pushed(self, repository: "Repository", who: "Account", ref: str, old: str, new: str) -> None:
        """Tell every hook that wants to know; that a workflow's token pushed makes no difference."""
        listening = [hook for hook in repository.hooks.values() if hook.active and "push" in hook.events]
        if listening:
            payload = events.push(self._github.site, repository, who, ref, old, new)
            for hook in listening:
                self._call(hook, repository, "push", payload)

    def ping(self, repository: "Repository", who: "Account", hook: Hook) -> None:
        """Call a new hook, as GitHub does of itself."""
        site = self._github.site
        payload = events.ping(site, repository, who, hook.id, shown(site, repository, hook))
        self._call(hook, repository, "ping", payload)

    def _call(self, hook: Hook, repository: "Repository", event: str, payload: dict[str, Any]) -> None:
        body = json.dumps(payload).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/stand-in",
            "X-GitHub-Event": event,
            "X-GitHub-Hook-ID": str(hook.id),
            "X-GitHub-Hook-Installation-Target-ID": str(repository.id),
            "X-GitHub-Hook-Installation-Target-Type": "repository",
        }
        if hook.secret:
            for name, kind in (("X-Hub-Signature", hashlib.sha1), ("X-Hub-Signature-256", hashlib.sha256)):
                headers[name] = f"{kind().name}={hmac.new(hook.secret.encode(), body, kind).hexdigest()}"
        thread = threading.Thread(target=self._deliver, args=(hook, hook.url, event, headers, body), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _deliver(self, hook: Hook, url: str, event: str, headers: dict[str, str], body: bytes) -> None:
        began, guid = time.monotonic(), str(uuid.uuid4())
        status, code = self.post(url, {**headers, "X-GitHub-Delivery": guid}, body)
        with self._github.lock:
            hook.deliveries.append(Delivery(event, status, code, round(time.monotonic() - began, 2), guid))
            self._github.moved.notify_all()

    def post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[str, int]:
        """Return the code host's words and the answer's status."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        connection = http.client.HTTPSConnection(host, timeout=self.patience)
        try:
            if host not in self._leads:
                raise ConnectionError(host)
            plain = socket.create_connection(self._leads[host], self.patience)
            connection.sock = self._context.wrap_socket(plain, server_hostname=host)
            connection.request("POST", f"{parts.path}?{parts.query}" if parts.query else parts.path, body, headers)
            answer = connection.getresponse()
            return self.told(answer.status, answer.read().decode(errors="replace")), answer.status
        except ssl.SSLError:
            return self.untrusted
        except TimeoutError:
            return self.late
        except (OSError, http.client.HTTPException):
            return self.unreachable
        finally:
            connection.close()

    def told(self, code: int, _: str) -> str:
        """Return what is kept of an answer."""
        return "OK" if code < 300 else f"Invalid HTTP Response: {code}"
