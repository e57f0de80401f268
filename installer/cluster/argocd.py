"""Argo CD: what it consists of, how it is configured, and what only its own CLI can do."""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate

from ..config.settings import Settings
from ..engine.resource import Field
from ..support.errors import CommandFailed, reading
from ..support.file_lock import about_to_write
from ..support.process import attempt
from ..support.secret import redact
from .kubectl import Cluster, Object, Objects, refusal
from .objects import unpack
from .workloads import rolled_out

PARTS = "app.kubernetes.io/part-of=argocd"
COMPONENT = "app.kubernetes.io/component"
KINDS = ("appprojects.argoproj.io", "applications.argoproj.io")
_CHART = "helm.sh/chart"
_TOLD = ("application-controller", "redis", "repo-server", "server")
NEEDED = ("application-controller", "redis", "repo-server")


def namespaces(components: Sequence[Object]) -> list[str]:
    """Return the namespaces with an Argo CD in them."""
    found = [c for c in components if c["metadata"]["labels"].get(COMPONENT) == "repo-server"]
    return sorted({c["metadata"]["namespace"] for c in found})


def _in(namespace: str, components: Sequence[Object]) -> Iterator[tuple[str, dict[str, str], Object]]:
    """Yield the components in a namespace, each after its part's name and its labels."""
    for component in components:
        if component["metadata"]["namespace"] == namespace:
            labels = component["metadata"]["labels"]
            yield labels.get(COMPONENT, ""), labels, component


def version(components: Sequence[Object], namespace: str) -> str:
    """Return the version of the Argo CD in a namespace, by its label or else its image; empty where neither has one."""
    for part, labels, component in _in(namespace, components):
        if part == "repo-server":
            image = component["spec"]["template"]["spec"]["containers"][0]["image"].partition("@")[0]
            tag = image.rpartition(":")[2]
            return next((v for v in (labels.get("app.kubernetes.io/version", ""), tag) if number(v)), "")
    return ""


def chart(components: Sequence[Object], namespace: str) -> str:
    """Return the newest version of Argo CD's chart that made a part in a namespace; empty where none says so."""
    made = [labels.get(_CHART, "") for _, labels, _ in _in(namespace, components)]
    versions = [each.removeprefix("argo-cd-") for each in made if each.startswith("argo-cd-")]
    return max(versions, key=number, default="")


def names(components: Sequence[Object], namespace: str) -> dict[str, str]:
    """Return the settings that Argo CD's CLI needs where its parts have other names than in their own manifests."""
    return {
        f"ARGOCD_{part.upper().replace('-', '_')}_NAME": labels["app.kubernetes.io/name"]
        for part, labels, _ in _in(namespace, components)
        if part in _TOLD and "app.kubernetes.io/name" in labels
    }


def unready(components: Sequence[Object], namespace: str) -> str:
    """Name the components in a namespace that an Application needs and that do not work yet."""
    by_name = {part: component for part, _, component in _in(namespace, components)}
    return ", ".join(name for name in NEEDED if not _works(by_name.get(name)))


def asleep(components: Sequence[Object], namespace: str) -> list[str]:
    """Name the components in a namespace that an Application needs and that somebody scaled down to nothing."""
    return sorted({p for p, _, c in _in(namespace, components) if p in NEEDED and c["spec"].get("replicas") == 0})


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


# --- the server that it reads the repository from, by https ---------------------------------------

CERTIFICATES = "argocd-tls-certs-cm"


def tls_host(url: str) -> str:
    """Return the host of an https address, by which Argo CD looks up its certificates; else nothing."""
    parts = urlsplit(url)
    return parts.hostname or "" if parts.scheme == "https" else ""


def shortened(field: Field) -> Field:
    """Show of a certificate only its fingerprint."""
    return Field(field.name, _short(field.old), _short(field.new))


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(each) for key, each in value.items()}
    if not isinstance(value, str) or "-----BEGIN CERTIFICATE-----" not in value:
        return value
    try:
        return f"certificate SHA256:{load_pem_x509_certificate(value.encode()).fingerprint(SHA256()).hex()[:16]}"
    except ValueError:
        return "a certificate that cannot be read"


# --- the ssh host that it reads the repository from -----------------------------------------------

KNOWN_HOSTS = "argocd-ssh-known-hosts-cm"
BUILT_IN = ("bitbucket.org", "github.com", "gitlab.com", "ssh.dev.azure.com", "vs-ssh.visualstudio.com")


