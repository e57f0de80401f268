"""The webhook that reports each push to Argo CD, where the code host can connect to it, and the secret of both."""

from dataclasses import dataclass
from secrets import token_urlsafe

from ..cluster.argocd import KEY, LABELS, OF_ARGOCD, entry, entry_of, reference, resolved
from ..cluster.helm import Helm, objects
from ..cluster.kubectl import Cluster, Object
from ..cluster.objects import is_ours, metadata, not_ours, pack, readdressed, stays, unpack
from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, Resource, differences
from ..forges.base import Delivery, Hook, Webhooks
from ..support.errors import ApiError, InstallerError
from ..support.secret import Secret
from .argocd import RELEASE

_WITHOUT = (
    f"without a secret, since Argo CD has none (`%s` in {OF_ARGOCD}): whoever reaches it can make it look, no more"
)
_MEANWHILE = "until one arrives, deployments wait until Argo CD polls"


@dataclass(frozen=True)
class Seen:
    """Our hooks, the secret that Argo CD checks signatures by (None: it has none), and what came of the last call."""

    hooks: tuple[Hook, ...]
    secret: Secret | None = None
    ours: bool = True
    """Whether that secret is ours to make: Argo CD's settings name our Secret, or will."""
    made: Object | None = None
    release: str | None = None
    last: Delivery | None = None


class Webhook(Resource[Seen]):
    """Argo CD's secret is the truth, and the hook follows it; only in an Argo CD of ours it is made here."""

    lane = "cluster"
    key = "webhook"
    nothing = Seen(())
    needs = ("repository", "argocd")

    def __init__(
        self, settings: Settings, cluster: Cluster, helm: Helm, hooks: Webhooks, *, argocd_goes: bool = False
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._helm = helm
        self._hooks = hooks
        self._argocd_goes = argocd_goes
        self._name = f"{settings.slug}-webhook"
        self._home = settings.argocd_namespace
        self._address = settings.webhook
        self._reference = reference(settings)
        self.wanted = bool(self._address)
        self.title = f"webhook to {self._address or 'Argo CD'}"

    def observe(self) -> Seen:
        """Read our hooks, Argo CD's secret and the last call; where none is wanted, only what is left."""
        if not self._address:
            return Seen(tuple(self._left()))
        hooks = tuple(self._hooks.list())
        last = self._hooks.newest(hooks[0]) if hooks else None
        said = entry(self._cluster, self._settings)
        if said is not None and said != self._reference and (said or not self._argocd_is_ours()):
            theirs = resolved(self._cluster, self._home, said)
            return Seen(hooks, Secret(theirs) if theirs else None, ours=False, last=last)
        made = self._cluster.get("secret", self._name, self._home)
        release = self._helm.release(self._name, self._home) if made else None
        status = release.status if release else None
        value = unpack(made).get(KEY) if made else ""
        return Seen(hooks, Secret(value) if value else None, made=made, release=status, last=last)

    def _argocd_is_ours(self) -> bool:
        return any(release.name == RELEASE for release in self._helm.ours(self._home))

    def diff(self, seen: Seen) -> Change | None:
        """Compare all but the secret by value, that by its fingerprint; a last call that failed is reported."""
        if not self._address:
            gone = tuple(Field("webhook", hook.address, None) for hook in seen.hooks)
            return Change("change", gone, "goes: argocd.url is empty") if gone else None
        if seen.made and not is_ours(seen.made, self._settings):
            return not_ours(seen.made, self._settings)
        note = "" if seen.ours or seen.secret else _WITHOUT % entry_of(self._settings)
        if not seen.hooks:
            return Change("create", () if note else (Field("secret", None, "set"),), note)
        hook = seen.hooks[0]
        fields = differences({"address": self._address, **self._hooks.wanted}, {"address": hook.address, **hook.rest})
        if not self._agree(hook, seen):
            fields += (Field("secret", "another", None if note else "set"),)
        if len(seen.hooks) > 1:
            fields += (Field("webhooks", len(seen.hooks), 1),)
        if seen.made:
            fields += differences(LABELS, seen.made["metadata"]["labels"])
            fields += readdressed(seen.made, self._settings)
            fields += differences({"release": "deployed"}, {"release": seen.release})
        if fields:
            return Change("change", fields, note)
        if seen.last and not seen.last.accepted:
            last = f"{self._hooks.title}'s last push got {seen.last} (see {self._hooks.page(hook)})"
            return Change("skipped", note=f"{last}; {_MEANWHILE}")
        return None

    def _agree(self, hook: Hook, seen: Seen) -> bool:
        """Return whether the hook has Argo CD's secret; what Argo CD refused, somebody changed at the code host."""
        if seen.secret is None:
            return not (seen.ours or hook.fingerprint)
        refused = seen.last and seen.last.refused
        return bool(hook.fingerprint) and seen.secret.matches(hook.fingerprint) and not refused

    def apply(self, seen: Seen, change: Change) -> None:
        """Make the secret where it is ours and missing, then another hook; what falls between is seen next time."""
        if not self._address:
            self.remove()
            return
        secret = seen.secret
        if seen.ours:
            secret = secret or Secret(token_urlsafe(32))
            head = metadata(self._settings, self._name, self._home, labels=LABELS)
            self._helm.install(self._name, self._home, objects(pack(head, "Opaque", {}, {KEY: secret})))
        for hook in seen.hooks:  # before: GitHub takes no second one to the same address
            self._hooks.delete(hook)
        self._hooks.create(self._address, secret)

    def removal(self, seen: Seen) -> str:
        """Say whether there is a hook, and what of it stays."""
        kept = self._stays(seen.made)
        return "; ".join(filter(None, [GOES, kept])) if seen.hooks or seen.made else ""

    def remove(self) -> str:
        """Remove the Secret, unless an Argo CD that stays refers to it; then the hook, which is looked for."""
        stays = self._stays(self._cluster.get("secret", self._name, self._home))
        there = not stays and self._helm.uninstall(self._name, self._home)
        if not stays and self._cluster.get("secret", self._name, self._home) is not None:
            raise InstallerError(
                f"The Secret {self._name} in {self._home} outlived its release.", "Remove it manually."
            )
        hooks = self._left()
        for hook in hooks:
            self._hooks.delete(hook)
        if left := self._left():
            what = f"{self._hooks.title} still has a webhook to {left[0].address}."
            raise InstallerError(what, f"Remove it at {self._hooks.page(left[0])}")
        return "; ".join(filter(None, ["deleted" if hooks or there else "was not there", stays]))

    def _stays(self, made: Object | None) -> str:
        """Say why the Secret is not to go; what still refers to it counts only where a webhook is wanted."""
        if made and not is_ours(made, self._settings):
            return f"it {stays(made, self._settings)}"
        wanted_by_argocd = self._address and not self._argocd_goes
        needed = made and wanted_by_argocd and entry(self._cluster, self._settings) == self._reference
        return f"the Secret {self._name} stays, Argo CD refers to it" if needed else ""

    def _left(self) -> list[Hook]:
        """Return our hooks; where none is wanted, a token need not be able to see any."""
        try:
            return self._hooks.list()
        except ApiError as error:
            if self._address or error.status not in (401, 403):
                raise
            return []
