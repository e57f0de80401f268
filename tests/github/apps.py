"""GitHub Apps: registered, installed on some repositories, and known by what their private key signs."""

import datetime
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .model import LEVELS, Account, Token, new_secret, now, number
from .wire import RefusedError, Request

if TYPE_CHECKING:
    from .stand_in import GitHub

LONGEST = 600
"""Seconds that an App's own token may be good for."""
TOKEN_SECONDS = 3600
ACTIONS = "github-actions"
OF_CLOUD = {ACTIONS: 15368, "travis-ci": 67}
"""Apps that everybody at github.com may see, by their short names. A server of one's own numbers its Actions itself."""


@dataclass(eq=False)
class App:
    name: str
    owner: Account
    permissions: dict[str, str]
    url: str
    description: str = ""
    public: bool = False
    public_key: Any = field(default=None, repr=False)
    id: int = field(default_factory=number)
    created_at: str = field(default_factory=now)

    @property
    def slug(self) -> str:
        return "-".join(self.name.lower().split())

    def new_key(self) -> str:
        """Make a private key; GitHub keeps the public half."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.public_key = key.public_key()
        form = serialization.PrivateFormat.TraditionalOpenSSL
        return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@dataclass(eq=False)
class Installation:
    app: App
    account: Account
    permissions: dict[str, str]
    repositories: frozenset[str] | None  # full names; None: all of the account's
    id: int = field(default_factory=number)
    created_at: str = field(default_factory=now)

    def has(self, full_name: str) -> bool:
        if self.repositories is None:
            return full_name.partition("/")[0] == self.account.login
        return full_name in self.repositories


class Apps:
    """All Apps of one GitHub."""

    def __init__(self, github: "GitHub") -> None:
        self._github = github
        numbers = OF_CLOUD if github.site.is_cloud else {ACTIONS: number()}
        self.public = {
            slug: App(slug, Account(slug, "Organization"), {}, github.site.web, public=True, id=id_)
            for slug, id_ in numbers.items()
        }
        self.known: dict[int, App] = {app.id: app for app in self.public.values()}
        self.installations: dict[int, Installation] = {}

    def id_of(self, slug: str) -> int:
        """Return the number of an App that everybody may see."""
        return self.public[slug].id

    def add(self, name: str, owner: str, permissions: Mapping[str, str]) -> tuple[App, str]:
        """Register an App manually, and return it with its private key."""
        app = App(name, self._github.accounts[owner.lower()], dict(permissions), f"https://{self._github.site.host}")
        self.known[app.id] = app
        return app, app.new_key()

    def install(self, app: App, account: str, repositories: Iterable[str] | None) -> Installation:
        found = self._github.accounts[account.lower()]
        chosen = None if repositories is None else frozenset(repositories)
        made = Installation(app, found, dict(app.permissions), chosen)
        self.installations[made.id] = made
        return made

    def installed(self, app: App, full_name: str) -> Installation | None:
        return next((each for each in self.installations.values() if each.app is app and each.has(full_name)), None)

    def login(self, request: Request) -> Token:
        """Say which App asks, by what it has signed; GitHub takes it as a bearer's only."""
        sent = next((value for key, value in request.headers.items() if key.lower() == "authorization"), "")
        kind, _, secret = sent.partition(" ")
        if kind != "Bearer" or secret.count(".") != 2:
            raise RefusedError(401, "A JSON web token could not be decoded")
        try:
            issuer = int(jwt.decode(secret, options={"verify_signature": False}).get("iss", ""))
            app = self.known.get(issuer)
        except (jwt.InvalidTokenError, ValueError):
            raise RefusedError(401, "A JSON web token could not be decoded") from None
        if app is None:
            raise RefusedError(404, "Integration not found")
        options: Any = {"require": ["exp", "iat", "iss"]}
        try:
            claims = jwt.decode(secret, app.public_key, algorithms=["RS256"], options=options)
        except jwt.ExpiredSignatureError:
            raise RefusedError(401, "'Expiration time' claim ('exp') must be a numeric value representing the future "
                               "time at which the assertion expires") from None  # fmt: skip
        except jwt.InvalidTokenError:
            raise RefusedError(401, "A JSON web token could not be decoded") from None
        if claims["exp"] > time.time() + LONGEST:
            raise RefusedError(401, "'Expiration time' claim ('exp') is too far in the future")
        return Token(str(app.id), "jwt", app.owner)

    def token(self, installation: Installation, permissions: Mapping[str, str], chosen: frozenset[str] | None) -> Token:
        """Give out a token of an installation, for no more than it may."""
        for name, level in permissions.items():
            if LEVELS[installation.permissions.get(name, "none")] < LEVELS[level]:
                raise RefusedError(422, "The permissions requested are not granted to this installation.")
        repositories = installation.repositories
        if chosen is not None:
            if not all(map(installation.has, chosen)):
                raise RefusedError(422, "There is at least one repository that does not exist or is not accessible.")
            repositories = chosen
        bot = Account(f"{installation.app.slug}[bot]", "Bot", id=installation.app.id)
        granted = {"metadata": "read", **permissions}
        made = Token(
            new_secret("app"),
            "app",
            bot,
            permissions=granted,
            repositories=repositories,
            ends=time.time() + TOKEN_SECONDS,
        )
        self._github.tokens[made.secret] = made
        return made


def iso(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
