"""What Argo CD reads the repository with: a Secret, and in it a deploy key of its own or, over https, a login."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..cluster.helm import Helm
from ..cluster.kubectl import Cluster, Objects
from ..cluster.objects import FINGERPRINT, annotations_of, identities, labels_of, pack, unpack
from ..config.settings import Settings
from ..engine.resource import Change, Field, blocked, differences
from ..forges.base import DeployKey, DeployKeys, Pair, fingerprint, fingerprint_of_private
from ..forges.credentials import READER, Reader
from ..support.errors import InstallerError
from ..support.secret import Secret
from .helm_release import Held, HelmRelease

_TYPE = {"argocd.argoproj.io/secret-type": "repository"}
KEY = "sshPrivateKey"
SECRETS = (KEY, "password", "githubAppPrivateKey")
LOGIN = ("username", "githubAppID", "githubAppInstallationID", "githubAppEnterpriseBaseUrl")
_SHOWN = ("type", "url", "depth", "project", *LOGIN)
"""What a Secret holds that is none."""


@dataclass(frozen=True)
class Credential(Held):
    """The Secret taken apart, and the registered keys of ours."""

    fields: Mapping[str, str] = field(default_factory=dict)
    """What is in it besides the secrets."""
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    fingerprint: str = ""
    """Of the private key in it, where it is the one that the annotation names."""
    keys: tuple[DeployKey, ...] = ()
    pair: Pair | None = None
    """The key that is to take its place."""

    @property
    def left(self) -> bool:
        """Return whether there is the Secret, or a key."""
        return bool(self.objects or self.keys)


class RepositoryCredential(HelmRelease[Credential]):
    """One Secret with one key or one login. A key is never reused; its private half is nowhere but in the Secret."""

    key = "credential"
    needs = ("repository", "argocd")
    seen = Credential

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
        super().__init__(settings, cluster, helm, f"{settings.slug}-repo")
        self._keys = keys
        self._reader = reader
        self._renew = renew
        self._titles = [key_title(address) for address in identities(settings).values()]
        self.title = f"Argo CD's read access to {settings.source_url}"
        self._fields = {
            "type": "git",
            "url": settings.source_url,
            "depth": "1",  # Argo CD needs one commit of `env/dev`, not its history
            "project": settings.application,
            **(reader.fields if reader else {}),
        }
        """What the Secret holds besides the secret itself."""

    def observe(self) -> Credential:
        """Read the registered keys and the Secret; of the private key only its fingerprint is compared."""
        held = replace(super().observe(), keys=tuple(self._registered()))
        secret = held.one("Secret")
        if secret is None:
            return held
        data = unpack(secret)
        secrets = {name: Secret(data.pop(name)) for name in SECRETS if name in data}
        printed = fingerprint_of_private(secrets[KEY]) if KEY in secrets else ""
        noted = annotations_of(secret).get(FINGERPRINT, "")
        return replace(held, fields=data, secrets=secrets, fingerprint=printed if printed == noted else "")

    def lacks(self, held: Credential) -> Change | None:
        """Ask for a login where there is none."""
        if self._settings.reads_by == "login" and not self._reader and not self._kept(held):
            return blocked("no token at hand", f"Set {READER} in the environment, to one that may read the repository.")
        return None

    def differences(self, held: Credential) -> Iterator[Field]:
        """Compare all but a key by value, and the key by its fingerprint with what is registered."""
        secret = held.one("Secret")
        if secret is None:
            return
        yield from differences(self._fields, dict(held.fields))
        yield from differences(_TYPE, labels_of(secret))
        wanted = {*self._fields, KEY, *self._kept(held), *([self._reader.name] if self._reader else [])}
        for stray in sorted({*held.fields, *held.secrets} - wanted):
            yield Field(stray, "set", None)
        if self._reader and held.secrets.get(self._reader.name) != self._reader.secret:
            yield Field(self._reader.name, "another" if self._reader.name in held.secrets else None, "set")
        if self._settings.reads_by != "key":
            if KEY in held.secrets or held.keys:
                yield Field("deploy key", "set", None)
        elif self._renew:
            yield Field("deploy key", "in use", "a new one")
        elif held.fingerprint not in {fingerprint(key.key) for key in held.keys if key.read_only} - {""}:
            yield Field("deploy key", "missing, or unknown to the code host", "a new one")
        elif len(held.keys) > 1:
            yield Field("deploy keys", len(held.keys), 1)

    def note(self, held: Credential, fields: Sequence[Field]) -> str:
        """Say so where it begins with a key."""
        return "with a new read-only deploy key" if not held.objects and self._settings.reads_by == "key" else ""

    def manifests(self, held: Credential) -> Objects:
        """Return the Secret: with the new key, the login at hand, or the one that is there."""
        kept = self._kept(held)
        fields = {**self._fields, **{name: value for name, value in held.fields.items() if name in kept}}
        secrets = {name: value for name, value in held.secrets.items() if name in kept}
        if self._reader:
            secrets = {self._reader.name: self._reader.secret}
        if held.pair:
            secrets = {KEY: held.pair.private}
        noted = {FINGERPRINT: fingerprint(held.pair.public)} if held.pair else {}
        head = self._head(labels=_TYPE, annotations=noted)
        return [pack(head, "Opaque", fields, secrets)]

    def apply(self, held: Credential, change: Change) -> None:
        """Register a new key, write its private half to the Secret, and only then drop the old ones."""
        old = self._registered()
        if {each.name for each in change.fields} == {"deploy keys"}:
            old = [key for key in old if fingerprint(key.key) != held.fingerprint]
        elif self._settings.reads_by == "key":
            pair = Pair.make()
            self._keys.add(self._titles[0], pair.public)
            super().apply(replace(held, pair=pair), change)
        else:
            super().apply(held, change)
        for key in old:
            self._keys.remove(key)

    def after_uninstall(self) -> bool:
        """Remove the keys that belong to it."""
        keys = self._registered()
        for key in keys:
            self._keys.remove(key)
        if left := self._registered():
            raise InstallerError(
                f"The code host still has the deploy key {left[0].title}.", f"See {self._settings.url}"
            )
        return bool(keys)

    def _kept(self, held: Credential) -> set[str]:
        """Name the fields of a login that stays because none is at hand: only one that is whole can."""
        whole = any(name in held.secrets for name in SECRETS if name != KEY)
        if self._settings.reads_by != "login" or self._reader or not whole:
            return set()
        return {name for name in (*LOGIN, *SECRETS) if name != KEY and name in {*held.fields, *held.secrets}}

    def _registered(self) -> list[DeployKey]:
        return [key for key in self._keys.list() if key.title in self._titles]


@dataclass(frozen=True)
class Copied(Held):
    """The Secret of an environment, and the one that it is a copy of."""

    original: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What that one holds; empty where it is not there."""


