"""A value that must never be printed: it hides itself, and blots itself out of any text."""

import hashlib
import hmac
import json
import os
import re
from urllib.parse import unquote

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
