"""The Secret with the address of the service's database; the database itself is somebody else's."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from ..cluster.helm import Helm
from ..cluster.kubectl import Cluster, Object, Objects
from ..cluster.objects import metadata, pack
from ..config.settings import Settings
from ..engine.resource import Change, Field, blocked
from ..forges.credentials import Credentials, database_variable
from ..support.secret import Secret
from ..support.secret import address as login_in
from .helm_release import Held, HelmRelease

KEY = "DATABASE_URL"
"""The variable that the service reads, and the key in the Secret."""
FORM = "postgresql://user:password@host/name"
_SCHEMES = {"postgresql", "postgres", "postgresql+psycopg"}
_HERE = {None, "", "localhost", "127.0.0.1", "::1"}


class DatabaseAddress(HelmRelease[Held]):
    """Made from the address at hand; without one, what is there is kept, and another's Secret is never changed."""

    key = "database-address"
    needs = ("namespace",)
    used_as_it_is = "used, never changed"
    kept = "the database itself stays as it is"

    def __init__(self, settings: Settings, credentials: Credentials, cluster: Cluster, helm: Helm) -> None:
        # The release lies beside the Secret, not in Argo CD's namespace: it holds the address as well.
        super().__init__(settings, cluster, helm, f"{settings.application}-database", settings.namespace)
        self._given = credentials.database_of(settings.environment)
        self._variable = database_variable(settings.environment)
        self.title = f"Secret {self._name} with the database's address"

    def places(self) -> Mapping[str, Sequence[str]]:
        """Return the Secret."""
        return {self._home: [f"secret/{self._name}"]}

    def diff(self, held: Held) -> Change | None:
        """Refuse an address that pods cannot use before all else."""
        if self._given and (why := unfit(self._given)):
            return blocked(f"{self._variable} {why}", f"Give it as {FORM}, as pods reach it.")
        return super().diff(held)

    def unmanaged(self, found: Object) -> Change | None:
        """Use what no installer made, where it has the key."""
        if not (address := _address(found)):
            return blocked(f"it has no key {KEY}, and it is not ours", "Add that, or remove the Secret.")
        if self._given and self._given != address:
            return Change(
                "skipped", note=f"it has another address than {self._variable}, and it is not ours: it is kept"
            )
        return None

    def lacks(self, held: Held) -> Change | None:
        """Ask for an address where there is none."""
        if self._given or _address(held.one("Secret")):
            return None
        return blocked(
            "no address at hand",
            f"Give it ({FORM}, as pods reach it) with `read -rs {self._variable} && "
            f"export {self._variable}`, "
            f"or make the Secret yourself with `kubectl create secret generic {self._name} --namespace {self._home} "
            f"--from-file={KEY}=/dev/stdin`.",
        )

    def differences(self, held: Held) -> Iterator[Field]:
        """Compare the address at hand with the one that is there."""
        there = _address(held.one("Secret"))
        if self._given and self._given != there:
            yield Field(KEY, None, "rotated" if there else "set")

    def note(self, held: Held, fields: Sequence[Field]) -> str:
        """Say what makes pods take another address."""
        if not held.objects or KEY not in [field.name for field in fields]:
            return ""
        where = f"deployment/{self._settings.slug} --namespace {self._home}"
        return f"pods read it when they start: kubectl rollout restart {where}"

    def manifests(self, held: Held) -> Objects:
        """Return the Secret: one object, so a kill leaves all of it or none."""
        address = self._given or _address(held.one("Secret"))
        return [pack(metadata(self._settings, self._name, self._home), "Opaque", {}, {KEY: address})]


def _address(secret: Object | None) -> Secret:
    """Return the address that a Secret holds; it hides itself."""
    encoded = ((secret or {}).get("data") or {}).get(KEY, "")
    return login_in(base64.b64decode(encoded).decode(errors="replace").strip())


def unfit(address: Secret) -> str:
    """Say why pods could not use this address, without showing it; empty where they could."""
    try:
        parts = urlsplit(address.reveal())
        host, scheme, query = parts.hostname, parts.scheme, parts.query
    except ValueError:
        host, scheme, query = None, "", ""
    if scheme not in _SCHEMES:
        return f"must look like {FORM}"
    here = host in _HERE and "host=" not in query
    return "leads to this machine: it must be the address as pods reach it" if here else ""
