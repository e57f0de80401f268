"""A proxy that does not answer is told as that, with the variable that names it; never as a wrong token."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from installer.ci import registry
from installer.ci.external import JsonApi
from installer.forges.git import Login
from installer.forges.github.api import said_to_a_program
from installer.forges.github.repository import GitHub
from installer.forges.gitlab.project import GitLab
from installer.preflight import github as github_checks
from installer.preflight import gitlab as gitlab_checks
from installer.support import proxies
from installer.support.errors import InstallerError
from installer.support.secret import Secret

from .shells import unset

TOKEN = Secret("a-token-of-this-test")


CLIENTS: dict[str, Callable[[], object]] = {
    "api.github.com": lambda: GitHub("github.com", TOKEN, "acme/web").call("GET", "/user"),
    "gitlab.com": lambda: GitLab("gitlab.com", TOKEN, "acme/web").call("GET", "/user"),
    "circleci.com": lambda: JsonApi("CircleCI", "https://circleci.com/api", {}, "CIRCLE_TOKEN").call("GET", "/v2/me"),
    "registry-1.docker.io": lambda: registry.check_login(registry.Login("docker.io", "acme", Secret("")), "acme/web"),
}


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer.forges.http.pause", lambda _: None)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        unset(monkeypatch, name, name.upper())


@pytest.fixture(params=["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def dead(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let a variable name a proxy where nobody listens; return its name."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv(request.param, f"http://octo:hidden@127.0.0.1:{port}")
    return str(request.param)


@pytest.mark.parametrize("host", CLIENTS)
def test_whoever_is_asked_through_a_dead_proxy_it_is_the_proxy_that_is_reported(dead: str, host: str) -> None:
    with pytest.raises(InstallerError) as error:
        CLIENTS[host]()
    said = str(error.value)
    assert f"which {dead} names, does not let requests through to {host}" in said
    assert f"NO_PROXY={host}" in said
    assert "token" not in said
    assert "hidden" not in said


def test_a_dead_proxy_is_not_reported_as_a_wrong_token(dead: str) -> None:
    class Project:
        class settings:  # noqa: N801
            scm = lane = "github"
            host = "github.com"
            repository = "acme/web"

        class credentials:  # noqa: N801
            token = TOKEN

        github = GitHub("github.com", TOKEN, "acme/web")
        forge: Any = GitLab("gitlab.com", TOKEN, "acme/web")

    opened: Any = Project()
    for check in (github_checks.works, gitlab_checks.works):
        (found,) = check(opened)
        assert "does not work" not in found.what
        assert found.what.startswith("The proxy http://127.0.0.1:")
        assert dead in found.fix


@pytest.mark.parametrize(
    "said",
    [
        "fatal: unable to access 'https://github.com/acme/web/': Failed to connect to 127.0.0.1 port 9: refused",
        "fatal: unable to access 'https://github.com/acme/web/': CONNECT tunnel failed, response 403",
        "fatal: unable to access 'https://github.com/acme/web/': Could not resolve proxy: proxy.example.com",
    ],
)
def test_a_push_that_a_proxy_stops_is_reported_with_the_variable(dead: str, said: str) -> None:
    fix, again = Login("github.com", "", {}, said_to_a_program).fix_for(said)
    assert dead in fix
    assert again


def test_without_a_proxy_none_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxies.blamed("proxyconnect tcp: refused", "https://github.com") == ""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "github.com")
    assert proxies.blamed("Failed to connect to github.com port 443", "https://github.com") == ""


@pytest.mark.parametrize("password", ["hidden#more", "hid[den", "hidden/more", "hid%23den?x"])
def test_a_proxys_password_that_makes_its_address_unreadable_is_reported_nowhere(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://octo:{password}@127.0.0.1:1")
    for ask in CLIENTS.values():
        with pytest.raises(InstallerError) as error:
            ask()
        said = str(error.value)
        assert "HTTPS_PROXY" in said
        assert not [piece for piece in ("hidden", "more", "hid", "den") if piece in said.replace("forbidden", "")]
