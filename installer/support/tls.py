"""Which certificates to trust: what this machine trusts, and the CA that a company signs its own servers with."""

import atexit
import hashlib
import os
import shutil
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any

import certifi
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates

from .errors import Untrusted

# One for each family of programs: Go (gh), git, requests, curl. Each takes the place of what the machine trusts.
_VARIABLES = ("SSL_CERT_FILE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_OF_REQUESTS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""The first of them that is set counts, where no CA is given."""
_OF_SYSTEMS = (
    *("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"),
    *("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem"),
)

_writing = threading.Lock()


def read(path: Path) -> str:
    """Return the certificates of a PEM file and nothing else that it holds; raise ValueError with what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'no text'}") from None
    if "PRIVATE KEY-----" in text:
        raise ValueError(f"{path} holds a private key, which must not be in a project; only the certificate is needed")
    try:
        found = load_pem_x509_certificates(text.encode())
    except ValueError:
        raise ValueError(f"{path} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)") from None
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in found)


def named(project: Path, file: Any) -> str:
    """Read a certificate that a setting names; nothing where it names none."""
    if file in (None, ""):
        return ""
    if not isinstance(file, str):
        raise ValueError(f"must be the path of a PEM file in the project, is {file!r}")
    return read(project / file)


def variables(authority: str) -> dict[str, str]:
    """Return what makes programs trust this CA too, for their environment; nothing where there is no CA."""
    return dict.fromkeys(_VARIABLES, str(bundle(authority))) if authority else {}


def verify(authority: str) -> str | bool:
    """Return what requests takes as `verify`; raise Untrusted where the environment names none."""
    if authority:
        return str(bundle(authority))
    name = next((each for each in _OF_REQUESTS if os.environ.get(each)), "")
    if name and not Path(os.environ[name]).exists():
        what = f"{name} names {os.environ[name]}, which is not there."
        raise Untrusted(what, "Set it to a PEM file with the CAs to trust, or unset it.")
    return True


def bundle(authority: str) -> Path:
    """Write what this machine trusts and this CA to one private file that ends with this process."""
    text = _bundle(authority, tuple(os.environ.get(name, "") for name in _VARIABLES))
    with _writing:
        path = _folder() / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.pem"
        if not path.is_file():
            part = path.with_suffix(".part")
            part.touch(mode=0o600)
            part.write_text(text, encoding="utf-8")
            part.replace(path)  # whoever was given its name reads all of it, a program that runs as well
    return path


def unknown(error: Exception) -> bool:
    """Return whether a request failed because the other side's certificate was not trusted."""
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


@cache
def _bundle(authority: str, named: tuple[str, ...]) -> str:
    """Join the files with the certificate. Where the environment names a bundle, the system's was not wanted."""
    chosen = [path for path in map(Path, filter(None, named)) if path.is_file()]
    system = [path for path in map(Path, _OF_SYSTEMS) if path.is_file()][:1]
    files = dict.fromkeys(chosen or [*system, Path(certifi.where())])
    texts = [path.read_text(encoding="utf-8") for path in files]
    return "".join(f"{text.strip()}\n" for text in [*texts, authority])


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="gitops-flask-ca-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
