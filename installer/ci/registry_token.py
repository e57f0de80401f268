"""The secret with which deployments push images."""

from dataclasses import dataclass

from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource, blocked
from ..forges.base import Store
from ..forges.credentials import Credentials

NAME = "REGISTRY_TOKEN"
FINGERPRINT = "REGISTRY_TOKEN_FINGERPRINT"


@dataclass(frozen=True)
class Seen:
    """No host shows a secret again, so a salted fingerprint next to it identifies the token."""

    exists: bool
    fingerprint: str | None
    variables: dict[str, str]


class RegistryToken(Resource[Seen]):
    """Secret `REGISTRY_TOKEN`; without a token at hand, the one that is there is kept."""

    key = "registry-token"
    needs = ("repository", "variables", "rules")

    def __init__(self, settings: Settings, store: Store, credentials: Credentials) -> None:
        self.lane: Lane = settings.scm
        self.title = f"{store.secret_is} {NAME}"
        self._store = store
        self._token = credentials.registry_token

    def observe(self) -> Seen:
        """Look for the secret's name and the fingerprint."""
        variables = self._store.variables()
        return Seen(NAME in self._store.secrets(), variables.get(FINGERPRINT), variables)

    def blank(self) -> Seen:
        """Return what is seen where nothing was made yet."""
        return Seen(exists=False, fingerprint=None, variables={})

    def diff(self, seen: Seen) -> Change | None:
        """Compare fingerprints; no token can be read back."""
        if not self._token:
            return None if seen.exists else blocked("no token at hand", f"Set {NAME} in the environment.")
        if seen.exists and seen.fingerprint and self._token.matches(seen.fingerprint):
            return None
        word = "rotated" if seen.exists else "set"
        return Change("change" if seen.exists else "create", (Field(NAME, None, word),))

    def apply(self, seen: Seen, change: Change) -> None:
        """Store the secret, then its fingerprint: a kill between the two only stores the secret once more."""
        self._store.set_secret(NAME, self._token)
        self._store.set_variable(FINGERPRINT, self._token.fingerprint(), seen.variables)

    def removal(self, seen: Seen) -> str:
        """Say whether there is one."""
        return GOES if seen.exists or seen.fingerprint else ""

    def remove(self) -> str:
        """Delete the secret and its fingerprint."""
        self._store.delete_variable(FINGERPRINT)
        return "deleted" if self._store.delete_secret(NAME) else "was not there"
