"""GitHub's token: where it comes from, and how `gh` and git log in with it."""

from collections.abc import Mapping

from ...support import environment, process
from ...support.secret import Secret
from ...support.tls import variables
from ..git import Login
from .api_errors import said_to_a_program
from .rest import token_variables

READER = "x-access-token"
"""The name that a token logs in with to read over https."""


def token(host: str) -> str:
    """Return the token as `gh` finds it: its variables first, for which it need not start, then its own store."""
    for name in token_variables(host):
        if found := environment.token(name):
            return found
    return kept_by_gh(host)


def kept_by_gh(host: str) -> str:
    """Return the token of `gh auth login` for this host: `gh` is given none of ours."""
    return "" if process.missing("gh") else process.attempt("gh", "auth", "token", "--hostname", host).out.strip()


def gh_environment(host: str, token: Secret, ca: str) -> Mapping[str, str]:
    """Return what `gh` needs in its environment: the token under this host's name, no questions, no telemetry."""
    return {
        token_variables(host)[0]: token.reveal(),
        "GH_HOST": host,
        "GH_PROMPT_DISABLED": "1",
        "GH_NO_UPDATE_NOTIFIER": "1",
        "GH_TELEMETRY": "false",
        "NO_COLOR": "1",
        **variables(ca),
    }


def login(host: str, token: Secret, ca: str) -> Login:
    """Return what git logs in with to push: `gh` lends it the token."""
    return Login(host, "!gh auth git-credential", gh_environment(host, token, ca), said_to_a_program)
