"""Deploy keys: what GitHub is asked for, and pairs that never touch a disk."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..support.secret import Secret

_ENCODING = serialization.Encoding
_PUBLIC = serialization.PublicFormat.OpenSSH


@dataclass(frozen=True)
class DeployKey:
    """One registered key of a repository."""

    id: int
    title: str
    key: str
    read_only: bool


class DeployKeys(Protocol):
    """The deploy keys of one repository."""

    def list(self) -> list[DeployKey]:
        """Return all of them; none where there is no repository."""

    def add(self, title: str, public: str) -> None:
        """Register a key that may only read."""

    def remove(self, key: DeployKey) -> None:
        """Remove a key; one that is gone already is fine."""


@dataclass(frozen=True)
class Pair:
    """An ed25519 key: the public half as GitHub takes it, the private one in OpenSSH's format."""

    public: str
    private: Secret

    @classmethod
    def make(cls) -> "Pair":
        """Make a new pair, in memory."""
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(_ENCODING.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
        return cls(key.public_key().public_bytes(_ENCODING.OpenSSH, _PUBLIC).decode(), Secret(private.decode()))


def fingerprint(public: str) -> str:
    """Return what `ssh-keygen -l` and GitHub's page show of a public key, whatever its comment: `SHA256:…`."""
    try:
        digest = hashlib.sha256(base64.b64decode(public.split()[1], validate=True)).digest()
    except (IndexError, ValueError):
        return ""
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def fingerprint_of_private(private: Secret) -> str:
    """Return the fingerprint of the public half of a private key; empty where it is no key."""
    try:
        key = serialization.load_ssh_private_key(private.reveal().encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return ""
    return fingerprint(key.public_key().public_bytes(_ENCODING.OpenSSH, _PUBLIC).decode())
