"""Argo CD: what it consists of, what only its own CLI can do, and the end of an Application that somebody deleted."""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from ..support.errors import CommandFailed, DeadlinePassed, reading
from ..support.file_lock import about_to_write
from ..support.process import attempt
from ..support.secret import redact
from ..support.wait import clear
from .kubectl import Cluster, Object, Objects
from .transient_errors import refusal
from .workloads import rolled_out

PARTS = "app.kubernetes.io/part-of=argocd"
COMPONENT = "app.kubernetes.io/component"
_CHART = "helm.sh/chart"
_TOLD = ("application-controller", "redis", "repo-server", "server")
NEEDED = ("application-controller", "redis", "repo-server")


def namespaces(components: Sequence[Object]) -> list[str]:
    """Return the namespaces with an Argo CD in them."""
    found = [c for c in components if c["metadata"]["labels"].get(COMPONENT) == "repo-server"]
    return sorted({c["metadata"]["namespace"] for c in found})


def version(components: Sequence[Object], namespace: str) -> str:
    """Return the version of the Argo CD in a namespace, by its label or else its image; empty where neither has one."""
    for component in components:
        labels = component["metadata"]["labels"]
        if component["metadata"]["namespace"] == namespace and labels.get(COMPONENT) == "repo-server":
            image = component["spec"]["template"]["spec"]["containers"][0]["image"].partition("@")[0]
            tag = image.rpartition(":")[2]
            return next((v for v in (labels.get("app.kubernetes.io/version", ""), tag) if number(v)), "")
    return ""


def chart(components: Sequence[Object], namespace: str) -> str:
    """Return the newest version of Argo CD's chart that made a part in a namespace; empty where none says so."""
    made = [c["metadata"]["labels"].get(_CHART, "") for c in components if c["metadata"]["namespace"] == namespace]
    versions = [each.removeprefix("argo-cd-") for each in made if each.startswith("argo-cd-")]
    return max(versions, key=number, default="")


def names(components: Sequence[Object], namespace: str) -> dict[str, str]:
    """Return the settings that Argo CD's CLI needs where its parts have other names than in their own manifests."""
    found = {}
    for component in components:
        labels = component["metadata"]["labels"]
        part = labels.get(COMPONENT, "")
        if component["metadata"]["namespace"] == namespace and part in _TOLD and "app.kubernetes.io/name" in labels:
            found[f"ARGOCD_{part.upper().replace('-', '_')}_NAME"] = labels["app.kubernetes.io/name"]
    return found


def unready(components: Sequence[Object], namespace: str) -> str:
    """Name the components in a namespace that an Application needs and that do not work yet."""
    here = [c for c in components if c["metadata"]["namespace"] == namespace]
    by_name = {c["metadata"]["labels"].get(COMPONENT): c for c in here}
    return ", ".join(name for name in NEEDED if not _works(by_name.get(name)))


def asleep(components: Sequence[Object], namespace: str) -> list[str]:
    """Name the components in a namespace that an Application needs and that somebody scaled down to nothing."""
    here = [c for c in components if c["metadata"]["namespace"] == namespace and c["spec"].get("replicas") == 0]
    return sorted({c["metadata"]["labels"].get(COMPONENT) for c in here} & set(NEEDED))


def _works(component: Object | None) -> bool:
    return component is not None and component["spec"].get("replicas") != 0 and rolled_out(component)


def number(text: str) -> tuple[int, ...]:
    """Return a version as numbers that can be compared; nothing where it is none."""
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in match.groups()) if match else ()


# --- its own command line -------------------------------------------------------------------------

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
        with reading("argocd's answer"):
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


# --- the end of an Application and its AppProject -------------------------------------------------

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
