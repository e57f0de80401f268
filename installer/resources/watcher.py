"""The watcher: Argo CD learns of a deployment within a second or two, its own polling takes minutes."""

import re
from dataclasses import dataclass

from ..cluster.argocd_inventory import COMPONENT, PARTS
from ..cluster.argocd_values import values
from ..cluster.helm import Helm, objects
from ..cluster.helm_release import Release
from ..cluster.kubectl import Cluster, Object
from ..cluster.labels import is_ours, not_ours, stays
from ..cluster.pods import problems
from ..cluster.sidecar_pods import KINDS, RBAC, SidecarTemplate, remains, unready
from ..config.settings import Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource, covers
from ..support.wait import clear
from .watcher_pod import EVERY, manifests
from .watcher_policy import State, WatcherPolicy

_MADE = ("deployments.apps", f"roles.{RBAC}")
SETTINGS_OF_ARGOCD = "argocd-cm"
OFTEN = 10.0
"""Seconds: an Argo CD that polls so often needs no help."""
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DEFAULT = 120.0


@dataclass(frozen=True)
class Seen:
    """The watcher's objects by kind, their release, and how often Argo CD polls of itself, where that is too seldom."""

    objects: dict[str, Object]
    release: Release | None = None
    polls: float | None = None
    allowed: bool = True
    """Whether we may make it."""
    template: SidecarTemplate = SidecarTemplate()  # noqa: RUF009  # frozen
    key: str = ""
    """The version of the Secret with what Argo CD reads with."""
    policy: State = State()  # noqa: RUF009  # frozen
    """What keeps its token to one annotation."""


