"""The proxies that the environment names: which one is in the way where nobody answers."""

import os
import re
from urllib.parse import urlsplit

import requests

from .errors import InstallerError
from .secret import address

_VARIABLES = ("http_proxy", "https_proxy", "all_proxy")
_BY_GO = re.compile(r"proxyconnect|[Cc]ould not resolve proxy|from proxy after CONNECT|CONNECT tunnel failed")


def hide_logins() -> None:
    """Let no error or log show the logins of the proxies that the environment names."""
    for proxy in requests.utils.get_environ_proxies("https://unknown.invalid").values():
        address(proxy)
    for name, value in os.environ.items():
        if name.lower() in _VARIABLES:
            address(value if "://" in value else f"http://{value}")


def in_the_way(url: str) -> tuple[str, str]:
    """Return the variable that names the proxy for an address, and that proxy without its login; two times nothing."""
    chosen = _chosen(url)
    if not chosen:
        return "", ""
    scheme = urlsplit(url).scheme
    names = [name for each in (scheme, "all") for name in (f"{each}_proxy", f"{each}_PROXY".upper())]
    variable = next((name for name in names if os.environ.get(name) == chosen), "the system's settings")
    scheme, _, rest = chosen.rpartition("//")
    return variable, f"{scheme}{'//' if scheme else ''}{rest.rpartition('@')[2]}"


def _chosen(url: str) -> str:
    return requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)) or ""


def _unreadable(proxy: str) -> bool:
    """Return whether a proxy's address is none: urllib3 and urllib would raise, and show the password."""
    try:
        as_requests_does = requests.utils.prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call]
        found = urlsplit(as_requests_does), urlsplit(proxy)
        return any(each.scheme and each.port == 0 for each in found)
    except ValueError:
        return True


def silent(url: str, error: Exception) -> InstallerError | None:
    """Return the error to raise where it was a proxy that did not let a request through; None where it was not."""
    variable, proxy = in_the_way(url)
    if variable and _unreadable(_chosen(url)):
        reported = f"{variable} names a proxy by an address that cannot be read."
        how = "Write http://user:password@host:port; in the password # is %23, [ is %5B, @ is %40."
        return InstallerError(reported, how)
    if not variable or not isinstance(error, requests.exceptions.ProxyError) or _lost_on_the_way(error):
        return None
    what = f"The proxy {proxy}, which {variable} names, does not let requests through to {urlsplit(url).hostname}."
    return InstallerError(what, fix(url))


def _lost_on_the_way(error: requests.exceptions.ProxyError) -> bool:
    """Return whether the connection broke, which urllib3 calls the proxy's fault even where the request was through."""
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
    return f"Start the proxy {proxy}, fix {variable}, which names it, or let {host} be asked without: NO_PROXY={host}"


def blamed(said: str, url: str) -> str:
    """Return what to do where a program says that its proxy failed; empty where it says nothing of one."""
    _, proxy = in_the_way(url)
    where = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    connects = where.hostname and re.search(
        rf"connect to {re.escape(where.hostname)}\b|{re.escape(where.netloc)}", said
    )
    return fix(url) if proxy and (_BY_GO.search(said) or connects) else ""
