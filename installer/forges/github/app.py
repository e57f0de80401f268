"""The GitHub App that reports: the page that registers one, and its number and private key, in memory only."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from ...config.settings import Settings
from ...support import secret, tls
from ...support.errors import InstallerError
from ...support.secret import Secret
from .api import api_url
from .app_client import TOKEN, AppGitHub
from .repository import GitHub

GIVEN = ("REPORTER_APP_ID", "REPORTER_APP_PRIVATE_KEY_FILE")
"""The variables that name an App: its id, and the file with its private key."""
PERMISSIONS = {**TOKEN, "metadata": "read", "pull_requests": "read"}
"""What an App is registered with: what its token takes, and what previews of pull requests would."""
LONGEST_NAME = 34
"""Characters of an App's name at GitHub, where no two have the same."""
_LEVELS = ("read", "write", "admin")


@dataclass(frozen=True)
class GitHubApp:
    """An App with its private key."""

    number: str
    key: Secret

    def sign(self, text: bytes) -> bytes:
        """Sign with its private key, as RS256 wants it."""
        try:
            key = serialization.load_pem_private_key(self.key.reveal().encode(), None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, RSAPrivateKey):
            fix = "Give the file as GitHub lets it be downloaded, or make a new key on the App's page."
            raise InstallerError(f"The private key of the App {self.number} is no RSA key in PEM form.", fix)
        return key.sign(text, PKCS1v15(), hashes.SHA256())

    def at(self, settings: Settings) -> AppGitHub:
        """Return GitHub, asked as this App."""
        everybody = tls.bundle(settings.ca).read_text(encoding="utf-8") if settings.ca else ""
        return AppGitHub(api_url(settings.host), settings.host, settings.repository, self, everybody)


def registration_page(settings: Settings, github: GitHub) -> str:
    """Return the page that registers such an App for the repository's owner, filled in.

    By the parameters of https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-using-url-parameters.
    """
    owner = github.get(f"/users/{quote(settings.owner)}") or {}
    organization = f"/organizations/{settings.owner}" if owner.get("type") == "Organization" else ""
    filled_in = {
        "name": f"{settings.owner}-{settings.slug}-reporter"[:LONGEST_NAME].strip("-"),
        "description": f"Shows at the commits of {settings.repository} the outcome of their deployment.",
        "url": settings.url,
        "public": "false",
        "webhook_active": "false",
        **PERMISSIONS,
    }
    return f"https://{settings.host}{organization}/settings/apps/new?{urlencode(filled_in)}"


def given() -> GitHubApp | None:
    """Return the App that the environment names; nothing where it names none."""
    number, file = os.environ.get(GIVEN[0], "").strip(), secret.private(GIVEN[1])
    if not number and not file:
        return None
    if not number or not file:
        raise InstallerError(f"An App that is there already takes {' and '.join(GIVEN)}.", "Set the other one too.")
    app = GitHubApp(number, private_key(GIVEN[1]))
    app.sign(b"")
    return app


def private_key(variable: str) -> Secret:
    """Return the private key whose file a variable names."""
    file = secret.private(variable)
    try:
        return Secret(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise InstallerError(f"{variable} names {file}, which cannot be read: {why}.", "Fix it.") from None


def lacking(installation: dict[str, Any]) -> str:
    """Name what an installation may not do and should; empty where it may do all of it."""
    has = installation["permissions"]
    missing = [
        f"{name}: {level}"
        for name, level in TOKEN.items()
        if name not in has or _LEVELS.index(has[name]) < _LEVELS.index(level)
    ]
    return ", ".join(missing)
