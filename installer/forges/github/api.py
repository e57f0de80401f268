"""GitHub's REST API, the same for github.com, ghe.com and an Enterprise Server: the token, and what is refused."""

import re
import time
from collections.abc import Mapping

import requests

from ...config.settings import CLOUD, OF_CLOUD, Settings
from ...support import process, secret
from ...support.errors import ApiError
from ...support.http_client import seconds_to_wait
from ...support.secret import Secret, redact
from ...support.tls import variables
from ..git import Login
from ..http import LATER, Api, said
from ..http import said_to_a_program as said_of_any_host

_SIGN_ON = re.compile(r"https://\S+/sso\?\S*[^\s.,)]")


class GitHubApiError(ApiError):
    """GitHub refused a request; `headers` by their names in lower case."""

    def __init__(self, verb: str, path: str, status: int, message: str, headers: Mapping[str, str]) -> None:
        wait = seconds_to_wait(status, message, headers)
        super().__init__("GitHub", f"{verb} {path}", status, message, fix(status, message, headers), wait)


def fix(status: int, message: str, headers: Mapping[str, str]) -> str:
    """Return what to do about an answer; `headers` by their names in lower case."""
    lowered = message.lower()
    if (wait := seconds_to_wait(status, message, headers)) is not None:
        until = time.strftime("%H:%M:%S UTC", time.gmtime(time.time() + wait))
        return f"GitHub's rate limit ends at {until}, in {wait:.0f} s: run this again then."
    if "saml" in lowered or "x-github-sso" in headers:
        page = _SIGN_ON.search(headers.get("x-github-sso", "") or message)
        where = page[0] if page else "https://github.com/settings/tokens (Configure SSO)"
        return f"Authorise the token for the organisation: open {where}"
    if status == 403 and "upgrade" in lowered:
        return "The plan does not have this for private repositories: upgrade it, or say github.visibility: public."
    if status == 403 and "archived" in lowered:
        return "Unarchive the repository on its settings page, then run this again."
    if status == 403 or (status == 404 and headers.get("x-accepted-oauth-scopes")):
        return _rights(headers)
    if status >= 500:
        return f"GitHub has trouble: see https://www.githubstatus.com. {LATER}."
    return _FIXES.get(status, f"{LATER}; where that does not help, see what GitHub says above.")


def _rights(headers: Mapping[str, str]) -> str:
    if permissions := headers.get("x-accepted-github-permissions"):
        return f"The token needs the permission {permissions.replace('=', ': ')}."
    reported = "The token or the account may not do this"
    wanted, given = headers.get("x-accepted-oauth-scopes"), headers.get("x-oauth-scopes")
    if wanted and given is not None:
        return f"{reported}: it takes the scope {wanted}, the token has {given or 'none'}; or the thing is not there."
    return f"{reported}: see its scopes with `gh auth status`."


_FIXES = {
    401: "The token is wrong or has expired: `gh auth login`, or a new one in GH_TOKEN.",
    404: "It does not exist, or the token may not see it.",
    409: "A policy of the organisation or enterprise forbids it, or something else is changing it right now: "
    "run this again, then ask an owner of the organisation.",
    422: "GitHub does not accept these values: fix what it names, in gitops.yaml or on the repository's page.",
}


def said_to_a_program(output: str) -> tuple[str, bool]:
    """Return the way out of what `gh` or `git` printed, and whether trying again at once may help."""
    if "`workflow` scope" in output:
        return "gh auth refresh --scopes repo,workflow (or give the token in GH_TOKEN that scope)", False
    if found := re.search(r"(?:HTTP|returned error:) (\d{3})", output):
        status = int(found[1])
        return fix(status, output, {}), status >= 500
    if re.search(r"SAML|[Rr]ate limit", output):
        return fix(403, output, {}), False
    if re.search(r"Authentication failed|could not read Username|Bad credentials", output):
        return _FIXES[401], False
    if re.search(r"GH0\d\d|rule violations|protected branch|pre-receive hook declined", output):
        return "Rules of the organisation or repository forbid this push: let an owner except it, then run this.", False
    if re.search(r"[Rr]epository not found|already exists", output):
        return "It is there, but the token may not see it; or the account may not create it: ask an owner.", False
    return said_of_any_host(output, ca="github.ca")


# --- the client -----------------------------------------------------------------------------------


def api_url(host: str) -> str:
    """Return the base of a GitHub's REST API."""
    if host == CLOUD:
        return "https://api.github.com"
    if host.endswith(OF_CLOUD):
        return f"https://api.{host}"
    return f"https://{host}/api/v3"


def token_variables(host: str) -> tuple[str, str]:
    """Return the environment variables from which `gh` takes a token for this host, in its order."""
    if host == CLOUD or host.endswith(OF_CLOUD):
        return "GH_TOKEN", "GITHUB_TOKEN"
    return "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"


class GitHubRest(Api):
    """One GitHub and one token."""

    follows = re.compile("/")

    def __init__(
        self, host: str, token: Secret, repository: str = "", *, ca: str = "", api_version: str = Settings.api_version
    ) -> None:
        self.host = host
        self.repository = repository
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": api_version}
        if token:
            headers["Authorization"] = f"Bearer {token.reveal()}"
        super().__init__("GitHub", api_url(host), headers, ca=ca, ca_setting="github.ca")

    def refusal(self, verb: str, path: str, answer: requests.Response) -> GitHubApiError:
        """Return what GitHub said, with its details."""
        headers = dict(answer.headers.lower_items())
        return GitHubApiError(verb, path, answer.status_code, redact(_message(answer)), headers)

    def scopes(self) -> frozenset[str] | None:
        """Return a classic token's scopes; None for tokens that have none (fine-grained, of an App)."""
        given = self.headers("/user").get("x-oauth-scopes")
        return None if given is None else frozenset(s.strip() for s in given.split(",") if s.strip())


def _message(answer: requests.Response) -> str:
    data = said(answer)
    parts = [str(data.get("message") or answer.reason or "no message")]
    details = data.get("errors")
    for each in details if isinstance(details, list) else []:
        parts += [str(each.get("message") or each) if isinstance(each, dict) else str(each)]
    return "; ".join(parts)


# --- the token: where it comes from, and how `gh` and git log in with it --------------------------

READER = "x-access-token"
"""The name that a token logs in with to read over https."""


def token(host: str) -> str:
    """Return the token as `gh` finds it: its variables first, for which it need not start, then its own store."""
    for name in token_variables(host):
        if found := secret.token(name):
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
