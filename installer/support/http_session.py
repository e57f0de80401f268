"""The one way to a session of `requests`: the environment's proxies and CAs count, ~/.netrc and cookies do not.

requests takes a login out of that file for every host there, whatever the port, puts it in the place of a header of
ours, and logs in who is to be nobody. A cookie would tell two requests of one session, with two logins, to be one's.
"""

from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests

from . import proxies


class _NoLogin(requests.auth.AuthBase):
    """Leave the request as it is: it brings its login itself, or is to have none."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Session(requests.Session):
    def __init__(self) -> None:
        super().__init__()
        self.auth = _NoLogin()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Take a login off whatever leads to another host, and put no other in its place."""
        before, after = str(response.request.url), str(prepared_request.url)
        if self.should_strip_auth(before, after):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send it; an address of a proxy that cannot be read is an error of requests like any other."""
        try:
            return super().send(request, **options)
        except requests.RequestException:
            raise
        except ValueError as error:
            raise requests.exceptions.InvalidProxyURL(str(error)) from None


def session() -> requests.Session:
    """Return a session for one thread; what it is asked for brings its own login."""
    proxies.hide_logins()
    return _Session()
