"""A value that must never be printed: it hides itself, and blots itself out of any text."""

import hashlib
import hmac
import os

_known: set[str] = set()


class Secret:
    """Hold a token so that it shows only where `reveal` is called."""

    def __init__(self, value: str) -> None:
        self._value = value
        if value:
            _known.add(value)

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a secret is no key

    def reveal(self) -> str:
        """Return the value itself, for the one call that needs it."""
        return self._value

    def fingerprint(self, salt: str = "") -> str:
        """Return `salt:digest`, enough to notice another token and too short (32 bits) to confirm a guessed one."""
        salt = salt or os.urandom(8).hex()
        digest = hashlib.scrypt(self._value.encode(), salt=salt.encode(), n=2**14, r=8, p=1, dklen=4)
        return f"{salt}:{digest.hex()}"

    def matches(self, fingerprint: str) -> bool:
        """Tell whether a stored fingerprint was made from this value."""
        return hmac.compare_digest(self.fingerprint(fingerprint.partition(":")[0]), fingerprint)


def redact(text: str) -> str:
    """Blot every known secret out of a text."""
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, "***")
    return text