class Watcher(Resource[Seen]):
    """A watcher beside an Argo CD that polls seldom, be it ours or others'; nothing where it polls often."""

    lane: Lane = "cluster"
    key = "watcher"
    needs = ("application",)

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, *, patience: float = 120) -> None:
        self._settings = settings
        self._cluster = cluster
        self._helm = helm
        self._patience = patience
        self._name = f"{settings.application}-watcher"
        self._selector = f"app.kubernetes.io/name={self._name}"
        self._home = settings.argocd_namespace
        self._secret = f"secrets/{settings.slug}-repo"
        self._references = [f"{kind}/{self._name}" for kind in KINDS]
        self._policy = WatcherPolicy(settings, cluster, helm, self._name)
        self._watcher = f"watcher of {settings.branch} for Argo CD"
        self.title = f"watching of {settings.branch} (Argo CD's own polling)"

    def observe(self) -> Seen:
        """Look at the watcher and at Argo CD's own polling; at Argo CD itself only where that is slow."""
        also = [f"configmaps/{SETTINGS_OF_ARGOCD}", *([self._secret] if self._settings.reads_by else [])]
        found = self._cluster.get_many([*self._references, *also], self._home)
        polls = self._too_seldom(found.pop("ConfigMap", None))
        secret = found.pop("Secret", {})
        if "githubAppPrivateKey" in secret.get("data", {}):  # git alone cannot log in as an App
            polls = None
        policy = self._policy.look() if polls or found else State()
        if not polls and not found:
            return Seen({})
        self.title = self._watcher
        components = self._cluster.list("deployments", self._home, PARTS) if polls else []
        reader = [c for c in components if c["metadata"]["labels"].get(COMPONENT) == "repo-server"]
        return Seen(
            found,
            self._helm.release(self._name, self._home) if found else None,
            polls,
            bool(found) or all(self._cluster.allowed("create", kind, self._home) for kind in _MADE),
            SidecarTemplate.of(reader[0]) if reader else SidecarTemplate(),
            secret.get("metadata", {}).get("resourceVersion", ""),
            policy,
        )

    def _too_seldom(self, config: Object | None) -> float | None:
        """Return how often Argo CD polls, where that is not enough; where there is none, how often ours will."""
        polls = _polls(config or {"data": values(self._settings)["configs"]["cm"]})
        return polls if polls > OFTEN and self._settings.argocd_watcher == "auto" else None

    def blank(self) -> Seen:
        """Return what is seen where nothing was made yet."""
        return Seen({}, polls=self._too_seldom(None))

    def diff(self, seen: Seen) -> Change | None:
        """Compare each object; one that nobody needs any more goes."""
        if foreign := [found for found in seen.objects.values() if not is_ours(found, self._settings)]:
            return not_ours(foreign[0], self._settings)
        if seen.polls is None:
            return Change("change", note="goes: Argo CD polls often enough") if seen.objects else None
        if not seen.objects:
            rate = f"Argo CD polls {_often(seen.polls)}; the watcher polls {self._settings.host} every {EVERY} s"
            note = "; ".join(filter(None, [rate, self._unbound(seen.policy)]))
            return Change("create" if seen.allowed else "skipped", note=note if seen.allowed else self._without())
        fields = tuple(
            Field(manifest["kind"], "another, or none", "as it should be")
            for manifest in manifests(self._settings, self._name, seen.template, seen.key)
            if not covers(seen.objects.get(manifest["kind"]), manifest)
        )
        if seen.release is None or seen.release.status != "deployed":
            fields += (Field("release", seen.release and seen.release.status, "deployed"),)
        if seen.policy.to_write:
            fields += (Field("policy", "another, or none", "as it should be"),)
        waiting = not fields and unready(seen.objects["Deployment"])
        if fields or waiting:
            return Change("change", fields, f"wait for it: {waiting}" if waiting else "")
        unbound = self._unbound(seen.policy)
        return Change("skipped", note=unbound) if unbound else None

    def obstacle(self) -> Change | None:
        """Say so where the release that would hold it is another's."""
        return self._helm.obstacle(self._name, self._home)

    def apply(self, seen: Seen, change: Change) -> None:
        """Write all of it, and wait until it has read the branch; or remove what nobody needs."""
        if seen.polls is None:
            self.remove()
            return
        if seen.policy.to_write:
            self._policy.write()  # first: there is no moment in which the token may more
        self._helm.install(
            self._name, self._home, objects(*manifests(self._settings, self._name, seen.template, seen.key))
        )
        clear(
            f"The start of the {self._watcher}",
            lambda: unready(self._cluster.get("deployments.apps", self._name, self._home)),
            self._patience,
            explain=lambda: "\n  ".join(
                [
                    *problems(self._cluster, self._home, self._selector),
                    "To do without it, and wait for Argo CD's own polling: argocd.watcher: none in gitops.yaml",
                ]
            ),
        )

    def removal(self, seen: Seen) -> str:
        """Say whose it is."""
        if foreign := [found for found in seen.objects.values() if not is_ours(found, self._settings)]:
            return stays(foreign[0], self._settings)
        return GOES if seen.objects else ""

    def remove(self) -> str:
        """Remove it and assert it gone."""
        found = self._cluster.get_many(self._references, self._home)
        if foreign := [each for each in found.values() if not is_ours(each, self._settings)]:
            return stays(foreign[0], self._settings)
        there = self._helm.uninstall(self._name, self._home)
        clear(f"The end of the {self._watcher}", self._remains, self._patience)
        there = self._policy.remove() or there
        return "removed" if there or found else "was not there"

    def _without(self) -> str:
        return f"you may not make {' and '.join(_MADE)} in {self._home}; deployments wait until Argo CD polls"

    def _unbound(self, policy: State) -> str:
        """Say what the watcher's token may do where no policy limits it to what it needs."""
        limit = f"its token may change all of Application {self._settings.application}, because a policy that limits it"
        return f"{limit} is missing: {policy.blocking_reason}" if policy.blocking_reason else ""

    def _remains(self) -> str:
        return remains(self._cluster, self._name, self._home, {self._home: self._references})


def _often(seconds: float) -> str:
    return f"every {seconds:.0f} s" if seconds != float("inf") else "never"


def _polls(config: Object) -> float:
    """Return how often Argo CD looks of itself, at the latest; `0` means never."""
    data = config.get("data") or {}
    interval = _seconds(data.get("timeout.reconciliation", ""))
    return float("inf") if interval == 0 else interval if interval is not None else _DEFAULT


def _seconds(text: str) -> float | None:
    """Read a duration as Go writes it: `180s`, `2m30s`, `0`."""
    if text.strip() == "0":
        return 0.0
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|ms|m|s)", text)
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else None
