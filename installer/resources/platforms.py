"""For which machines the CI builds: those that the nodes are; an image for others ends in `exec format error`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ..ci.base import END
from ..cluster.kubectl import Cluster, Object
from ..cluster.objects import labels_of
from ..config.settings import CIS, CLOUD, GITHUB_ACTIONS, Settings
from ..engine.resource import GOES, Change, Field, Resource
from ..forges.base import Stored
from ..support.errors import InstallerError

LABEL = "kubernetes.io/arch"
USUAL = "amd64"
"""What the machines of every CI are unless another kind is asked for."""
NATIVE = {"arm64": "ubuntu-24.04-arm"}
"""GitHub's own of another kind, for public and private repositories (docs.github.com, GitHub-hosted runners)."""


def of_nodes(cluster: Cluster) -> tuple[str, ...]:
    """Return the architectures of the nodes that take the service's pods; none where nobody can look."""
    if not cluster.answered:  # it was asked before, and would only take as long again
        return ()
    try:
        nodes = [node for node in cluster.list("nodes") if labels_of(node).get("kubernetes.io/os", "linux") == "linux"]
    except InstallerError:
        return ()
    free = [node for node in nodes if not _closed(node)]
    return tuple(sorted({_of(node) for node in free or nodes} - {""}))


def _of(node: Object) -> str:
    reported = node.get("status", {}).get("nodeInfo", {}).get("architecture", "")
    return str(labels_of(node).get(LABEL) or reported)


def _closed(node: Object) -> bool:
    """Return whether a taint keeps out what does not tolerate it, as on most control planes."""
    taints = node.get("spec", {}).get("taints") or []
    return any(taint.get("effect") in ("NoSchedule", "NoExecute") for taint in taints)


def of_platforms(platforms: str) -> tuple[str, ...]:
    """Return the architectures of `linux/amd64,linux/arm64/v8`."""
    parts = [each.strip().split("/") for each in platforms.split(",")]
    return tuple(part[1] for part in parts if len(part) > 1)


def of_label(label: str) -> str:
    """Return the architecture of the machines that GitHub has under a label; empty where they are somebody's own."""
    if label in NATIVE.values() or (label.startswith("ubuntu-") and label.endswith("-arm")):
        return "arm64"
    return USUAL if not label or label.startswith("ubuntu-") else ""


def best_of(nodes: Sequence[str]) -> str:
    """Return the architecture to build for: where nodes are of several kinds, the one that every CI has machines of."""
    return USUAL if USUAL in nodes else nodes[0]


def mismatch(image: Collection[str], nodes: Collection[str]) -> str:
    """Say that no node runs an image; empty where one does, or where either is not known."""
    if not image or not nodes or {*image} & {*nodes}:
        return ""
    return f"the image is for {', '.join(image)}, and the nodes are {', '.join(nodes)}"


PLATFORMS, RUNNER = "PLATFORMS", "RUNNER"


# --- the variables of the CI ----------------------------------------------------------------------

_EMULATES = "builds that by emulation (QEMU), which takes several times as long"


@dataclass(frozen=True)
class Seen:
    """The architectures of the nodes, where they are known, and then the CI's variables."""

    nodes: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


class Platforms(Resource[Seen]):
    """Set only where what would be built runs on no node: whoever builds for more, or for some of them, may go on."""

    key = "platforms"
    nothing = Seen()
    needs = ("repository", "registry-token")
    wanted = False

    def __init__(self, settings: Settings, store: Stored, cluster: Cluster, *, no_token: bool = False) -> None:
        self.lane = settings.lane
        self._store = store
        self._cluster = cluster
        self._no_token = no_token
        self._ci = settings.ci
        self._label = settings.runner
        self._hosted = settings.ci == GITHUB_ACTIONS and settings.host == CLOUD and not settings.runner
        self.title = "machines that images are built for"

    def observe(self) -> Seen:
        """Ask the cluster for its nodes, and the CI for its variables where the nodes are known."""
        nodes = of_nodes(self._cluster)
        return Seen(nodes, self._store.variables()) if nodes else Seen()

    def diff(self, seen: Seen) -> Change | None:
        """Compare with the nodes; say which machine builds it, or what emulates one."""
        fields = tuple(Field(name, seen.variables.get(name), new) for name, new in self._wanted(seen).items())
        if not fields:
            return None
        note = f"the nodes are {' and '.join(seen.nodes)}: {self._how(seen)}"
        if self._no_token:
            return Change("skipped", note=f"{note}; set {PLATFORMS} manually: {fields[0].new}")
        return Change("change" if PLATFORMS in seen.variables else "create", fields, note)

    def built_for(self, seen: Seen) -> tuple[str, ...]:
        """Return what the CI builds for now; empty where that is unknown."""
        if given := seen.variables.get(PLATFORMS, ""):
            return () if given.startswith(END) else of_platforms(given)
        label = self._label or seen.variables.get(RUNNER, "")
        usual = of_label(label) if self._ci == GITHUB_ACTIONS else USUAL
        return (usual,) if usual else ()

    def _wanted(self, seen: Seen) -> dict[str, str | None]:
        """Return the variables to set, the machine first: a kill between the two is seen next time."""
        if not seen.nodes:
            return {}
        best = best_of(seen.nodes)
        wanted: dict[str, str | None] = {PLATFORMS: f"linux/{best}"}
        given, built = seen.variables.get(PLATFORMS, ""), self.built_for(seen)
        if given and not built:
            return {}  # its end is all that is shown, and somebody set it
        if {*built} & {*seen.nodes} or (not built and USUAL in seen.nodes):
            return {}
        label = seen.variables.get(RUNNER, "")
        if self._hosted and of_label(label) not in ("", best) and (best in NATIVE or best == USUAL):
            return {RUNNER: NATIVE.get(best), **wanted}
        return wanted

    def _how(self, seen: Seen) -> str:
        best = best_of(seen.nodes)
        label = self._label or seen.variables.get(RUNNER, "")
        if self._ci == GITHUB_ACTIONS:
            if RUNNER in self._wanted(seen) or of_label(label) == best:
                return f"built by GitHub's own {NATIVE.get(best, 'ubuntu-latest')}, without emulation"
            which = label or "ubuntu-latest"
            if of_label(label):
                return f"{which} {_EMULATES}"
            return f"{which} must be such a machine, or have QEMU to emulate one"
        natively = f"natively with {CIS[self._ci].arm64}"
        if self._ci == "gitlab-ci":  # a job there cannot bring QEMU along
            return f"built {natively}, or where the runner's machine has QEMU to emulate one"
        return f"{self._ci} {_EMULATES}; {natively}" if best in NATIVE else f"{self._ci} {_EMULATES}"

    def apply(self, seen: Seen, change: Change) -> None:
        """Set what differs."""
        for each in change.fields:
            if each.new is None:
                self._store.delete_variable(each.name)
            else:
                self._store.set_variable(each.name, each.new, seen.variables)

    def removal(self, seen: Seen) -> str:
        """Say whether there is what this would set."""
        return GOES if self._ours(seen) else ""

    def _ours(self, seen: Seen) -> list[str]:
        if not seen.nodes:
            return []
        best = best_of(seen.nodes)
        made = {PLATFORMS: f"linux/{best}", RUNNER: NATIVE.get(best) if self._hosted else None}
        return [name for name, value in made.items() if value and seen.variables.get(name) == value]

    def remove(self) -> str:
        """Delete what this would set."""
        gone = [name for name in self._ours(self.observe()) if self._store.delete_variable(name)]
        return f"deleted {', '.join(gone)}" if gone else "was not there"
