"""What GitHub says when it says no: the cause in its own words, and the way out, whichever client it was said to."""

import re
import time
from collections.abc import Mapping

from ...support.errors import ApiError
from .. import api_errors
from ..api_errors import LATER
from ..rate_limit import seconds_to_wait

_SIGN_ON = re.compile(r"https://\S+/sso\?\S*[^\s.,)]")


class GitHubApiError(ApiError):
    """GitHub refused a request; `headers` by their names in lower case."""

    def __init__(self, verb: str, path: str, status: int, message: str, headers: Mapping[str, str]) -> None:
        wait = seconds_to_wait(status, message, headers)
        super().__init__("GitHub", f"{verb} {path}", status, message, fix(status, message, headers), wait)


def fix(status: int, message: str, headers: Mapping[str, str]) -> str:
    """Return what to do about an answer; `headers` by their names in lower case."""
    said = message.lower()
    if (wait := seconds_to_wait(status, message, headers)) is not None:
        until = time.strftime("%H:%M:%S UTC", time.gmtime(time.time() + wait))
        return f"GitHub's rate limit ends at {until}, in {wait:.0f} s: run this again then."
    if "saml" in said or "x-github-sso" in headers:
        page = _SIGN_ON.search(headers.get("x-github-sso", "") or message)
        where = page[0] if page else "https://github.com/settings/tokens (Configure SSO)"
        return f"Authorise the token for the organisation: open {where}"
    if status == 403 and "upgrade" in said:
        return "The plan does not have this for private repositories: upgrade it, or say github.visibility: public."
    if status == 403 and "archived" in said:
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
    return api_errors.said_to_a_program(output, ca="github.ca")
