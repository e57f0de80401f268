"""kind: a cluster in a container on this machine, with one port that is this machine's, too: the registry's.

By that port a cluster of ours is known: nothing is remembered elsewhere.
"""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..support import process
from ..support.errors import InstallerError, reading
from ..support.wait import until
from .kubectl import Cluster

_ANSWERS_WITHIN = 120.0
"""Seconds that a cluster has whose container was just started."""
_LAST = 8
"""Lines of kind's that are repeated where it failed."""
_FIXES = (
    ("Cannot connect to the Docker daemon", "Start Docker, then run this again."),
    ("permission denied", "Your user may not use Docker: https://docs.docker.com/engine/install/linux-postinstall"),
    ("no space left", "Free some of the disk: docker system df"),
    ("port is already allocated", "Another program listens there; give another one: registry=localhost:5002"),
    ("too many open files", "https://kind.sigs.k8s.io/docs/user/known-issues/#pod-errors-due-to-too-many-open-files"),
)


class Kind:
    """One kind cluster, by its name; it has one node."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.context = f"kind-{name}"
        self._node = f"{name}-control-plane"

    def exists(self) -> bool:
        """Return whether there is a cluster of this name, running or not."""
        return self.name in process.run("kind", "get", "clusters").split()

    def port(self) -> int | None:
        """Return the port that leads from this machine to its registry; None where it has none: it is not ours."""
        said = process.run("docker", "inspect", self._node, "--format", "{{json .HostConfig.PortBindings}}")
        with reading("docker's answer"):
            bound: dict[str, Any] = json.loads(said) or {}
            ports = [int(each.partition("/")[0]) for each, hosts in bound.items() if hosts]
        return next((port for port in ports if port != 6443), None)

    def create(self, port: int, say: Callable[[str], None]) -> None:
        """Make it; `say` takes each line of kind's."""
        with tempfile.TemporaryDirectory(prefix="gitops-flask-") as folder, self._current_context_kept():
            file = Path(folder) / "kind.yaml"
            file.write_text(json.dumps(config(port)), encoding="utf-8")
            create = ("create", "cluster", "--name", self.name, "--config", str(file))
            status, lines = process.follow("kind", *create, say=say, env={}, cwd=Path(folder))
        if status:
            said = "\n".join(lines[-_LAST:])
            fix = next((fix for words, fix in _FIXES if words in said), "See what kind says, then run this again.")
            raise InstallerError(f"kind could not create the cluster {self.name}:\n{said}", fix)

    def complete(self) -> bool:
        """Start it where it was stopped; return whether it was ever made whole: a run that was ended may not have."""
        process.attempt("docker", "start", self._node, timeout=120)
        with self._current_context_kept():
            if process.attempt("kind", "export", "kubeconfig", "--name", self.name).status:
                return False
        cluster, trouble = Cluster(self.context), ""

        def answers() -> bool:
            nonlocal trouble
            try:
                return bool(cluster.version())
            except InstallerError as error:
                trouble = error.message
                return False

        if not until(answers, _ANSWERS_WITHIN, every=2.0):
            fix = f"docker logs {self._node}; to begin anew: kind delete cluster --name {self.name}"
            raise InstallerError(f"The kind cluster {self.name} does not answer: {trouble}", fix)
        return cluster.get("daemonsets.apps", "kindnet", "kube-system") is not None  # the last but one that kind makes

    def delete(self) -> None:
        """Remove it with all that is in it."""
        process.run("kind", "delete", "cluster", "--name", self.name, timeout=180)

    @contextmanager
    def _current_context_kept(self) -> Iterator[None]:
        """Put kubectl's current context back, which kind changes: whoever works with another cluster goes on there."""
        before = process.attempt("kubectl", "config", "current-context").out.strip()
        try:
            yield
        finally:
            if before not in ("", self.context):
                process.attempt("kubectl", "config", "use-context", before)


def config(port: int) -> dict[str, Any]:
    """Return what kind is given: JSON is YAML. The port is open to this machine alone."""
    there = {"containerPort": port, "hostPort": port, "listenAddress": "127.0.0.1", "protocol": "TCP"}
    node = {"role": "control-plane", "extraPortMappings": [there]}
    return {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [node]}
