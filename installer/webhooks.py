"""Webhooks of a repository at GitHub: ours among them, what became of their deliveries, and why one did not arrive."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from .github import GitHub
from .secret import Secret
from .settings import FILE
from .wait import until

MARK = "gitops-flask"
"""In the address that GitHub calls, for whoever reads it: whose hook it is. Argo CD does not look at it."""
_NOTED = "fingerprint"
PATIENCE = 40.0
"""Seconds for what comes of a ping: GitHub waits for an answer for 10, an Enterprise Server for 30."""
RESTART = 20.0
"""Seconds that pings may fail: Argo CD's server starts anew with another secret."""


@dataclass(frozen=True)
class Hook:
    """A webhook of ours; GitHub never shows its secret, so the fingerprint of that stands in its address."""

    id: int
    address: str
    """Without what we add to it."""
    fingerprint: str
    """Empty where it has no secret."""
    rest: dict[str, Any]
    """What else `wanted` speaks of."""


@dataclass(frozen=True)
class Delivery:
    """One call by GitHub: the status that it was answered with, or what GitHub says instead."""

    id: int
    event: str
    code: int
    said: str

    @property
    def accepted(self) -> bool:
        """Tell whether it arrived and was taken."""
        return 200 <= self.code < 300

    @property
    def refused(self) -> bool:
        """Tell whether Argo CD itself refused it: so it answers a signature by another secret, or none."""
        return self.code == 400

    def trouble(self, address: str) -> str:
        """Say what went wrong with it, and what mends that."""
        host = urlsplit(address).hostname
        answered = f" {self.code}" if self.code else ""
        return f"GitHub's {self.event} got{answered} “{self.said}” from {address}: {self._fix(host or '')}"

    def _fix(self, host: str) -> str:
        if "certificate" in self.said.lower() or "ssl" in self.said.lower():
            return f"give {host} a certificate that GitHub believes, with its whole chain"
        if self.code in (404, 405):
            return f"mend argocd.url in {FILE}: Argo CD's API is not there"
        if 300 <= self.code < 500 and not self.refused:
            return "let what stands before Argo CD pass /api/webhook without a login"
        if self.refused:
            return f"see whether {host} leads to the Argo CD of this cluster and no other, then run `up`"
        return f"let GitHub reach {host}: its name, its firewall, its ingress (addresses: `gh api meta --jq .hooks`)"


def wanted() -> dict[str, Any]:
    """Return what every hook of ours is like, but for its address and its secret."""
    return {"content_type": "json", "insecure_ssl": "0", "events": ["push"], "active": True}


class Webhooks:
    """The webhooks that one application has at its repository."""

    def __init__(self, github: GitHub, application: str) -> None:
        self._github = github
        self._application = application

    def list(self) -> list[Hook]:
        """Return ours; none where there is no repository."""
        return [*self._ours(self._github.pages(self._path()))]

    def _ours(self, found: Iterator[dict[str, Any]]) -> Iterator[Hook]:
        for each in found:
            config = {**each["config"], "insecure_ssl": str(each["config"].get("insecure_ssl", "0"))}  # or a number
            address, _, query = str(config.get("url", "")).partition("?")
            marks = parse_qs(query)
            if marks.get(MARK) == [self._application]:
                rest = {name: {**each, **config}.get(name) for name in wanted()}
                noted = marks.get(_NOTED, [""])[0] if config.get("secret") else ""
                yield Hook(each["id"], address, noted, rest)

    def write(self, address: str, secret: Secret | None, over: Hook | None = None) -> None:
        """Make a hook, or make one over; address, secret and fingerprint change in one request, or not at all."""
        rest = wanted()
        body = {name: rest.pop(name) for name in ("events", "active")}
        marks = {MARK: self._application, **({_NOTED: secret.fingerprint()} if secret else {})}
        config = {**rest, "url": f"{address}?{urlencode(marks)}", **({"secret": secret.reveal()} if secret else {})}
        if over:
            self._github.call("PATCH", self._path(over.id), {**body, "config": config})
        else:
            self._github.call("POST", self._path(), {"name": "web", **body, "config": config})

    def delete(self, hook: Hook) -> bool:
        """Delete a hook; False where it was gone."""
        return self._github.delete(self._path(hook.id))

    def newest(self, hook: Hook) -> Delivery | None:
        """Return the last delivery; None where there was none, or GitHub has forgotten it."""
        found = self._github.get(f"{self._path(hook.id)}/deliveries", per_page=1)
        return next((_delivery(each) for each in found or []), None)

    def ping(self, hook: Hook) -> Delivery | None:
        """Let GitHub call, and return what came of it; None where nothing did in time."""
        before = self.newest(hook)
        self._github.call("POST", f"{self._path(hook.id)}/pings")

        def look() -> Delivery | None:
            now = self.newest(hook)
            return now if now and now.id != (before and before.id) else None

        return until(look, PATIENCE, 1.0)

    def proof(self, hook: Hook) -> Delivery | None:
        """Return the last delivery where it was accepted, else what came of the last ping of some."""
        tried = [self.newest(hook)]

        def accepted() -> bool:
            tried.append(self.ping(hook))
            return bool(tried[-1] and tried[-1].accepted)

        if not (tried[0] and tried[0].accepted):
            until(accepted, RESTART, 3.0)
        return tried[-1]

    def _path(self, number: int | None = None) -> str:
        return self._github.path("hooks", *([str(number)] if number else []))


def _delivery(found: dict[str, Any]) -> Delivery:
    return Delivery(found["id"], found["event"], found["status_code"] or 0, found["status"])