def ssh_host(url: str) -> str:
    """Return the host of an ssh address as known_hosts spells it: `[host]:port` unless the port is 22; else nothing."""
    parts = urlsplit(url)
    if parts.scheme != "ssh" or not parts.hostname:
        return ""
    return parts.hostname if parts.port in (None, 22) else f"[{parts.hostname}]:{parts.port}"


def scan_command(host: str) -> str:
    """Return the command that prints the host's line."""
    name, _, port = host.strip("[").partition("]:")
    return f"ssh-keyscan -p {port} {name}" if port else f"ssh-keyscan {host}"


def knows(known_hosts: str, host: str) -> bool:
    """Return whether one of the lines is about this host, hashed names included."""
    lines = [line.split() for line in known_hosts.splitlines() if line.strip() and not line.startswith(("#", "@"))]
    return any(_names(line[0], host) for line in lines)


def _names(field: str, host: str) -> bool:
    if not field.startswith("|1|"):
        return host in field.split(",")
    try:
        salt, digest = (base64.b64decode(part) for part in field.split("|")[2:4])
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(hmac.new(salt, host.encode(), hashlib.sha1).digest(), digest)


# --- the secret by which it knows a code host's calls ---------------------------------------------

OF_ARGOCD = "argocd-secret"
KEY = "secret"
LABELS = dict([PARTS.split("=")])
"""What a Secret must have for Argo CD to read it."""


def entry_of(settings: Settings) -> str:
    """Return the entry's name: Argo CD has one for each kind of code host."""
    return f"webhook.{settings.scm}.secret"


def reference(settings: Settings) -> str:
    """Return the entry that points to a Secret of ours."""
    return f"${settings.slug}-webhook:{KEY}"


def entry(cluster: Cluster, settings: Settings) -> str | None:
    """Return the entry as it stands, empty where there is none; None where there is no Argo CD yet."""
    found = cluster.get("secret", OF_ARGOCD, settings.argocd_namespace)
    return unpack(found).get(entry_of(settings), "") if found else None


def resolved(cluster: Cluster, namespace: str, entry: str) -> str:
    """Follow `$key` and `$secret:key` as Argo CD does: what leads nowhere is the value itself."""
    if not entry.startswith("$"):
        return entry
    name, _, key = entry[1:].rpartition(":")
    found = cluster.get("secret", name or OF_ARGOCD, namespace) or {"metadata": {}}
    labels = found["metadata"].get("labels") or {}
    value = unpack(found).get(key) if not name or labels.items() >= LABELS.items() else None
    return entry if value is None else value.strip()


# --- the values of its chart ----------------------------------------------------------------------

SMALL: dict[str, Any] = {
    "dex": {"enabled": False},  # no single sign-on
    "notifications": {"enabled": False},
    "applicationSet": {"replicas": 0},  # has no `enabled`
    # A watcher has it look within a second of a deployment (watcher.py); this is for all else. An AppProject that
    # waited for its Application ends only at the next of these looks, and `up` waits 30 s for that.
    "configs": {"cm": {"timeout.reconciliation": "15s", "timeout.reconciliation.jitter": "0s"}},
    "repoServer": {
        "extraArgs": ["--revision-cache-expiration=1s"],  # or every other poll is answered from a cache
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
    },
    "controller": {"resources": {"requests": {"cpu": "100m", "memory": "256Mi"}}},
    "server": {"resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}},  # makes the key that the others need
    "redis": {"resources": {"requests": {"cpu": "10m", "memory": "32Mi"}}},
}

POLLING: dict[str, Any] = {"configs": {"cm": {"timeout.reconciliation": "3s"}}}
"""Without a watcher: a deployment is noticed within seconds all the same, at several times the processor time."""


def values(settings: Settings) -> dict[str, Any]:
    """Return what the chart is given for a project: the small values, what the settings need, what gitops.yaml adds."""
    needed: dict[str, Any] = {"configs": {}}
    if settings.ca:
        needed["configs"]["tls"] = {"certificates": {tls_host(settings.url): settings.ca}}
    if settings.webhook:
        needed["configs"]["secret"] = {f"{settings.scm}Secret": reference(settings)}
    if settings.argocd_watcher == "none" or settings.reads_by == "login":
        needed = merged(POLLING, needed)
    return merged(merged(SMALL, needed), settings.argocd_values)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return both trees as one; where both name a value, `over` has its way.

    A section of ours that is left empty there adds nothing.
    """
    both = {**base, **over}
    for key in base.keys() & over.keys():
        if isinstance(base[key], Mapping) and isinstance(over[key], Mapping | None):
            both[key] = merged(base[key], over[key] or {})
    return both
