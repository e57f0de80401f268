"""The end of an Application and its AppProject that somebody deleted, whether or not Argo CD can finish it."""

import logging
from collections.abc import Mapping

from ..support.errors import CommandFailed, DeadlinePassed
from ..support.wait import clear
from .argocd import ArgoCD
from .kubectl import Cluster, Object

log = logging.getLogger(__name__)
KINDS = ("appprojects.argoproj.io", "applications.argoproj.io")
_LET_GO = 30.0  # seconds in which an Application without Argo CD's finalizer must be gone


def being_deleted(found: Mapping[str, Object]) -> list[str]:
    """Return the kinds of those that are being deleted."""
    return [kind for kind, each in found.items() if "deletionTimestamp" in each["metadata"]]


class Deletion:
    """Both objects of one name, on their way out."""

    def __init__(self, cluster: Cluster, argocd: ArgoCD, name: str) -> None:
        self._cluster = cluster
        self._argocd = argocd
        self._name = name
        self._home = argocd.namespace
        self._references = [f"{kind}/{name}" for kind in KINDS]

    def wait_until_gone(self, found: Mapping[str, Object], seconds: float) -> None:
        """Wait until both are gone. What Argo CD cannot finish in this time it is made to leave as it is.

        The workloads that are left run on then, and the next Application takes them over.
        """
        what = f"The end of the old Application {self._name}"
        if "Application" in being_deleted(found):
            try:
                clear(what, self.remains, seconds)
            except DeadlinePassed as error:
                log.info("%s", error.message)
            else:
                return
        failed = self._let_go()  # an AppProject that is being deleted waits for its Applications, which nobody deleted
        clear(what, self.remains, min(seconds, _LET_GO), explain=lambda: "\n  ".join([*failed, self.rescue()]))

    def _let_go(self) -> list[str]:
        """Return why it failed. Argo CD says "not found" where the Application's finalizer was all that kept it."""
        try:
            self._argocd.let_go(self._name)
        except (CommandFailed, DeadlinePassed) as error:
            return [error.message]
        return []

    def remains(self) -> str:
        """Say what is still there and why; empty where nothing is."""
        found = self._cluster.get_many(self._references, self._home)
        return "; ".join(f"{kind} {self._name} is still there{_why(each)}" for kind, each in found.items())

    def rescue(self) -> str:
        """Return the command that ends what nobody can finish."""
        found = self._cluster.get_many(self._references, self._home)
        left = [f"{kind.lower()}s.argoproj.io/{self._name}" for kind in found]
        return (
            "Where nobody can finish it, this gives it up and leaves what it deployed: "
            f"kubectl patch {' '.join(left or self._references[1:])} --namespace {self._home} --type merge "
            """--patch '{"metadata":{"finalizers":null}}'"""
        )


def _why(found: Object) -> str:
    """Say what holds up the end of an object: who has yet to finish with it, and Argo CD's own last word."""
    held = ", ".join(found["metadata"].get("finalizers") or [])
    conditions = found.get("status", {}).get("conditions") or []
    said = [f"{each['type']}: {each['message']}" for each in conditions[-1:]]
    return "".join([f", held by {held}" if held else "", *(f" ({each})" for each in said)])
