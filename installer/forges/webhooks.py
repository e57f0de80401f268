"""Webhooks that a code host calls: ours among them, the outcome of their calls, and why one did not arrive."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

from ..cluster.labels import identities
from ..config.settings import FILE, Settings
from ..support.secret import Secret
from ..support.wait import until

OWNER_VARIABLE = "gitops-flask"
"""In the address that is called, for whoever reads it: whose hook it is. Argo CD does not look at it."""
_NOTED = "fingerprint"
_REPOSITORY = "repository"
"""The digest of the repository's address: one that was made under a former name is known by it."""
PATIENCE = 40.0
"""Seconds for what comes of a call: GitHub and GitLab wait for an answer for 10, an Enterprise Server for 30."""
RESTART = 20.0
"""Seconds that calls may fail: Argo CD's server starts anew with another secret."""


@dataclass(frozen=True)
class Hook:
    """A webhook of ours; nobody shows its secret, so the fingerprint of that stands in its address."""

    id: int
    address: str
    """Without what we add to it."""
    fingerprint: str
    """Empty where it has no secret."""
    rest: Mapping[str, Any]
    """What else `wanted` speaks of."""


@dataclass(frozen=True)
class Delivery:
    """One call: the status that it was answered with, or what the code host says instead."""

    id: int
    event: str
    code: int
    said: str
    by: str = "GitHub"

    @property
    def accepted(self) -> bool:
        """Return whether it arrived and was taken."""
        return 200 <= self.code < 300

    @property
    def refused(self) -> bool:
        """Return whether Argo CD itself refused it: so it answers a call with another secret, or none."""
        return self.code == 400

    def trouble(self, address: str) -> str:
        """Say what went wrong with it, and how to fix that."""
        host = urlsplit(address).hostname
        answered = f" {self.code}" if self.code else ""
        return f"{self.by}'s {self.event} got{answered} “{self.said}” from {address}: {self._fix(host or '')}"

    def _fix(self, host: str) -> str:
        if "certificate" in self.said.lower() or "ssl" in self.said.lower():
            return f"give {host} a certificate that {self.by} trusts, with its whole chain"
        if self.code in (404, 405):
            return f"fix argocd.url in {FILE}: Argo CD's API is not there"
        if 300 <= self.code < 500 and not self.refused:
            return "let what stands before Argo CD pass /api/webhook without a login"
        if self.refused:
            return f"see whether {host} leads to the Argo CD of this cluster and no other, then run `up`"
        return f"let {self.by} reach {host}: its name, its firewall, its ingress ({_ADDRESSES[self.by]})"


_ADDRESSES = {
    "GitHub": "addresses: `gh api meta --jq .hooks`",
    "GitLab": "one of your own: Admin, Settings, Network, Outbound requests must allow it",
}


class Webhooks(ABC):
    """The webhooks that one application has at its repository."""

    title: str
    """What people call the code host."""
    wanted: ClassVar[Mapping[str, Any]]
    """What every hook of ours is like, but for its address and its secret."""
    every = 3.0
    """Seconds between two tries."""

    def __init__(self, settings: Settings) -> None:
        self._application = settings.application
        self._identities = tuple(identities(settings))

    @abstractmethod
    def list(self) -> list[Hook]:
        """Return ours; none where there is no repository."""

    @abstractmethod
    def write(self, address: str, secret: Secret | None, over: Hook | None = None) -> None:
        """Make a hook, or make one over; address, secret and fingerprint change in one request, or not at all."""

    @abstractmethod
    def delete(self, hook: Hook) -> bool:
        """Delete a hook; False where it was gone."""

    @abstractmethod
    def page(self, hook: Hook) -> str:
        """Return the address of the page where people see it."""

    @abstractmethod
    def newest(self, hook: Hook) -> Delivery | None:
        """Return the last call; None where there was none, or the code host does not know it any more."""

    @abstractmethod
    def ping(self, hook: Hook) -> Delivery | None:
        """Let the code host call, and return what came of it; None where nothing did in time."""

    def checked_call(self, hook: Hook) -> Delivery | None:
        """Return the last call where it was accepted, else what came of the last one that was asked for."""
        tried = [self.newest(hook)]

        def accepted() -> bool:
            tried.append(self.ping(hook))
            return bool(tried[-1] and tried[-1].accepted)

        if not (tried[0] and tried[0].accepted):
            until(accepted, RESTART, self.every)
        return tried[-1]

    def later(self, hook: Hook, before: Delivery | None) -> Delivery | None:
        """Wait for a call after that one."""

        def look() -> Delivery | None:
            now = self.newest(hook)
            return now if now and now.id != (before and before.id) else None

        return until(look, PATIENCE, 1.0)

    def labelled(self, address: str, secret: Secret | None) -> str:
        """Return an address with our labels."""
        noted = {_NOTED: secret.fingerprint()} if secret else {}
        labels = {OWNER_VARIABLE: self._application, _REPOSITORY: self._identities[0], **noted}
        return f"{address}?{urlencode(labels)}"

    def unlabelled(self, url: str) -> tuple[str, str] | None:
        """Return an address without our labels, and the fingerprint; None where it is not ours."""
        address, _, query = url.partition("?")
        labels = parse_qs(query)
        labelled = labels.get(OWNER_VARIABLE, [""])[0], labels.get(_REPOSITORY, [""])[0]
        if not labelled[0] or labelled[1] not in self._identities:
            return None
        current = labelled == (self._application, self._identities[0])
        return address if current else url, labels.get(_NOTED, [""])[0]
