"""What the cluster pulls a private image with: a Secret, made from a token that only reads."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from ..ci.registry_token import NAME as PUSH_TOKEN
from ..cluster.helm import Helm, objects
from ..cluster.kubectl import Cluster, Object
from ..cluster.labels import is_ours, metadata, not_ours, readdressed, stays
from ..cluster.secrets import pack, unpack
from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource, blocked
from ..forges.credentials import PULL_TOKEN, Credentials
from ..support.errors import InstallerError
from ..support.secret import Secret

KIND = "kubernetes.io/dockerconfigjson"
FILE = ".dockerconfigjson"
FROM = "gitops-flask/made-from"
"""The annotation that names the variable that the token came from."""
_EXPOSED = (
    "whoever may push to {branch} can have a pod read {push}, which may push images, and registry.reuse: pushed "
    "trusts what was pushed"
)
_HOSTS = {"docker.io": "https://index.docker.io/v1/"}  # what docker and the kubelet call Docker Hub


@dataclass(frozen=True)
class Seen:
    """The Secret, taken apart, and the state of the release that should hold it (None where there is none)."""

    secret: Object | None
    registry: str = ""
    username: str = ""
    token: Secret | None = None
    source: str = ""
    release: str | None = None


class PullSecret(Resource[Seen]):
    """Named in the Application, from where the chart gives it to the ServiceAccount and the pods."""

    lane: Lane = "cluster"
    key = "pull-secret"
    needs = ("namespace",)

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, credentials: Credentials) -> None:
        self._settings = settings
        self.wanted = settings.image_private
        self._cluster = cluster
        self._helm = helm
        self._name = settings.pull_secret
        self._namespace = settings.namespace
        self._home = settings.argocd_namespace
        self._registry = _HOSTS.get(settings.registry, settings.registry)
        self._reuses = settings.image_reuse == "pushed"
        own = bool(credentials.pull_token) and credentials.pull_token != credentials.registry_token
        self._source = PULL_TOKEN if own else PUSH_TOKEN
        self._username = credentials.pull_username if own else credentials.registry_username
        self._token = credentials.pull_token if own else credentials.registry_token
        self.title = f"pull secret of {settings.image_repository}"

    def observe(self) -> Seen:
        """Read the Secret."""
        secret = self._cluster.get("secret", self._name, self._namespace)
        if secret is None:
            return self.blank()
        release = self._helm.release(self._name, self._home)
        registry, login = _login(unpack(secret).get(FILE, ""))
        return Seen(
            secret,
            registry=registry,
            username=str(login.get("username", "")),
            token=Secret(str(login.get("password", ""))),
            source=(secret["metadata"].get("annotations") or {}).get(FROM, ""),
            release=release.status if release else None,
        )

    def blank(self) -> Seen:
        """Return what is seen where nothing was made yet."""
        return Seen(None)

    def diff(self, seen: Seen) -> Change | None:
        """Compare registry, user and token; without a token at hand, one for that registry is kept."""
        if seen.secret is None:
            return self._first() if self.wanted else None
        if not is_ours(seen.secret, self._settings):
            return not_ours(seen.secret, self._settings) if self.wanted else None
        if not self.wanted:
            return Change("change", (Field("Secret", "set", None),), "the image is public now")
        if self._reuses and PULL_TOKEN not in (self._source if self._token else "", seen.source):
            return self._exposed()
        fields = [] if seen.release == "deployed" else [Field("release", seen.release, "deployed")]
        fields += readdressed(seen.secret, self._settings)
        if seen.registry != self._registry:
            fields.append(Field("registry", seen.registry, self._registry))
        if self._replaces(seen):
            fields += [Field("username", seen.username, self._username)] if seen.username != self._username else []
            fields += [Field(self._source, None, "rotated")] if seen.token != self._token else []
        if fields and not (self._token or self._fits(seen)):
            return self._first()
        return Change("change", tuple(fields), self._warning()) if fields else None

    def _first(self) -> Change:
        if not self._token:
            return blocked("no token at hand", f"Set {PULL_TOKEN} in the environment (it only has to read).")
        if self._reuses and self._source != PULL_TOKEN:
            return self._exposed()
        return Change("create", (Field(self._source, None, "set"),), self._warning())

    def _warning(self) -> str:
        """Say so where the token may do more than it has to."""
        if self._source == PULL_TOKEN or not self._token:
            return ""
        return (
            f"with {PUSH_TOKEN}, which may push: better one that only reads, in {PULL_TOKEN}. With that and "
            "registry.reuse: pushed, builds begin with what was pushed before; without, each builds all of the image"
        )

    def _exposed(self) -> Change:
        why = _EXPOSED.format(branch=self._settings.branch, push=PUSH_TOKEN)
        return blocked(why, f"Set {PULL_TOKEN} in the environment (it only has to read), or say registry.reuse: none.")

    def _replaces(self, seen: Seen) -> bool:
        """Return whether the token at hand may take the other's place: one that pushes never that of one that reads."""
        return bool(self._token) and (self._source == PULL_TOKEN or seen.source != PULL_TOKEN or not self._fits(seen))

    def _fits(self, seen: Seen) -> bool:
        """Return whether there is a token for this registry: one for another is not shown to it."""
        return bool(seen.token) and seen.registry == self._registry

    def obstacle(self) -> Change | None:
        """Say so where the release that would hold it is another's."""
        return self._helm.obstacle(self._name, self._home)

    def apply(self, seen: Seen, change: Change) -> None:
        """Write it, or take it away where it is not needed any more."""
        if not self.wanted:
            self._helm.uninstall(self._name, self._home)
            return
        username, token, source = self._username, self._token, self._source
        if seen.token and self._fits(seen) and not self._replaces(seen):
            username, token, source = seen.username, seen.token, seen.source
        login = {"username": username, "password": token.reveal()}
        login["auth"] = Secret(base64.b64encode(":".join(login.values()).encode()).decode()).reveal()
        head = metadata(self._settings, self._name, self._namespace, annotations={FROM: source})
        file = {FILE: Secret(json.dumps({"auths": {self._registry: login}}))}
        self._helm.displace(seen.secret, self._name, self._home)
        self._helm.install(self._name, self._home, objects(pack(head, KIND, {}, file)))

    def removal(self, seen: Seen) -> str:
        """Say whose it is."""
        if seen.secret is None:
            return ""
        return GOES if is_ours(seen.secret, self._settings) else stays(seen.secret, self._settings)

    def remove(self) -> str:
        """Remove it."""
        secret = self._cluster.get("secret", self._name, self._namespace)
        if secret is not None and not is_ours(secret, self._settings):
            return stays(secret, self._settings)
        there = self._helm.uninstall(self._name, self._home)
        if self._cluster.get("secret", self._name, self._namespace) is not None:
            fix = "Remove it manually."
            raise InstallerError(f"The Secret {self._name} in {self._namespace} outlived its release.", fix)
        return "removed" if there else "was not there"


def _login(text: str) -> tuple[str, dict[str, Any]]:
    """Return the one registry of a docker configuration and its login; nothing where it has another form."""
    try:
        ((registry, login),) = json.loads(text)["auths"].items()
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return "", {}
    return str(registry), login if isinstance(login, dict) else {}
