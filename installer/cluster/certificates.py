"""Whether Argo CD would trust the server that it reads the repository from: a company's CA has to be given to it."""

from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate

from ..config.settings import FILE, Settings
from ..engine.resource import Change, Field, blocked

CONFIG_MAP = "argocd-tls-certs-cm"


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
    where = f"under the key {host} to the ConfigMap {CONFIG_MAP} in {namespace}"
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
