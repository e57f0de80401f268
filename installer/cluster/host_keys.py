"""Whether Argo CD would know the machine that it reads the repository from: it refuses an unknown ssh host."""

import base64
import binascii
import hashlib
import hmac
from urllib.parse import urlsplit

CONFIG_MAP = "argocd-ssh-known-hosts-cm"
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
