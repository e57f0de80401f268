"""The Secrets of the service: what the cluster pulls its private image with, and the address of its database."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..ci.variables import NAME as PUSH_TOKEN
from ..cluster.helm import Helm
from ..cluster.kubectl import Cluster, Object, Objects
from ..cluster.objects import annotations_of, pack, unpack
from ..config.settings import Settings
from ..engine.resource import Change, Field, blocked
from ..forges.credentials import PULL_TOKEN, Credentials, database_variable
from ..support.secret import Secret
from ..support.secret import address as login_in
from .helm_release import Held, HelmRelease

_KIND = "kubernetes.io/dockerconfigjson"
_FILE = ".dockerconfigjson"
FROM = "gitops-flask/made-from"
"""The annotation that names the variable that the token came from."""
_HOSTS = {"docker.io": "https://index.docker.io/v1/"}  # what docker and the kubelet call Docker Hub


@dataclass(frozen=True)
class Login:
    """A registry's login, and the variable that it came from."""

    registry: str = ""
    username: str = ""
    token: Secret | None = None
    source: str = ""


class PullSecret(HelmRelease[Held]):
    """Named in the Application, from where the chart gives it to the ServiceAccount and the pods."""

    key = "pull-secret"
    needs = ("namespace",)
    unwanted = "the image is public now"

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, credentials: Credentials) -> None:
        super().__init__(settings, cluster, helm, settings.pull_secret)
        self.wanted = settings.image_private
        self.title = f"pull secret of {settings.image_repository}{f' for {self.environment}' * bool(self.environment)}"
        registry = _HOSTS.get(settings.registry, settings.registry)
        if credentials.pull_token and credentials.pull_token != credentials.registry_token:
            self._given = Login(registry, credentials.pull_username, credentials.pull_token, PULL_TOKEN)
        else:
            self._given = Login(registry, credentials.registry_username, credentials.registry_token, PUSH_TOKEN)
        self._source = self._given.source if self._given.token else ""

    def places(self) -> Mapping[str, Sequence[str]]:
        """Return the Secret."""
        return {self._settings.namespace: [f"secret/{self._name}"]}

    def lacks(self, held: Held) -> Change | None:
        """Ask for a token where there is none for this registry, and for one that only reads where builds trust."""
        there, fix = _login(held), f"Set {PULL_TOKEN} in the environment (it only has to read)"
        if not self._given.token and not self._fits(there):
            return blocked("no token at hand", f"{fix}.")
        if self._settings.image_reuse == "pushed" and PULL_TOKEN not in (self._source, there.source):
            why = (
                f"whoever may push to {self._settings.branch} can have a pod read {PUSH_TOKEN}, which may push images, "
                "and registry.reuse: pushed trusts what was pushed"
            )
            return blocked(why, f"{fix}, or say registry.reuse: none.")
        return None

    def differences(self, held: Held) -> Iterator[Field]:
        """Compare registry, user and token."""
        there, wanted = _login(held), self._wanted(held)
        if not held.objects:
            yield Field(wanted.source, None, "set")
            return
        if there.registry != wanted.registry:
            yield Field("registry", there.registry, wanted.registry)
        if there.username != wanted.username:
            yield Field("username", there.username, wanted.username)
        if there.token != wanted.token:
            yield Field(wanted.source, None, "rotated")

    def note(self, held: Held, fields: Sequence[Field]) -> str:
        """Say so where the token may do more than it has to."""
        if self._source != PUSH_TOKEN:
            return ""
        return (
            f"with {PUSH_TOKEN}, which may push: better one that only reads, in {PULL_TOKEN}. With that and "
            "registry.reuse: pushed, builds begin with what was pushed before; without, each builds all of the image"
        )

    def manifests(self, held: Held) -> Objects:
        """Return the Secret."""
        wanted = self._wanted(held)
        login = {"username": wanted.username, "password": wanted.token.reveal() if wanted.token else ""}
        login["auth"] = Secret(base64.b64encode(":".join(login.values()).encode()).decode()).reveal()
        head = self._head(self._settings.namespace, annotations={FROM: wanted.source})
        return [pack(head, _KIND, {}, {_FILE: Secret(json.dumps({"auths": {wanted.registry: login}}))})]

    def _wanted(self, held: Held) -> Login:
        """Return what should be there: a token that pushes never takes the place of one that reads."""
        there = _login(held)
        reads = self._source != PULL_TOKEN and there.source == PULL_TOKEN
        return there if not self._source or (reads and self._fits(there)) else self._given

    def _fits(self, there: Login) -> bool:
        """Return whether there is a token for this registry: one for another is not shown to it."""
        return bool(there.token) and there.registry == self._given.registry


def _login(held: Held) -> Login:
    """Return the one login of the Secret that is there; nothing where it has another form."""
    secret = held.one("Secret")
    if secret is None:
        return Login()
    source = annotations_of(secret).get(FROM, "")
    try:
        ((registry, login),) = json.loads(unpack(secret).get(_FILE, ""))["auths"].items()
        return Login(str(registry), str(login.get("username", "")), Secret(str(login.get("password", ""))), source)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return Login(source=source)


# --- the address of the service's database; the database itself is somebody else's ----------------

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
            note = f"it has another address than {self._variable}, and it is not ours: it is kept"
            return Change("skipped", note=note)
        return None

    def lacks(self, held: Held) -> Change | None:
        """Ask for an address where there is none."""
        if self._given or _address(held.one("Secret")):
            return None
        variable = self._variable
        return blocked(
            "no address at hand",
            f"Give it ({FORM}, as pods reach it) with `read -rs {variable} && export {variable}`, "
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
        return [pack(self._head(), "Opaque", {}, {KEY: address})]


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
