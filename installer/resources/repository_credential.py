"""What Argo CD reads the repository with: a Secret, and in it a deploy key of its own or, over https, a login."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..cluster.helm import Helm, objects
from ..cluster.kubectl import Cluster, Object
from ..cluster.labels import FINGERPRINT, identities, is_ours, metadata, not_ours, readdressed, stays
from ..cluster.secrets import pack, unpack
from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource, blocked, differences
from ..forges.credentials import READER, Reader
from ..forges.deploy_keys import DeployKey, DeployKeys, Pair, fingerprint, fingerprint_of_private
from ..support.errors import InstallerError
from ..support.secret import Secret

_TYPE = {"argocd.argoproj.io/secret-type": "repository"}
KEY = "sshPrivateKey"
SECRETS = (KEY, "password", "githubAppPrivateKey")
LOGIN = ("username", "githubAppID", "githubAppInstallationID", "githubAppEnterpriseBaseUrl")


@dataclass(frozen=True)
class Seen:
    """What is there: the Secret, its key's fingerprint, and the registered keys of ours."""

    there: bool
    ours: bool
    fields: dict[str, str]
    labels: dict[str, str]
    fingerprint: str
    """Of the private key in the Secret, where it is the one that the annotation names."""
    keys: tuple[DeployKey, ...]
    release: str | None = "deployed"
    """The state of the release that should hold it; None where there is none."""
    secrets: dict[str, Secret] = field(default_factory=dict)
    head: Object = field(default_factory=lambda: {"metadata": {}})
    """The Secret without what is in it."""


_NOTHING = Seen(there=False, ours=False, fields={}, labels={}, fingerprint="", keys=())


