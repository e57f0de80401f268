"""What Argo CD reads the repository with: a Secret, and for a private repository a deploy key of its own."""

import base64
from dataclasses import dataclass

from ..deploy_key import DeployKey, DeployKeys, Pair, fingerprint, fingerprint_of_private
from ..errors import InstallerError
from ..helm import Helm, objects
from ..kubectl import Cluster, Object
from ..marks import FINGERPRINT, is_ours, metadata
from ..resource import Change, Field, Lane, Resource, differences
from ..secret import Secret
from ..settings import Settings

_TYPE = {"argocd.argoproj.io/secret-type": "repository"}


@dataclass(frozen=True)
class Seen:
    """What is there: the Secret without its key, that key's fingerprint, and the registered keys of ours."""

    there: bool
    ours: bool
    fields: dict[str, str]
    labels: dict[str, str]
    fingerprint: str
    """Of the private key in the Secret, where it is the one that the annotation names."""
    keys: tuple[DeployKey, ...]
    release: str | None = "deployed"
    """The state of the release that should hold it; None where there is none."""


_NOTHING = Seen(there=False, ours=False, fields={}, labels={}, fingerprint="", keys=())


class RepositoryCredential(Resource[Seen]):
    """One Secret, one key: a key is never reused, and the private half is nowhere but in the Secret."""

    lane: Lane = "cluster"
    key = "credential"
    needs = ("repository", "argocd")

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, keys: DeployKeys) -> None:
        self._settings = settings
        self._cluster = cluster
        self._helm = helm
        self._keys = keys
        self._name = f"{settings.slug}-repo"
        self._home = settings.argocd_namespace
        self._title = f"gitops-flask: {self._name}"
        self.title = f"Argo CD's read access to {settings.source_url}"

    @property
    def _fields(self) -> dict[str, str]:
        """Return what the Secret holds besides the key."""
        return {
            "type": "git",
            "url": self._settings.source_url,
            "depth": "1",  # Argo CD needs one commit of `env/dev`, not its history
            "project": self._settings.application,
        }

    def observe(self) -> Seen:
        """Read the Secret and the registered keys; of the private key only its fingerprint is kept."""
        secret = self._cluster.get("secret", self._name, self._home)
        if secret is None:
            return _NOTHING
        data = {key: _decoded(value) for key, value in (secret.get("data") or {}).items()}
        private = Secret(data.pop("sshPrivateKey", ""))
        printed = fingerprint_of_private(private) if private else ""
        release = self._helm.release(self._name, self._home)
        noted = (secret["metadata"].get("annotations") or {}).get(FINGERPRINT, "")
        return Seen(
            there=True,
            ours=is_ours(secret, self._settings.slug),
            fields=data,
            labels=secret["metadata"].get("labels") or {},
            fingerprint=printed if printed == noted else "",
            keys=tuple(self._registered()),
            release=release.status if release else None,
        )

    def blank(self) -> Seen:
        """Return what is seen where nothing was made yet."""
        return _NOTHING

    def diff(self, seen: Seen) -> Change | None:
        """Compare all but the key by value, and the key by its fingerprint with what is registered."""
        if not seen.there:
            return Change("create", note="with a new read-only deploy key" if self._settings.private else "")
        if not seen.ours:
            return Change("unknown", note=f"a Secret {self._name} in {self._home} is not ours; remove or rename it")
        fields = (*differences(self._fields, seen.fields), *differences(_TYPE, seen.labels))
        if strays := sorted(set(seen.fields) - set(self._fields)):
            fields += tuple(Field(stray, "set", None) for stray in strays)
        if not self._settings.private and (seen.fingerprint or seen.keys):
            fields += (Field("deploy key", "set", None),)
        elif self._settings.private and not self._current(seen):
            fields += (Field("deploy key", "another, or none that GitHub knows", "a new one"),)
        elif len(seen.keys) > 1:
            fields += (Field("deploy keys", len(seen.keys), 1),)
        if seen.release != "deployed":
            fields += (Field("release", seen.release, "deployed"),)
        return Change("change", fields) if fields else None

    def apply(self, seen: Seen, change: Change) -> None:
        """Register a new key, write its private half to the Secret, and only then drop the old ones."""
        if seen.there and not seen.ours:
            raise InstallerError(f"{self.title}: {change.note}")
        old = self._registered()
        if not self._settings.private:
            self._write(None)
        elif {field.name for field in change.fields} != {"deploy keys"}:
            pair = Pair.make()
            self._keys.add(self._title, pair.public)
            self._write(pair)
        else:
            old = [key for key in old if fingerprint(key.key) != seen.fingerprint]
        for key in old:
            self._keys.remove(key)

    def remove(self) -> str:
        """Remove the Secret, then the keys that belong to it."""
        secret = self._cluster.get("secret", self._name, self._home)
        if secret is not None and not is_ours(secret, self._settings.slug):
            return f"stays, the Secret {self._name} is not ours"
        there = self._helm.uninstall(self._name, self._home)
        if self._cluster.get("secret", self._name, self._home) is not None:
            raise InstallerError(f"The Secret {self._name} in {self._home} outlived its release.", "Remove it by hand.")
        keys = self._registered()
        for key in keys:
            self._keys.remove(key)
        if left := self._registered():
            raise InstallerError(f"GitHub still has the deploy key {left[0].title}.", f"See {self._settings.url}")
        return f"{'removed' if there or keys else 'was not there'}"

    def _registered(self) -> list[DeployKey]:
        return [key for key in self._keys.list() if key.title == self._title]

    def _current(self, seen: Seen) -> bool:
        usable = {fingerprint(key.key) for key in seen.keys if key.read_only}
        return bool(seen.fingerprint) and seen.fingerprint in usable

    def _write(self, pair: Pair | None) -> None:
        more = {"annotations": {FINGERPRINT: fingerprint(pair.public)}} if pair else {}
        secret: Object = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata(self._settings.slug, self._name, self._home, labels=_TYPE, **more),
            "type": "Opaque",
            "data": {key: _encoded(value) for key, value in self._fields.items()},
        }
        if pair:
            # kept from any text that helm might print, in this form too
            private = Secret(_encoded(pair.private.reveal()))
            secret["data"]["sshPrivateKey"] = private.reveal()
        self._helm.install(self._name, self._home, objects(secret))


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _decoded(value: str) -> str:
    return base64.b64decode(value).decode(errors="replace")
