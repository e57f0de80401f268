"""How git reaches a git server in the cluster: through `kubectl exec`, whose login is the kubeconfig.

Git's own protocol has no login, and many local clusters enforce no NetworkPolicy: so the server's daemon only reads.
"""

from dataclasses import dataclass

from ...cluster.kubectl import Cluster
from ...support.errors import InstallerError
from ..git import Login

READER = "git"
"""The name that a token logs in with elsewhere: here is none."""
LATER = "See `gitops-flask status`; where its pod does not run, `gitops-flask up` repairs it."


def token_variables(_: str) -> tuple[str, ...]:
    """Return the names of the variables that may hold a token: none."""
    return ()


def token(_: str) -> str:
    """Return the token: there is none."""
    return ""


def exec_in(cluster: Cluster, namespace: str, server: str, *options: str) -> list[str]:
    """Return the arguments of the kubectl that runs something in a git server's pod."""
    if cluster.context is None:
        raise InstallerError("This project names no context of the kubeconfig.", "Set local.context in gitops.yaml.")
    where = ["--context", cluster.context, "--namespace", namespace]
    return ["exec", *options, *where, f"deployment/{server}", "--"]


@dataclass(frozen=True)
class Way(Login):
    """The way of pushes and fetches: an address of the cluster leads into the pod, in this process alone."""

    url: str = ""
    """The address that Argo CD reads, which is also that of `origin`."""
    kubectl: tuple[str, ...] = ()

    def reaching(self, url: str) -> dict[str, str]:
        """Return the settings of a clone of ours that reaches the server by its address."""
        return {f"url.ext::{' '.join(self.kubectl)}.insteadOf": url, "protocol.ext.allow": "always"}

    @property
    def options(self) -> tuple[str, ...]:
        """Return the same for one command of git."""
        return tuple(word for key, value in self.reaching(self.url).items() for word in ("-c", f"{key}={value}"))

    def fix_for(self, output: str) -> tuple[str, bool]:
        """Return the way out of what git printed, and whether trying again at once may help."""
        if "non-fast-forward" in output or "fetch first" in output:
            return "The server's main has commits that are not here: `gitops-flask deploy` fetches them.", False
        return LATER, False
