"""Webhooks that a code host calls: ours among them, and what came of the last call."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode

from ..cluster.labels import identities
from ..config.settings import Settings
from ..support.secret import Secret

OWNER_VARIABLE = "gitops-flask"
"""In the address that is called, for whoever reads it: whose hook it is. Argo CD does not look at it."""
_NOTED = "fingerprint"
_REPOSITORY = "repository"
"""The digest of the repository's address: one that was made under a former name is known by it."""


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
    """One push that was reported: the status that it was answered with (0: none), and what the code host says of it."""

    code: int
    said: str

    def __str__(self) -> str:
        return f"{self.code or ''} “{self.said}”".strip()

    @property
    def accepted(self) -> bool:
        """Return whether it arrived and was taken."""
        return 200 <= self.code < 300

    @property
    def refused(self) -> bool:
        """Return whether Argo CD itself refused it: so it answers a call with another secret, or none."""
        return self.code == 400


class Webhooks(ABC):
    """The webhooks that one application has at its repository. None is changed: another is made in its place.

    So what came of a hook's calls came of the hook as it is, and GitLab calls again what it gave up.
    """

    title: str
    """What people call the code host."""
    wanted: ClassVar[Mapping[str, Any]]
    """What every hook of ours is like, but for its address and its secret."""

    def __init__(self, settings: Settings) -> None:
        self._application = settings.application
        self._identities = tuple(identities(settings))

    @abstractmethod
    def list(self) -> list[Hook]:
        """Return ours; none where there is no repository."""

    @abstractmethod
    def create(self, address: str, secret: Secret | None) -> None:
        """Make a hook with its secret and the fingerprint of that."""

    @abstractmethod
    def delete(self, hook: Hook) -> bool:
        """Delete a hook; False where it was gone."""

    @abstractmethod
    def page(self, hook: Hook) -> str:
        """Return the address of the page where people see it, and what was answered to its calls."""

    @abstractmethod
    def newest(self, hook: Hook) -> Delivery | None:
        """Return the last call, if it reported a push; None too where the code host does not know it any more."""

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