class EnvironmentCredential(HelmRelease[Copied]):
    """The same for another environment: Argo CD uses a repository's Secret for the one AppProject that it names.

    It is a copy, made after the original: the private half of the key is nowhere but in that.
    """

    key = "credential"
    seen = Copied

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm) -> None:
        super().__init__(settings, cluster, helm, f"{settings.application}-repo")
        self.needs = ("credential",)
        self.title = f"Argo CD's read access for {settings.application}"

    def observe(self) -> Copied:
        """Read the Secret, and the one that it is a copy of."""
        original = self._cluster.get("secret", f"{self._settings.slug}-repo", self._home)
        return replace(super().observe(), original=unpack(original) if original else {})

    def differences(self, held: Copied) -> Iterator[Field]:
        """Compare all but the secrets by value."""
        if secret := held.one("Secret"):
            there, wanted = unpack(secret), {**held.original, "project": self._settings.application}
            for name in sorted(each for each in {*there, *wanted} if there.get(each) != wanted.get(each)):
                if name in _SHOWN:
                    yield Field(name, there.get(name), wanted.get(name))
                else:
                    yield Field(name, "another" if name in there else None, "set" if name in wanted else None)
            yield from differences(_TYPE, labels_of(secret))

    def manifests(self, held: Copied) -> Objects:
        """Return the Secret."""
        data = {**held.original, "project": self._settings.application}
        secrets = {name: Secret(data.pop(name)) for name in [*data] if name not in _SHOWN}
        return [pack(self._head(labels=_TYPE), "Opaque", data, secrets)]


def key_title(address: str) -> str:
    """Return the title of the deploy key that a repository's Argo CD reads it with."""
    return f"gitops-flask: {address}"
