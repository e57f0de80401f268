"""The Secret with the address of the service's database; the database itself is somebody else's."""

import base64
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..cluster.helm import Helm, objects
from ..cluster.kubectl import Cluster, Object
from ..cluster.labels import is_ours, metadata, not_ours, readdressed, stays, whose
from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource, blocked
from ..forges.credentials import DATABASE_ADDRESS as GIVEN
from ..forges.credentials import Credentials
from ..support.errors import InstallerError
from ..support.secret import Secret
from ..support.secret import address as login_in

KEY = "DATABASE_URL"
"""The variable that the service reads, and the key in the Secret."""
FORM = "postgresql://user:password@host/name"
_SCHEMES = {"postgresql", "postgres", "postgresql+psycopg"}
_HERE = {None, "", "localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Seen:
    """What is there; the address hides itself."""

    there: bool
    ours: bool
    address: Secret
    release: str | None = None
    """The state of the release that should hold it; None where there is none."""
    secret: Object | None = None


_KEPT = "the database itself stays as it is"
_NOTHING = Seen(there=False, ours=False, address=Secret(""))


class DatabaseAddress(Resource[Seen]):
    """Made from the address at hand; without one, what is there is kept, and another's Secret is never changed."""

    lane: Lane = "cluster"
    key = "database-address"
    needs = ("namespace",)

    def __init__(self, settings: Settings, credentials: Credentials, cluster: Cluster, helm: Helm) -> None:
        self._settings = settings
        self._given = credentials.database_address
        self._cluster = cluster
        self._helm = helm
        self._name = f"{settings.application}-database"
        self._home = settings.namespace
        self.title = f"Secret {self._name} with the database's address"

    def observe(self) -> Seen:
        """Read the Secret and the state of our release of it."""
        found = self._cluster.get("secret", self._name, self._home)
        if found is None:
            return _NOTHING
        encoded = (found.get("data") or {}).get(KEY, "")
        address = login_in(base64.b64decode(encoded).decode(errors="replace").strip())
        if not is_ours(found, self._settings):
            self.title = f"Secret {self._name} with the database's address (unmanaged: used, never changed)"
            return Seen(there=True, ours=False, address=address, secret=found)
        release = self._helm.release(self._name, self._home)
        status = release.status if release else None
        return Seen(there=True, ours=True, address=address, release=status, secret=found)

    def blank(self) -> Seen:
        """Return what is seen where nothing was made yet."""
        return _NOTHING

    def diff(self, seen: Seen) -> Change | None:
        """Compare the address at hand with the one that is there; say what is missing where there is none."""
        if self._given and (why := unfit(self._given)):
            return blocked(f"{GIVEN} {why}", f"Give it as {FORM}, as pods reach it.")
        if seen.secret and not seen.ours:
            return not_ours(seen.secret, self._settings) if whose(seen.secret) else self._of_others(seen)
        address = self._given or seen.address
        if not address:
            return blocked("no address at hand", self._advice())
        if not seen.there:
            return Change("create", (Field(KEY, None, "set"),))
        fields: tuple[Field, ...] = ()
        if address != seen.address:
            fields += (Field(KEY, None, "rotated" if seen.address else "set"),)
        if seen.release != "deployed":
            fields += (Field("release", seen.release, "deployed"),)
        fields += readdressed(seen.secret, self._settings) if seen.secret else ()
        if not fields:
            return None
        slug = self._settings.slug
        restart = f"pods read it when they start: kubectl rollout restart deployment/{slug} --namespace {self._home}"
        return Change("change", fields, restart if fields[0].name == KEY else "")

    def _of_others(self, seen: Seen) -> Change | None:
        if not seen.address:
            return blocked(f"it has no key {KEY}, and it is not ours", "Add that, or remove the Secret.")
        if self._given and self._given != seen.address:
            return Change("skipped", note=f"it has another address than {GIVEN}, and it is not ours: it is kept")
        return None

    def _advice(self) -> str:
        return (
            f"Give it ({FORM}, as pods reach it) with `read -rs {GIVEN} && export {GIVEN}`, "
            f"or make the Secret yourself with `kubectl create secret generic {self._name} --namespace {self._home} "
            f"--from-file={KEY}=/dev/stdin`."
        )

    def obstacle(self) -> Change | None:
        """Say so where the release that would hold it is another's."""
        return self._helm.obstacle(self._name, self._home)

    def apply(self, seen: Seen, change: Change) -> None:
        """Write the Secret; it and its address are one object, so a kill leaves both or none."""
        # kept from any text that helm might print, in this form too
        address = Secret(base64.b64encode((self._given or seen.address).reveal().encode()).decode())
        secret: Object = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata(self._settings, self._name, self._home),
            "type": "Opaque",
            "data": {KEY: address.reveal()},
        }
        # The release lies beside the Secret, not in Argo CD's namespace: it holds the address as well.
        self._helm.install(self._name, self._home, objects(secret))

    def removal(self, seen: Seen) -> str:
        """Say whose it is."""
        if seen.secret and not seen.ours:
            return stays(seen.secret, self._settings)
        return f"{GOES}; {_KEPT}" if seen.there else ""

    def remove(self) -> str:
        """Remove the Secret where it is ours; the database keeps all that is in it."""
        seen = self.observe()
        if seen.secret and not seen.ours:
            return stays(seen.secret, self._settings)
        there = self._helm.uninstall(self._name, self._home)
        if self._cluster.get("secret", self._name, self._home) is not None:
            raise InstallerError(
                f"The Secret {self._name} in {self._home} outlived its release.", "Remove it manually."
            )
        return f"removed; {_KEPT}" if there else "was not there"


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
