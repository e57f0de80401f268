"""How an App logs in at GitHub: with a few words that it has signed with its private key, good for some minutes."""

import base64
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ...support.errors import InstallerError
from ...support.secret import Secret

ID, KEY = "app-id", "private-key.pem"
"""Fields of the Secret, and so files where it is mounted."""


class App(Protocol):
    """An App, as far as it is needed to log in as one."""

    @property
    def number(self) -> str:
        """Return its id at GitHub."""

    def sign(self, text: bytes) -> bytes:
        """Sign with its private key, as RS256 wants it."""


@dataclass(frozen=True)
class Mounted:
    """The App whose number and key are files of a folder; openssl signs, so that the key is in no variable."""

    folder: Path

    @property
    def number(self) -> str:
        """Return its id at GitHub."""
        return (self.folder / ID).read_text(encoding="utf-8").strip()

    def sign(self, text: bytes) -> bytes:
        """Sign with its private key."""
        command = ["openssl", "dgst", "-sha256", "-sign", str(self.folder / KEY)]
        done = subprocess.run(command, input=text, capture_output=True, check=False)
        if done.returncode:
            raise InstallerError(f"openssl cannot sign with the App's key: {done.stderr.decode(errors='replace')}")
        return done.stdout


def signed(app: App) -> Secret:
    """Return the token with which the App itself is asked about: a JWT."""
    now = int(time.time())
    claims = {"iat": now - 60, "exp": now + 540, "iss": app.number}  # clocks differ; ten minutes are the most
    text = ".".join(_url(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
    return Secret(f"{text}.{_url(app.sign(text.encode()))}")


def _url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
