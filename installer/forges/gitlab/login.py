"""GitLab's token: where it comes from, and how git logs in with it."""

from ...support import environment
from ...support.secret import Secret
from ...support.tls import variables
from ..git import Login
from .api_errors import said_to_git
from .rest import TOKEN

_HELPER = f"""!f() {{ test "$1" != get || printf 'username=oauth2\\npassword=%s\\n' "${TOKEN}"; }}; f"""
"""A shell that reads the token from its environment; git asks it for GitLab's host alone."""


READER = "oauth2"
"""The name that a token logs in with to read over https."""


def token_variables(_: str) -> tuple[str, ...]:
    """Return the names of the variables that may hold the token."""
    return (TOKEN,)


def token(_: str) -> str:
    """Return the token; empty where there is none."""
    return environment.token(TOKEN)


def login(host: str, token: Secret, ca: str) -> Login:
    """Return what git logs in with to push."""
    return Login(host, _HELPER, {TOKEN: token.reveal(), **variables(ca)}, said_to_git)
