"""What a registry says that many meet and that does not explain itself, and what to do about it."""

import re
from http import HTTPStatus


def explained(host: str, status: int, said: str) -> str:
    """Return what to do about an answer that many meet and that does not say it itself; empty for any other."""
    said = said.lower()
    if status == HTTPStatus.TOO_MANY_REQUESTS and "login attempts" in said:
        return f"Too many wrong logins, {host} takes none for some minutes: check the token, then run this again."
    if status == HTTPStatus.TOO_MANY_REQUESTS and host == "docker.io":
        return (
            "Docker Hub limits how often is pulled, and counts by address where nobody is logged in, else by account. "
            "Wait, or let the cluster log in: registry.visibility private in gitops.yaml, REGISTRY_PULL_TOKEN set."
        )
    if status == HTTPStatus.UNAUTHORIZED and host == "docker.io" and "incorrect username or password" in said:
        return (
            "REGISTRY_USERNAME is the account's Docker ID, no e-mail address, and REGISTRY_TOKEN an access token of it "
            "(with two-factor or single sign-on no password is taken), made at "
            "https://app.docker.com/settings/personal-access-tokens."
        )
    return ""


def explained_pull(said: str) -> str:
    """Return what to do about a pull that the cluster was refused, by its runtime's words; empty where they say all."""
    if "toomanyrequests" in said or "429 Too Many Requests" in said:
        hub = explained("docker.io", HTTPStatus.TOO_MANY_REQUESTS, "")
        return hub if "docker.io" in said else "The registry limits how often is pulled: wait, or ask who runs it."
    if re.search(r"unauthorized|Unauthorized|authentication required|403 Forbidden|pull access denied|denied:", said):
        return (
            "Nobody may pull this image without a login, or not with this one: registry.visibility: private in "
            "gitops.yaml, a token that reads in REGISTRY_PULL_TOKEN, then `up` again."
        )
    if "x509" in said:
        return "The nodes do not know the CA that signed the registry's certificate: their container runtime needs it."
    return ""