class RepositoryCredential(Resource[Seen]):
    """One Secret with one key or one login. A key is never reused; its private half is nowhere but in the Secret."""

    lane: Lane = "cluster"
    key = "credential"
    needs = ("repository", "argocd")

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        helm: Helm,
        keys: DeployKeys,
        reader: Reader | None = None,
        *,
        renew: bool = False,
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._helm = helm
        self._keys = keys
        self._reader = reader
        self._renew = renew
        self._name = f"{settings.slug}-repo"
        self._home = settings.argocd_namespace
        self._title = key_title(settings.url)
        self._titles = {key_title(address) for address in identities(settings).values()}
        self.title = f"Argo CD's read access to {settings.source_url}"

    @property
    def _fields(self) -> dict[str, str]:
        """Return what the Secret holds besides the secret itself."""
        return {
            "type": "git",
            "url": self._settings.source_url,
            "depth": "1",  # Argo CD needs one commit of `env/dev`, not its history
            "project": self._settings.application,
            **(self._reader.fields if self._reader else {}),
        }

    def observe(self) -> Seen:
        """Read the Secret and the registered keys; of the private key only its fingerprint is kept."""
        keys = tuple(self._registered())
        secret = self._cluster.get("secret", self._name, self._home)
        if secret is None:
            return _NOTHING
        data = unpack(secret)
        secrets = {name: Secret(data.pop(name)) for name in SECRETS if name in data}
        printed = fingerprint_of_private(secrets[KEY]) if KEY in secrets else ""
        release = self._helm.release(self._name, self._home)
        noted = (secret["metadata"].get("annotations") or {}).get(FINGERPRINT, "")
        return Seen(
            there=True,
            ours=is_ours(secret, self._settings),
            fields=data,
            labels=secret["metadata"].get("labels") or {},
            fingerprint=printed if printed == noted else "",
            keys=keys,
            release=release.status if release else None,
            secrets=secrets,
            head={"kind": "Secret", "metadata": secret["metadata"]},
        )

    def blank(self) -> Seen:
        """Return what is seen where nothing was made yet."""
        return _NOTHING

    def diff(self, seen: Seen) -> Change | None:
        """Compare all but a key by value, and the key by its fingerprint with what is registered."""
        if self._settings.reads_by == "login" and not self._reader and not self._kept(seen):
            return blocked("no token at hand", f"Set {READER} in the environment (docs/how-to/github.md).")
        if not seen.there:
            return Change("create", note="with a new read-only deploy key" if self._settings.reads_by == "key" else "")
        if not seen.ours:
            return not_ours(seen.head, self._settings)
        fields = (*differences(self._fields, seen.fields), *differences(_TYPE, seen.labels))
        strays = {*seen.fields, *seen.secrets} - {*self._fields, KEY, *self._kept(seen)}
        if self._reader:
            strays.discard(self._reader.name)
        fields += tuple(Field(stray, "set", None) for stray in sorted(strays))
        fields += (*self._secret_differences(seen), *readdressed(seen.head, self._settings))
        if seen.release != "deployed":
            fields += (Field("release", seen.release, "deployed"),)
        return Change("change", fields) if fields else None

    def _secret_differences(self, seen: Seen) -> Iterator[Field]:
        if self._reader and seen.secrets.get(self._reader.name) != self._reader.secret:
            yield Field(self._reader.name, "another" if self._reader.name in seen.secrets else None, "set")
        if self._settings.reads_by != "key":
            if KEY in seen.secrets or seen.keys:
                yield Field("deploy key", "set", None)
        elif self._renew:
            yield Field("deploy key", "in use", "a new one")
        elif not self._current(seen):
            yield Field("deploy key", "another, or none that the code host knows", "a new one")
        elif len(seen.keys) > 1:
            yield Field("deploy keys", len(seen.keys), 1)

    def obstacle(self) -> Change | None:
        """Say so where the release that would hold it is another's."""
        return self._helm.obstacle(self._name, self._home)

    def apply(self, seen: Seen, change: Change) -> None:
        """Register a new key, write its private half to the Secret, and only then drop the old ones."""
        old = self._registered()
        if self._settings.reads_by != "key":
            login = {self._reader.name: self._reader.secret} if self._reader else {}
            kept = self._kept(seen)
            self._write(
                {**self._fields, **{name: value for name, value in seen.fields.items() if name in kept}},
                login or {name: value for name, value in seen.secrets.items() if name in kept},
            )
        elif {field.name for field in change.fields} != {"deploy keys"}:
            pair = Pair.make()
            self._keys.add(self._title, pair.public)
            self._write(self._fields, {KEY: pair.private}, {FINGERPRINT: fingerprint(pair.public)})
        else:
            old = [key for key in old if fingerprint(key.key) != seen.fingerprint]
        for key in old:
            self._keys.remove(key)

    def _kept(self, seen: Seen) -> set[str]:
        """Name the fields of a login that stays because none is at hand: only one that is whole can."""
        whole = any(name in seen.secrets for name in SECRETS if name != KEY)
        if self._settings.reads_by != "login" or self._reader or not whole:
            return set()
        return {name for name in (*LOGIN, *SECRETS) if name != KEY and name in {*seen.fields, *seen.secrets}}

    def removal(self, seen: Seen) -> str:
        """Say whose it is."""
        if seen.there and not seen.ours:
            return stays(seen.head, self._settings)
        return GOES if seen.there or seen.keys else ""

    def remove(self) -> str:
        """Remove the Secret, then the keys that belong to it."""
        secret = self._cluster.get("secret", self._name, self._home)
        if secret is not None and not is_ours(secret, self._settings):
            return stays(secret, self._settings)
        there = self._helm.uninstall(self._name, self._home)
        if self._cluster.get("secret", self._name, self._home) is not None:
            raise InstallerError(
                f"The Secret {self._name} in {self._home} outlived its release.", "Remove it manually."
            )
        keys = self._registered()
        for key in keys:
            self._keys.remove(key)
        if left := self._registered():
            raise InstallerError(
                f"The code host still has the deploy key {left[0].title}.", f"See {self._settings.url}"
            )
        return f"{'removed' if there or keys else 'was not there'}"

    def _registered(self) -> list[DeployKey]:
        return [key for key in self._keys.list() if key.title in self._titles]

    def _current(self, seen: Seen) -> bool:
        usable = {fingerprint(key.key) for key in seen.keys if key.read_only}
        return bool(seen.fingerprint) and seen.fingerprint in usable

    def _write(self, fields: dict[str, str], secrets: dict[str, Secret], annotations: Object | None = None) -> None:
        more = {"annotations": annotations} if annotations else {}
        head = metadata(self._settings, self._name, self._home, labels=_TYPE, **more)
        self._helm.install(self._name, self._home, objects(pack(head, "Opaque", fields, secrets)))


def key_title(address: str) -> str:
    """Return the title of the deploy key that a repository's Argo CD reads it with."""
    return f"gitops-flask: {address}"
