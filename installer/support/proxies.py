"""The proxies that the environment names: which one is in the way where nobody answers."""

import os
import re
from urllib.parse import urlsplit

import requests

from .errors import InstallerError

_BY_GO = re.compile(r"proxyconnect|[Cc]ould not resolve proxy|from proxy after CONNECT|CONNECT tunnel failed")


def in_the_way(url: str) -> tuple[str, str]:
    """Return the variable that names the proxy for an address, and that proxy without its login; two times nothing."""
    chosen = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)) or ""
    if not chosen:
        return "", ""
    scheme = urlsplit(url).scheme
    names = [name for each in (scheme, "all") for name in (f"{each}_proxy", f"{each}_PROXY".upper())]
    variable = next((name for name in names if os.environ.get(name) == chosen), "the system's settings")
    scheme, _, rest = chosen.rpartition("//")
    return variable, f"{scheme}{'//' if scheme else ''}{rest.rpartition('@')[2]}"


def silent(url: str, error: Exception) -> InstallerError | None:
    """Return the error to raise where it was a proxy that did not let a request through; None where it was not."""
    variable, proxy = in_the_way(url)
    if not variable or not isinstance(error, requests.exceptions.ProxyError) or _lost_on_the_way(error):
        return None
    host = urlsplit(url).hostname
    return InstallerError(
        f"The proxy {proxy}, which {variable} names, does not let requests through to {host}.", fix(url)
    )


def _lost_on_the_way(error: requests.exceptions.ProxyError) -> bool:
    """Tell whether the connection broke, which urllib3 calls the proxy's fault even where the request was through."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(
        getattr(reason, "original_error", None), (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
    )


def fix(url: str) -> str:
    """Return what to do about a proxy for an address that does not answer; empty where none is in the way."""
    variable, proxy = in_the_way(url)
    if not variable:
        return ""
    host = urlsplit(url).hostname
    return f"Start the proxy {proxy}, mend {variable}, which names it, or let {host} be asked without: NO_PROXY={host}"


def blamed(said: str, url: str) -> str:
    """Return what to do where a program says that its proxy failed; empty where it says nothing of one."""
    _, proxy = in_the_way(url)
    where = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    connects = where.hostname and re.search(
        rf"connect to {re.escape(where.hostname)}\b|{re.escape(where.netloc)}", said
    )
    return fix(url) if proxy and (_BY_GO.search(said) or connects) else ""
