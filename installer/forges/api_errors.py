"""A code host that cannot be reached, or something else that answers for it: the cause, and the way out."""

import re

import requests
from urllib3.exceptions import NewConnectionError, TimeoutError  # noqa: A004

from ..support import proxies
from ..support.errors import InstallerError, Untrusted
from ..support.secret import redact
from ..support.tls import unknown

LATER = "Run this again later: it resumes where it stopped"
_NOT_THE_HOST = "Is there a proxy or a login page in between? Then run this again."
_AUTHORITY = (
    "Where a company's CA signed its certificate: put that CA into the project as a PEM file and name it in "
    "gitops.yaml, {ca}. Else check the host name and any proxy."
)


def unreachable(
    base: str, request: str, error: requests.RequestException, seconds: float, *, ca: str
) -> InstallerError:
    """Say how the way to the code host failed; `ca` is the setting that names its CA, if any."""
    if by_proxy := proxies.silent(base, error):
        return by_proxy
    first = error.args[0] if error.args else error
    reason = getattr(first, "reason", first)  # what the last attempt met
    said = f"{request}: {redact(str(reason))}"
    if unknown(error):
        fix = _AUTHORITY.format(ca=ca) if ca else "Check the host name and any proxy; REQUESTS_CA_BUNDLE names CAs."
        return Untrusted(f"{base} is not trusted: {said}", fix)
    late = isinstance(reason, TimeoutError) and not isinstance(reason, NewConnectionError)
    how = f"did not answer within {seconds} s" if late else "cut or refused the connection"
    return InstallerError(
        f"{base} {how}: {said}", "Check the network, the host name and any proxy, then run this again."
    )


def not_the_host(name: str, base: str, request: str, why: str) -> InstallerError:
    """Say that somebody else answered."""
    return InstallerError(f"{base} answered {request} with something that is not {name}'s: {why}", _NOT_THE_HOST)


def said_to_a_program(output: str, *, ca: str) -> tuple[str, bool]:
    """Return the way out of what a program printed that did not reach the code host, and whether to try again at once.

    `ca` is the setting that names the host's CA.
    """
    if re.search(r"invalid character '<'|Cannot access URL|bad line length|not valid: is this a git", output):
        return _NOT_THE_HOST, False
    if _CERTIFICATE.search(output):
        return _AUTHORITY.format(ca=ca), False
    if _CUT.search(output):
        return f"Check the network, the host name and any proxy. {LATER}.", True
    return f"Fix what it names. {LATER}.", False


_CERTIFICATE = re.compile(r"x509|(?<![\w/.-])[Cc]ertificate")  # and no repository that is called so
_CUT = re.compile(
    r"hung up|unexpected disconnect|early EOF|\bEOF\b|timed out|timeout|could not resolve|no such host|reset by peer"
    r"|failed to connect|error connecting to|connection refused|empty reply|too slow|less than|RPC failed|SSL_",
    re.IGNORECASE,
)
