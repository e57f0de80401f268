"""What only Argo CD's own CLI can do, in core mode: no login, no server, the user's rights in the cluster."""

import json
from functools import cached_property
from pathlib import Path

from ..support.errors import CommandFailed
from ..support.parsing import understood
from ..support.process import attempt
from ..support.secret import redact
from ..support.write_guard import about_to_write
from .argocd_inventory import PARTS, names
from .kubectl import Cluster, Object, Objects
from .transient_errors import refusal

_PORT_TAKEN = "failed to listen: listen tcp"
"""`--core` serves itself at a port that it found free a moment before, and another program was faster.

Nothing was done yet, so it is tried again.
"""
_TRIES = 3


class ArgoCD:
    """`argocd --core` against the Argo CD of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self.namespace = namespace

    def refresh(self, application: str) -> None:
        """Make Argo CD look at the branch now, and return when it has looked."""
        self._run("app", "get", application, "--refresh", "--output=json", seconds=60)

    def resources(self, application: str) -> Objects:
        """Return what an Application consists of, each with its health, which its own status does not hold."""
        said = self._run("app", "get", application, "--output=json")
        with understood("argocd's answer"):
            return [dict(each) for each in (json.loads(said).get("status") or {}).get("resources") or []]

    def delete_application(self, application: str, seconds: float = 180) -> None:
        """Delete an Application with all that it deployed, and wait until it is gone."""
        self._run("app", "delete", application, "--yes", "--cascade", "--wait", seconds=seconds)

    def let_go(self, application: str) -> None:
        """Delete an Application, or end its deletion, and leave what it deployed."""
        self._run("app", "delete", application, "--yes", "--cascade=false")

    def remove_foreign_fields(self, manifest: Object) -> None:
        """Write an Application or AppProject whole: fields that others added go, which helm would leave."""
        noun = {"Application": "app", "AppProject": "proj"}[manifest["kind"]]
        check = ["--validate=false"] if noun == "app" else []  # the branch need not be there yet
        self._run(noun, "create", "--file=-", "--upsert", *check, stdin=json.dumps(manifest))

    @cached_property
    def _names(self) -> dict[str, str]:
        return names(self._cluster.list("deployments,statefulsets", self.namespace, PARTS), self.namespace)

    def _run(self, *arguments: str, stdin: str = "", seconds: float = 60) -> str:
        """Run with a kubeconfig and settings of our own: the CLI would switch the user's context silently."""
        about_to_write()
        with self._cluster.private_kubeconfig(self.namespace) as kubeconfig:
            config = Path(kubeconfig).parent / "argocd"
            config.mkdir(mode=0o700)
            environment = {
                "KUBECONFIG": str(kubeconfig),
                "ARGOCD_CONFIG_DIR": str(config),
                "ARGOCD_OPTS": "",
                "ARGOCD_SERVER": "",
                "ARGOCD_AUTH_TOKEN": "",
                **self._names,
            }
            flags = ["--core", "--prompts-enabled=false"]
            for _ in range(_TRIES):
                answer = attempt("argocd", *arguments, *flags, stdin=stdin, env=environment, timeout=seconds)
                if _PORT_TAKEN not in refusal(answer):
                    break
        if answer.status == 0:
            return answer.out
        shown = f"argocd --core {' '.join(arguments[:3])}"
        said = message(redact(answer.err or answer.out))
        raise CommandFailed(shown, answer.status, said, "Fix what it names, then run this again.")


def message(said: str) -> str:
    """Pick the sentence out of the CLI's JSON log lines."""
    lines = []
    for line in said.strip().splitlines():
        try:
            tree = json.loads(line)
        except (ValueError, RecursionError):
            tree = None
        if not isinstance(tree, dict):
            lines.append(line)
        elif tree.get("level") in ("error", "fatal"):
            lines.append(str(tree.get("msg", line)))
    return "\n".join(lines) or said.strip()
