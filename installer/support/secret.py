"""Secrets: values that hide themselves and are blotted out of any text; the variables that no program inherits."""

import atexit
import hashlib
import hmac
import json
import os
import re
import shutil
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from .errors import InstallerError

_known: set[str] = set()


class Secret:
    """Hold a token so that it shows only where `reveal` is called."""

    def __init__(self, value: str) -> None:
        self._value = value
        if value:
            _known.update((value, json.dumps(value)[1:-1]))  # as programs repeat it in an error, too

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(_bytes(self._value), _bytes(other._value))

    __hash__ = None  # type: ignore[assignment]  # a secret is no key

    def reveal(self) -> str:
        """Return the value itself, for the one call that needs it."""
        return self._value

    def fingerprint(self, salt: str = "") -> str:
        """Return `salt:digest`, enough to notice another token and too short (32 bits) to confirm a guessed one."""
        salt = salt or os.urandom(8).hex()
        digest = hashlib.scrypt(_bytes(self._value), salt=_bytes(salt), n=2**14, r=8, p=1, dklen=4)
        return f"{salt}:{digest.hex()}"

    def matches(self, fingerprint: str) -> bool:
        """Return whether a stored fingerprint was made from this value."""
        made = self.fingerprint(fingerprint.partition(":")[0])
        return hmac.compare_digest(_bytes(made), _bytes(fingerprint))


_PIECES = re.compile(r"[#/?@:\[\]]")
_SHORT = 4
"""Characters from which on a part of an address is hidden by itself: less would blot out common words."""


def address(value: str) -> Secret:
    """Return an address that holds a login: it hides itself, what follows its scheme, and its password alone.

    Where a password has signs that an address may not have, programs show its pieces as host or port.
    """
    login, at, _ = value.partition("://")[2].rpartition("@")
    if at:
        Secret(value.partition("://")[2])
        Secret(login)
        _hide_password(login.partition(":")[2])
    for found in re.findall(r"[?&]password=([^&\s]*)", value):
        _hide_password(found)
    return Secret(value)


def _hide_password(given: str) -> None:
    for whole in {given, unquote(given)}:
        for piece in {whole, *_PIECES.split(whole)}:
            Secret(piece if len(piece) >= _SHORT else "")


def _bytes(text: str) -> bytes:
    """Return any text's bytes, those of an environment that is no UTF-8 as well."""
    return text.encode(errors="surrogateescape")


def redact(text: str) -> str:
    """Blot every known secret out of a text."""
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, "***")
    return text


# --- the environment: which variables hold secrets, and what a program inherits -------------------

if sys.platform != "win32":
    import pwd

SECRETS = (
    *("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GITLAB_TOKEN"),
    *("REGISTRY_TOKEN", "REGISTRY_PULL_TOKEN", "DEPLOY_TOKEN", "CIRCLE_TOKEN", "TRAVIS_TOKEN"),
    *("ARGOCD_REPOSITORY_TOKEN", "ARGOCD_APP_PRIVATE_KEY_FILE", "REPORTER_APP_PRIVATE_KEY_FILE"),
    *("CLUSTER_DATABASE_URL", "ARGOCD_AUTH_TOKEN"),
)
"""Read here, or by a program that is handed the one that it needs; no other program is given any."""
_OF_ENVIRONMENTS = "CLUSTER_DATABASE_URL_"
"""Begins the names of those that an environment by promotion has."""

_REPOSITORY = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_IMPLICIT_WORK_TREE"),
    *("GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_CONFIG"),
)
"""What leads git to another repository than the folder's, as in a hook there: `git rev-parse --local-env-vars`."""


def private(name: str) -> str:
    """Return what a variable that holds a secret, or names its file, is set to; empty where it is not."""
    if not _is_secret(name):
        raise LookupError(f"{name} is not in SECRETS: every program that is started would inherit it")
    return os.environ.get(name, "").strip()


def token(name: str) -> str:
    """Return a token that goes into the header of a request; raise where it holds what no token does."""
    value = private(name)
    wrong = next((number for number, sign in enumerate(value, 1) if not "!" <= sign <= "~"), 0)
    if wrong:
        reported = f"{name} holds a character that no token has: number {wrong} of {len(value)}."
        raise InstallerError(reported, "Copy the token again, with nothing before, in or after it.")
    return value


NOBODY = {f"GIT_{who}_{what}": "gitops-flask" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
"""Who commits where git does not know the user."""


def inherited() -> dict[str, str]:
    """Return the environment of every program that is started here: no secret, a home, git's choice by the folder.

    Without a home, kubectl and helm would keep their caches in the working directory: in the project.
    """
    kept = {name: value for name, value in os.environ.items() if not (_is_secret(name) or name in _REPOSITORY)}
    kept.pop("GIT_TRACE_REDACT", None)  # git would show its logins
    if sys.platform != "win32" and not Path(kept.get("HOME", "")).is_absolute():
        kept["HOME"] = _home()
    return kept


def _is_secret(name: str) -> bool:
    return name in SECRETS or name.startswith(_OF_ENVIRONMENTS)


@cache
def _home() -> str:
    """Return this user's home by the list of users, or a folder that ends with this process where there is none."""
    with suppress(KeyError):  # a container's user may be on no list
        home = Path(pwd.getpwuid(os.getuid()).pw_dir)
        if home.is_absolute() and home.is_dir():
            return str(home)
    folder = tempfile.mkdtemp(prefix="gitops-flask-home-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
