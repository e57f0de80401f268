"""How Argo CD is configured: its certificates, ssh hosts and webhook secret, and the values of its chart."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate

from ..config.settings import FILE, Settings
from ..engine.resource import Change, Field, blocked
from .argocd import PARTS
from .kubectl import Cluster
from .objects import unpack

# --- the server that it reads the repository from, by https ---------------------------------------

CERTIFICATES = "argocd-tls-certs-cm"


def tls_host(url: str) -> str:
    """Return the host of an https address, by which Argo CD looks up its certificates; else nothing."""
    parts = urlsplit(url)
    return parts.hostname or "" if parts.scheme == "https" else ""


def certificates(settings: Settings) -> dict[str, Any]:
    """Return the values of Argo CD's chart that make it trust GitHub's server, whichever way it reads."""
    if not settings.ca:
        return {}
    return {"configs": {"tls": {"certificates": {tls_host(settings.url): settings.ca}}}}


def unknown_authority(host: str, namespace: str, setting: str) -> Change:
    """Say what has to be added to an Argo CD that is not ours."""
    where = f"under the key {host} to the ConfigMap {CERTIFICATES} in {namespace}"
    return blocked(f"it was given no certificate for {host}", f"Add the content of {setting} ({FILE}) {where}.")


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


def webhook_values(settings: Settings) -> dict[str, Any]:
    """Return the value of Argo CD's chart that makes that entry; nothing where nobody is to call."""
    return {"configs": {"secret": {f"{settings.scm}Secret": reference(settings)}}} if settings.webhook else {}


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
    polling = POLLING if settings.argocd_watcher == "none" or settings.reads_by == "login" else {}
    needed = merged(certificates(settings), webhook_values(settings))
    return merged(merged(merged(SMALL, polling), needed), settings.argocd_values)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return both trees as one; where both name a value, `over` has its way.

    A section of ours that is left empty there adds nothing.
    """
    both = {**base, **over}
    for key in base.keys() & over.keys():
        if isinstance(base[key], Mapping) and isinstance(over[key], Mapping | None):
            both[key] = merged(base[key], over[key] or {})
    return both
