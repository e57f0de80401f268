"""Argo CD itself: used as it is where it runs already, else installed by its own chart, pinned and small."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..cluster.argocd import (
    BUILT_IN,
    CERTIFICATES,
    KINDS,
    KNOWN_HOSTS,
    PARTS,
    asleep,
    chart,
    knows,
    namespaces,
    number,
    scan_command,
    shortened,
    ssh_host,
    tls_host,
    unready,
    values,
    version,
)
from ..cluster.helm import Helm, Release, holder_of, objects
from ..cluster.kubectl import Cluster, Object
from ..cluster.objects import is_ours, labels_of, metadata
from ..cluster.pods import problems
from ..config.settings import FILE, Settings
from ..engine.resource import Change, Field, Resource, blocked, differences
from ..support.errors import InstallerError
from ..support.wait import clear

DEFAULT_PROJECT = "argocd-default-project"
"""The release of ours that closes the AppProject `default`, which allows everything everywhere."""
_DEFAULT_NAME = "default"
_OPEN = ("sourceRepos", "destinations", "clusterResourceWhitelist", "sourceNamespaces")
OPEN, CLOSED = "allows everything", "allows nothing"
CHART = "oci://ghcr.io/argoproj/argo-helm/argo-cd"
CHART_VERSION = "10.1.1"
RELEASE = "argocd"
_DEFAULT = "project default"
OLDEST = (3, 2)
"""The first with `retry.refresh`: before it a failing sync holds back the commit that fixes it."""
CRDS = tuple(f"{kind}.argoproj.io" for kind in ("applications", "applicationsets", "appprojects"))
_LEFT = f"its namespace and resource definitions stay: {', '.join(CRDS)}"


@dataclass(frozen=True)
class Seen:
    """What runs as Argo CD in the cluster, and our release of it."""

    components: tuple[Object, ...]
    release: Release | None
    """The release `argocd` where this project made it."""
    values: Mapping[str, Any]
    known_hosts: str
    """The ssh hosts that an Argo CD of others knows."""
    trusted: frozenset[str] = frozenset()
    """The hosts whose certificates it was given."""
    default_open: bool = False
    """Whether the project `default` of ours allows anything."""
    default_users: tuple[str, ...] = ()
    """The Applications that use that project while it does."""


class ArgoCDInstallation(Resource[Seen]):
    """Found by its components, never by its resource definitions: those outlive it."""

    lane = "cluster"
    key = "argocd"
    patience = 600.0
    """Seconds until it works, or is gone."""
    nothing = Seen((), None, {}, "")

    def __init__(self, settings: Settings, cluster: Cluster, helm: Helm, *, remove_it: bool = False) -> None:
        self._settings = settings
        self._cluster = cluster
        self._helm = helm
        self._remove_it = remove_it
        self._home = settings.argocd_namespace
        self._ssh_host = ssh_host(settings.source_url)
        self._tls_host = tls_host(settings.source_url) if settings.ca else ""
        self._values = values(settings)
        self.title = f"Argo CD in namespace {self._home}"

    def observe(self) -> Seen:
        """Read the components of every Argo CD in the cluster, and our release."""
        components = tuple(self._cluster.list("deployments,statefulsets", selector=PARTS))
        release = next((each for each in self._helm.ours(self._home) if each.name == RELEASE), None)
        values = self._helm.values(RELEASE, self._home) if release else {}
        foreign = release is None and self._home in namespaces(components)
        hosts = self._map(KNOWN_HOSTS) if foreign and self._ssh_host else {}
        trusted = frozenset(self._map(CERTIFICATES) if foreign and self._tls_host else ())
        default_open = release is not None and self._default_is_open()
        users = tuple(self._default_users()) if default_open else ()
        seen = Seen(components, release, values, hosts.get("ssh_known_hosts", ""), trusted, default_open, users)
        if foreign:
            self.title = f"Argo CD {version(components, self._home)} in namespace {self._home} (used as it is)"
        return seen

    def _map(self, name: str) -> dict[str, str]:
        return (self._cluster.get("configmap", name, self._home) or {}).get("data") or {}

    def diff(self, seen: Seen) -> Change | None:
        """Compare chart and values of ours; of another's only whether it will do."""
        everywhere = namespaces(seen.components)
        if seen.release is None and self._home in everywhere:
            return self._unfit(seen)
        if elsewhere := [namespace for namespace in everywhere if namespace != self._home]:
            return blocked(f"there is one in namespace {elsewhere[0]}", f"Set argocd.namespace to that in {FILE}.")
        if not self._knows_host():
            return self._without_host(f"configs.ssh.extraHosts under argocd.values in {FILE}")
        if seen.release is None:
            return Change("create", note=f"chart {CHART_VERSION}")
        fields: tuple[Field, ...] = ()
        made_by = chart(seen.components, self._home)
        if made_by and number(made_by) < number(CHART_VERSION):  # a newer one was someone's wish
            fields = (Field("chart", made_by, CHART_VERSION),)
        fields += tuple(map(shortened, differences(self._values, dict(seen.values), "values", exact=True)))
        if seen.release.status != "deployed":
            fields += (Field("release", seen.release.status, "deployed"),)
        fields += tuple(Field(f"{name}.replicas", 0, 1) for name in asleep(seen.components, self._home))
        if seen.default_open and not seen.default_users:
            fields += (Field(_DEFAULT, OPEN, CLOSED),)
        waiting = unready(seen.components, self._home)
        if fields or waiting:
            return Change("change", fields, f"wait for {waiting}" if waiting else "")
        if seen.default_users:
            user = seen.default_users[0]
            return Change("skipped", note=f"its project default {OPEN}, because Application {user} uses it")
        return None

    def _unfit(self, seen: Seen) -> Change | None:
        found = version(seen.components, self._home)
        numbers = number(found)
        if numbers and numbers[:2] < OLDEST:
            wanted = ".".join(map(str, OLDEST))
            return blocked(f"it is {found}", f"Upgrade it to {wanted} or newer.")
        if off := ", ".join(asleep(seen.components, self._home)):
            return blocked(f"its {off} is scaled to 0", f"kubectl scale --namespace {self._home} --replicas=1")
        if self._ssh_host and not knows(seen.known_hosts, self._ssh_host):
            return self._without_host(f"the ConfigMap {KNOWN_HOSTS} in {self._home}")
        if self._tls_host and self._tls_host not in seen.trusted:
            where = f"under the key {self._tls_host} to the ConfigMap {CERTIFICATES} in {self._home}"
            fix = f"Add the content of {self._settings.scm}.ca ({FILE}) {where}."
            return blocked(f"it was given no certificate for {self._tls_host}", fix)
        return None

    def _knows_host(self) -> bool:
        """Return whether our own Argo CD would know the ssh host."""
        extra = (self._values["configs"].get("ssh") or {}).get("extraHosts") or ""
        return not self._ssh_host or self._ssh_host in BUILT_IN or knows(extra, self._ssh_host)

    def _without_host(self, place: str) -> Change:
        fix = f"Check what `{scan_command(self._ssh_host)}` prints, then add it to {place}."
        return blocked(f"it does not know the ssh host {self._ssh_host}", fix)

    def obstacle(self) -> Change | None:
        """Say so where the release that would hold it is another's."""
        return self._helm.obstacle(RELEASE, self._home)

    def apply(self, seen: Seen, change: Change) -> None:
        """Install or upgrade, and wait until it works."""
        if change.action == "create" or any(field.name != _DEFAULT for field in change.fields):
            self._helm.install(
                *(RELEASE, self._home, self._values),
                chart=CHART,
                version=max(CHART_VERSION, chart(seen.components, self._home), key=number),
                create_namespace=True,
                take_ownership=seen.release is None and self._adopts(),
                timeout=self.patience,
                grace=60,
            )
        clear(
            f"The start of {self.title}",
            lambda: unready(self._cluster.list("deployments,statefulsets", self._home, PARTS), self._home),
            self.patience,
            explain=lambda: "\n  ".join(problems(self._cluster, self._home, PARTS)),
        )
        self._close_default()

    def _default_is_open(self) -> bool:
        """Return whether `default` allows something, or will: Argo CD creates a missing one, open, when it starts."""
        found = self._cluster.get(KINDS[0], _DEFAULT_NAME, self._home)
        return found is None or any(found.get("spec", {}).get(each) for each in _OPEN)

    def _default_users(self) -> list[str]:
        """Name the Applications that would stop working without it."""
        found = self._cluster.list(KINDS[1])
        return [each["metadata"]["name"] for each in found if each["spec"].get("project") in ("", _DEFAULT_NAME)]

    def _close_default(self) -> None:
        """Let it allow nothing, unless somebody uses it."""
        if self._default_is_open() and not self._default_users():
            self._helm.install(DEFAULT_PROJECT, self._home, objects(self._closed_default()), take_ownership=True)

    def _closed_default(self) -> Object:
        spec = {
            "description": "gitops-flask: allows nothing; each application has a project of its own",
            **{each: [] for each in _OPEN},
            "namespaceResourceBlacklist": [{"group": "*", "kind": "*"}],
        }
        head = metadata(self._settings, _DEFAULT_NAME, self._home)
        return {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": head, "spec": spec}

    def _adopts(self) -> bool:
        """Return whether definitions are left that another release owned; refuse those that are not Argo CD's."""
        found = self._cluster.get("customresourcedefinitions", CRDS[0])
        if found is None:
            return False
        if labels_of(found).get("app.kubernetes.io/part-of") != "argocd":
            what = f"The resource definition {CRDS[0]} is not Argo CD's."
            raise InstallerError(what, f"kubectl describe crd {CRDS[0]}")
        return holder_of(found) != (RELEASE, self._home)

    def removal(self, seen: Seen) -> str:
        """Say why it stays; our own Application, which goes first, is no reason."""
        if seen.release is None and not namespaces(seen.components):
            return ""
        return self._keeps(seen) or f"goes, for all its users; {_LEFT}"

    def _keeps(self, seen: Seen) -> str:
        if seen.release is None:
            theirs = self._helm.obstacle(RELEASE, self._home)
            return f"stays: {theirs.note}" if theirs else "stays, it was not made for this project"
        if not self._remove_it:
            return "stays, other projects may use it (`down --argocd` removes it)"
        others = [a for a in self._cluster.list(KINDS[1]) if not is_ours(a, self._settings)]
        return f"stays, Application {others[0]['metadata']['name']} uses it" if others else ""

    def remove(self) -> str:
        """Keep it, unless told otherwise and nobody else uses it."""
        fate = self.removal(self.observe())
        if not fate.startswith("goes"):
            return fate or "was not there"
        if left := self._cluster.list(KINDS[1]):
            return f"stays, Application {left[0]['metadata']['name']} uses it"
        self._helm.uninstall(DEFAULT_PROJECT, self._home)
        self._helm.uninstall(RELEASE, self._home, self.patience)
        clear(f"The end of {self.title}", self._remains, self.patience)
        return f"removed; {_LEFT}"

    def _remains(self) -> str:
        left = self._cluster.list("deployments,statefulsets,pods", self._home, PARTS)
        return ", ".join(f"{each['kind']} {each['metadata']['name']}" for each in left)
