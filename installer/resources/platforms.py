"""For which machines the CI builds: those that the cluster's nodes are."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..ci.base import END, Stored
from ..cluster import architectures
from ..cluster.architectures import NATIVE, USUAL
from ..cluster.kubectl import Cluster
from ..config.settings import CLOUD, GITHUB_ACTIONS, Settings
from ..config.supported import CIS
from ..engine.resource import GOES, Change, Field, Lane, Resource

PLATFORMS, RUNNER = "PLATFORMS", "RUNNER"
_EMULATES = "builds that by emulation (QEMU), which takes several times as long"


@dataclass(frozen=True)
class Seen:
    """The architectures of the nodes, where they are known, and then the CI's variables."""

    nodes: tuple[str, ...] = ()
    variables: Mapping[str, str] | None = None


class Platforms(Resource[Seen]):
    """Set only where what would be built runs on no node: whoever builds for more, or for some of them, may go on."""

    key = "platforms"
    needs = ("repository", "registry-token")
    wanted = False

    def __init__(self, settings: Settings, store: Stored, cluster: Cluster, *, no_token: bool = False) -> None:
        self.lane: Lane = settings.scm
        self._store = store
        self._cluster = cluster
        self._no_token = no_token
        self._ci = settings.ci
        self._label = settings.runner
        self._hosted = settings.ci == GITHUB_ACTIONS and settings.host == CLOUD and not settings.runner
        self.title = "machines that images are built for"

    def observe(self) -> Seen:
        """Ask the cluster for its nodes, and the CI for its variables where the nodes are known."""
        nodes = architectures.of_nodes(self._cluster)
        return Seen(nodes, self._store.variables()) if nodes else Seen()

    def blank(self) -> Seen:
        """Return what is seen where nothing was made yet."""
        return Seen()

    def diff(self, seen: Seen) -> Change | None:
        """Compare with the nodes; say which machine builds it, or what emulates one."""
        fields = tuple(Field(name, (seen.variables or {}).get(name), new) for name, new in self._wanted(seen).items())
        if not fields:
            return None
        note = f"the nodes are {' and '.join(seen.nodes)}: {self._how(seen)}"
        if self._no_token:
            return Change("skipped", note=f"{note}; set {PLATFORMS} manually: {fields[0].new}")
        return Change("change" if PLATFORMS in (seen.variables or {}) else "create", fields, note)

    def built_for(self, seen: Seen) -> tuple[str, ...]:
        """Return what the CI builds for now; empty where that is unknown."""
        variables = seen.variables or {}
        if given := variables.get(PLATFORMS, ""):
            return () if given.startswith(END) else architectures.of_platforms(given)
        label = self._label or variables.get(RUNNER, "")
        usual = architectures.of_label(label) if self._ci == GITHUB_ACTIONS else USUAL
        return (usual,) if usual else ()

    def _wanted(self, seen: Seen) -> dict[str, str | None]:
        """Return the variables to set, the machine first: a kill between the two is seen next time."""
        if not seen.nodes or seen.variables is None:
            return {}
        best = architectures.best(seen.nodes)
        wanted = {PLATFORMS: f"linux/{best}"}
        given, built = seen.variables.get(PLATFORMS, ""), self.built_for(seen)
        if given and not built:
            return {}  # its end is all that is shown, and somebody set it
        if {*built} & {*seen.nodes} or (not built and USUAL in seen.nodes):
            return {}
        label = seen.variables.get(RUNNER, "")
        if self._hosted and architectures.of_label(label) not in ("", best) and (best in NATIVE or best == USUAL):
            return {RUNNER: NATIVE.get(best), **wanted}
        return {**wanted}

    def _how(self, seen: Seen) -> str:
        best = architectures.best(seen.nodes)
        label = self._label or (seen.variables or {}).get(RUNNER, "")
        if self._ci == GITHUB_ACTIONS:
            if RUNNER in self._wanted(seen) or architectures.of_label(label) == best:
                return f"built by GitHub's own {NATIVE.get(best, 'ubuntu-latest')}, without emulation"
            which = label or "ubuntu-latest"
            if architectures.of_label(label):
                return f"{which} {_EMULATES}"
            return f"{which} must be such a machine, or have QEMU to emulate one"
        natively = f"natively with {CIS[self._ci].arm64}"
        if self._ci == "gitlab-ci":  # a job there cannot bring QEMU along
            return f"built {natively}, or where the runner's machine has QEMU to emulate one"
        return f"{self._ci} {_EMULATES}; {natively}" if best in NATIVE else f"{self._ci} {_EMULATES}"

    def apply(self, seen: Seen, change: Change) -> None:
        """Set what differs."""
        for field in change.fields:
            if field.new is None:
                self._store.delete_variable(field.name)
            else:
                self._store.set_variable(field.name, field.new, seen.variables or {})

    def removal(self, seen: Seen) -> str:
        """Say whether there is what this would set."""
        return GOES if self._ours(seen) else ""

    def _ours(self, seen: Seen) -> list[str]:
        if not seen.nodes or seen.variables is None:
            return []
        best = architectures.best(seen.nodes)
        made = {PLATFORMS: f"linux/{best}", RUNNER: NATIVE.get(best) if self._hosted else None}
        return [name for name, value in made.items() if value and seen.variables.get(name) == value]

    def remove(self) -> str:
        """Delete what this would set."""
        gone = [name for name in self._ours(self.observe()) if self._store.delete_variable(name)]
        return f"deleted {', '.join(gone)}" if gone else "was not there"
