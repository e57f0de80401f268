"""What the stand-in does not model, or GitHub's description does not allow, fails the test that asked."""

import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from tests.github import GitHub
from tests.github.exceptions import ACCEPTED_ANSWERS, ACCEPTED_REQUESTS
from tests.github.fixtures import blame
from tests.github.front import Exchange
from tests.github.published import Description
from tests.github.wire import ROUTES

from .conftest import Person


@pytest.fixture
def accused(github: GitHub) -> Callable[[], str]:
    """Return a function that gives the failures so far, and forgives them."""

    def take() -> str:
        with pytest.raises(pytest.fail.Exception) as failed:
            blame(github)
        github.failures.clear()
        return str(failed.value)

    return take


@pytest.mark.parametrize(
    ("arguments", "blamed"),
    [
        (["api", "repos/acme/web/pages"], "no route for GET /repos/acme/web/pages"),
        (["api", "repos/acme/web?color=red"], "has no parameter query:color"),
        (["api", "repos/acme/web/actions/variables?per_page=many"], "per_page='many'"),
        (["api", "repos/acme/web/actions/variables", "-f", "name=X"], '"value" is a required property'),
        (["api", "graphql", "-f", "query={ viewer { bio } }"], "GraphQL field User.bio"),
        (["api", "graphql", "-f", "query={ viewer { colour } }"], "GitHub's schema does not allow"),
        (["repo", "create", "acme/other", "--private", "--license", "unlicense"], "license_template unlicense"),
    ],
)
def test_a_request_beyond_the_model_fails_the_test(
    octo: Person, accused: Callable[[], str], arguments: list[str], blamed: str
) -> None:
    octo.gh("repo", "create", "acme/web", "--private")
    octo.gh(*arguments, ok=False)
    assert blamed in accused()


def test_any_other_host_is_refused_and_blamed(octo: Person, accused: Callable[[], str]) -> None:
    done = subprocess.run(
        ["curl", "--silent", "https://example.com/"], env=octo.environment, capture_output=True, check=False
    )
    assert done.returncode != 0
    assert "CONNECT example.com:443" in accused()


def test_an_answer_against_the_description_fails_the_test(
    octo: Person, accused: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    octo.gh("repo", "create", "acme/web", "--private")
    octo.gh("variable", "set", "NAME", "--body", "x", "-R", "acme/web")
    octo.served.repository("acme/web").variables["NAME"].value = 1  # type: ignore[assignment]
    octo.gh("variable", "list", "-R", "acme/web", ok=False)
    assert 'answer 200 variables/0/value: 1 is not of type "string"' in accused()


def test_a_fault_of_the_stand_in_itself_fails_the_test(octo: Person, accused: Callable[[], str]) -> None:
    del octo.served.accounts["octo"]
    octo.gh("api", "users/acme")
    octo.gh("repo", "create", "acme/web", "--private")
    octo.served.repository("acme/web").variables = None  # type: ignore[assignment]
    octo.gh("api", "repos/acme/web/actions/variables", ok=False)
    assert "AttributeError" in accused()


@pytest.mark.parametrize("document", ["cloud", "server"])
def test_every_route_is_in_the_published_description(document: str) -> None:
    assert {each.name for each in ROUTES} == Description(document).operations.keys()


def test_every_exception_has_its_reason() -> None:
    assert all(len(reason) > 20 for reason in (ACCEPTED_ANSWERS | ACCEPTED_REQUESTS).values())


def test_the_certificate_is_good_for_github_and_nothing_else(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in github.env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.build_opener().open("https://api.github.com/user")  # urlopen would keep the first caller's proxy
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.build_opener().open("https://api.github.com/user")


@pytest.mark.parametrize("half", [b"Content-Length: 100\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n9\r\n{"])
def test_half_a_request_of_a_client_that_was_killed_is_no_request(half: bytes) -> None:
    client, server = socket.socketpair()
    with client, server:
        client.sendall(b"POST /repos/acme/web/actions/variables HTTP/1.1\r\nHost: api.github.com\r\n" + half)
        client.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionError):
            Exchange(server, lambda request: pytest.fail(f"answered {request.method} {request.path}"))
