"""A registry's login is asked before anything is created: both ways in which registries challenge."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from installer.ci.registry import _API, Login, _token_server, anyone_can_pull, check_login, has
from installer.cluster.pods import explained_pull
from installer.config.settings import Settings
from installer.support.errors import InstallerError
from installer.support.secret import Secret
from tests.github.authority import Authority

from .cluster import SETTINGS
from .registry import GOOD, LOGIN, Handler, Registry, a_registry


@pytest.fixture(params=["basic", "bearer"])
def registry(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setenv("NO_PROXY", "localhost")
    with a_registry(Handler) as server:
        server.bearer = request.param == "bearer"
        yield server


def test_a_good_login_passes(registry: Registry) -> None:
    check_login(Login(registry.host, "acme", GOOD), "acme/web")


def test_a_bad_login_is_reported_with_the_variables_to_set_and_without_the_token(registry: Registry) -> None:
    with pytest.raises(InstallerError) as error:
        check_login(Login(registry.host, "acme", Secret("bad-token-9")), "acme/web")
    assert "refuses acme: 401 no such login" in error.value.message
    assert "REGISTRY_TOKEN" in error.value.fix
    assert "bad-token-9" not in str(error.value)


def test_a_registry_that_is_not_there_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer.forges.http.pause", lambda _: None)
    with pytest.raises(InstallerError, match="does not answer"):
        check_login(Login("localhost:1", "acme", Secret("a-token")), "acme/web")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry under Docker Hub's name."""
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setattr("installer.ci.registry._scheme", lambda _: "http")
    with a_registry(Handler) as server:
        server.bearer = True
        monkeypatch.setitem(_API, "docker.io", server.host)
        yield server


WRONG = '{"details": "incorrect username or password"}'
TOO_MANY_LOGINS = '{"details": "too many failed login attempts for username or IP address"}'
RATE = '{"errors": [{"code": "TOOMANYREQUESTS", "message": "You have reached your unauthenticated pull rate limit."}]}'


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (401, WRONG, "Docker ID, no e-mail address"),
        (429, TOO_MANY_LOGINS, "Too many wrong logins"),
        (429, RATE, "counts by address where nobody is logged in"),
    ],
)
def test_what_docker_hub_refuses_is_explained(hub: Registry, status: int, said: str, words: str) -> None:
    hub.refuses = (status, said)
    with pytest.raises(InstallerError) as error:
        check_login(Login("docker.io", "acme", Secret("a-token-of-hub")), "acme/web")
    assert f"The registry docker.io refuses: {status}" in error.value.message
    assert words in error.value.fix
    assert "a-token-of-hub" not in str(error.value)


def test_a_token_for_the_cluster_is_tried_for_pulling_alone(hub: Registry) -> None:
    hub.may = ("pull",)
    check_login(Login("docker.io", "acme", GOOD), "acme/web", push=False)
    assert hub.requests() == ["GET /v2/", "GET /token?service=hub&scope=repository%3Aacme%2Fweb%3Apull"]
    with pytest.raises(InstallerError) as error:
        check_login(Login("docker.io", "acme", Secret("wrong")), "acme/web", push=False)
    assert "Set REGISTRY_PULL_USERNAME and REGISTRY_PULL_TOKEN (read)" in error.value.fix


def test_a_rate_limit_while_looking_for_an_image_is_explained(hub: Registry) -> None:
    hub.refuses = (429, RATE)
    with pytest.raises(InstallerError) as error:
        has(Login("docker.io", "acme", Secret("")), "acme/web", "sha256:0")
    assert "counts by address" in error.value.fix


def test_a_company_registry_is_trusted_with_its_ca_and_named_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost")
    authority = Authority(tmp_path)
    monkeypatch.setattr("installer.ci.registry._scheme", lambda _: "https")
    monkeypatch.setattr("installer.forges.http.pause", lambda _: pytest.fail("to ask again does not help"))
    with a_registry(Handler, authority) as server:
        login = Login(server.host, "acme", GOOD)
        with pytest.raises(InstallerError, match="signed by nobody whom this machine knows") as error:
            check_login(login, "acme/web")
        assert "gitops.yaml, registry.ca" in error.value.fix
        check_login(replace(login, ca=authority.certificate.read_text()), "acme/web")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "image docker.io/acme/web@sha256:0: failed to authorize: failed to fetch: 401 Unauthorized",
            "registry.visibility: private",
        ),
        ("pull access denied, repository does not exist or may require authorization", "registry.visibility: private"),
        (
            "unexpected status from HEAD request to https://registry-1.docker.io/v2/acme/web: 429 Too Many Requests",
            "Docker Hub limits how often",
        ),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "container runtime"),
        ("manifest unknown", ""),
    ],
)
def test_what_a_runtime_says_of_a_pull_is_explained(said: str, words: str) -> None:
    advice = explained_pull(said)
    assert words in advice
    assert bool(advice) == bool(words)


# --- whether anyone may pull -----------------------------------------------------------------------------------------

DIGEST = "sha256:" + "1" * 64


def at(registry: Registry) -> Settings:
    return replace(SETTINGS, registry=registry.host, image_visibility="private")


def test_an_image_that_is_given_to_anyone_is_found_without_a_login(registry: Registry) -> None:
    registry.public = DIGEST
    assert anyone_can_pull(at(registry), DIGEST)
    assert not anyone_can_pull(at(registry), "sha256:" + "2" * 64), "another image of that name"
    assert not [sent for *_, sent in registry.seen if sent.startswith("Basic")], "no login was sent"


def test_an_image_that_is_given_to_nobody_without_a_login_is_private(registry: Registry) -> None:
    assert not anyone_can_pull(at(registry), DIGEST)


def test_a_registry_that_does_not_say_who_may_pull_is_no_proof(registry: Registry) -> None:
    registry.moved = (f"/v2/acme/web/manifests/{DIGEST}", 307, "http://localhost:1/")
    with pytest.raises(InstallerError):
        anyone_can_pull(at(registry), DIGEST)


# --- whether it may push ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("says_so", [True, False], ids=["its tokens say so", "its tokens say nothing"])
@pytest.mark.parametrize("open_door", [True, False], ids=["anyone may pull", "nobody may pull"])
@pytest.mark.parametrize("denies", [401, 403])
def test_a_token_that_may_only_pull_is_reported_before_anything_is_created(
    registry: Registry, says_so: bool, open_door: bool, denies: int
) -> None:
    registry.may, registry.says_so, registry.open_door, registry.denies = ("pull",), says_so, open_door, denies
    with pytest.raises(InstallerError) as error:
        check_login(Login(registry.host, "acme", GOOD), "acme/web")
    assert f"{registry.host} does not let acme push acme/web: {denies}" in error.value.message
    assert "REGISTRY_TOKEN to one that may push (read & write)" in error.value.fix
    assert registry.begun == 0


@pytest.mark.parametrize("cancels", [204, 405], ids=["as distribution", "as GHCR"])
@pytest.mark.parametrize("open_door", [True, False], ids=["anyone may pull", "nobody may pull"])
def test_one_that_may_push_is_tried_by_an_upload_that_is_cancelled(
    registry: Registry, open_door: bool, cancels: int
) -> None:
    registry.says_so, registry.open_door, registry.cancels = False, open_door, cancels
    check_login(Login(registry.host, "acme", GOOD), "acme/web")
    assert registry.begun == 1
    assert "DELETE /v2/acme/web/blobs/uploads/1?_state=x" in registry.requests()
    assert registry.uploads == (set() if cancels == 204 else {"1"})


def test_one_that_asks_for_no_login_is_tried_without_and_the_upload_is_cancelled(registry: Registry) -> None:
    registry.asks = False
    check_login(Login(registry.host, "acme", GOOD), "acme/web")
    assert (registry.begun, registry.uploads) == (1, set())
    assert not any(given for *_, given in registry.seen), "who asks for no login is sent none"


def test_where_the_token_says_that_it_may_push_nothing_is_begun(hub: Registry) -> None:
    check_login(Login("docker.io", "acme", GOOD), "acme/web")
    assert [verb for verb, *_ in hub.seen] == ["GET", "GET"]


@pytest.mark.parametrize(
    "claims", [None, [], {}, {"access": None}, {"access": ["x"]}, {"access": [{"name": "acme/web", "actions": None}]}]
)
def test_a_token_whose_claims_have_another_form_is_no_proof_and_no_error(
    hub: Registry, monkeypatch: pytest.MonkeyPatch, claims: Any
) -> None:
    text = "e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=") + ".c2ln"
    monkeypatch.setattr("tests.installer.registry.token_of", lambda *_: text)
    check_login(Login("docker.io", "acme", GOOD), "acme/web")
    assert hub.begun == 1


# --- and where the login goes ----------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """Somebody else's server, which would take any login."""
    monkeypatch.setenv("NO_PROXY", "*")
    with a_registry(Handler) as server:
        server.open_door = True
        yield server


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Registry, Login]]:
    """A company's registry, by https, and the login there."""
    monkeypatch.setenv("NO_PROXY", "*")
    authority = Authority(tmp_path)
    monkeypatch.setattr("installer.ci.registry._scheme", lambda _: "https")
    with a_registry(Handler, authority) as server:
        server.bearer = True
        yield server, Login(server.host, "acme", GOOD, authority.certificate.read_text())


REALMS = (
    "http://127.0.0.1:{port}/token",
    "http://localhost:{port}/token",  # its own host, but in clear
    "https://127.0.0.1:{port}/token",
    "https://localhost@127.0.0.1:{port}/token",
    "https://127.0.0.1:{port}\\@localhost/token",
    "https://localhost.127.0.0.1.nip.io:{port}/token",
    "//127.0.0.1:{port}/token",
    "",
)


@pytest.mark.parametrize("realm", REALMS)
def test_a_registry_cannot_have_the_login_sent_to_another_host_nor_in_clear(
    company: tuple[Registry, Login], elsewhere: Registry, realm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, login = company
    monkeypatch.setattr("installer.forges.http.pause", lambda _: None)
    server.realm = realm.format(port=elsewhere.server_port) or "/token"
    with pytest.raises(InstallerError) as error:
        check_login(login, "acme/web")
    assert "good" not in str(error.value)
    assert elsewhere.seen == []
    assert not any(given for *_, given in server.seen)


def test_the_token_server_that_the_project_names_is_trusted(
    company: tuple[Registry, Login], elsewhere: Registry, tmp_path: Path
) -> None:
    server, login = company
    elsewhere.bearer = True
    authority = Authority(tmp_path)
    elsewhere.socket = authority.context("127.0.0.1").wrap_socket(elsewhere.socket, server_side=True)
    server.realm = f"https://127.0.0.1:{elsewhere.server_port}/token"
    both = replace(login, ca=login.ca + authority.certificate.read_text())
    with pytest.raises(
        InstallerError, match=r"sends logins to https://127\.0\.0\.1:\d+, which is no https address"
    ) as error:
        check_login(both, "acme/web")
    assert "registry.token_server" in error.value.fix
    assert elsewhere.seen == []
    check_login(replace(both, token_server="127.0.0.1"), "acme/web")
    assert [given for *_, given in elsewhere.seen] == [LOGIN]


@pytest.mark.parametrize(
    ("host", "realm"),
    [
        ("docker.io", "https://auth.docker.io/token"),
        ("ghcr.io", "https://ghcr.io/token"),
        ("registry.gitlab.com", "https://gitlab.com/jwt/auth"),
        ("registry.gitlab.example.com", "https://gitlab.example.com/jwt/auth"),
        ("gitlab.example.com:5050", "https://gitlab.example.com/jwt/auth"),
        ("acme.azurecr.io", "https://acme.azurecr.io/oauth2/token"),
        ("localhost:5001", "http://localhost:5002/token"),
    ],
)
def test_registries_that_people_use_have_their_own_token_servers(host: str, realm: str) -> None:
    assert _token_server(Login(host, "acme", GOOD), realm) == realm


@pytest.mark.parametrize("host", ["docker.io", "ghcr.io", "acme.azurecr.io", "registry.gitlab.com"])
@pytest.mark.parametrize(
    "realm", ["https://evil.example/token", "https://evil.azurecr.io/token", "http://ghcr.io/token"]
)
def test_and_no_others(host: str, realm: str) -> None:
    with pytest.raises(InstallerError, match="which is no https address of its own: none was sent"):
        _token_server(Login(host, "acme", GOOD), realm)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("path", ["/v2/", "/token", "/v2/acme/web/blobs/uploads/"])
def test_a_registry_that_leads_elsewhere_gets_no_login_there(
    registry: Registry, elsewhere: Registry, path: str, status: int
) -> None:
    if path == "/token" and not registry.bearer:
        pytest.skip("a plain registry has no token server")
    registry.says_so = False
    registry.moved = (path, status, f"http://127.0.0.1:{elsewhere.server_port}{path}")
    with pytest.raises(InstallerError, match=rf"leads elsewhere \({status}, to 127\.0\.0\.1"):
        check_login(Login(registry.host, "acme", GOOD), "acme/web")
    assert elsewhere.seen == []


def test_an_upload_that_is_to_be_cancelled_elsewhere_is_left(registry: Registry, elsewhere: Registry) -> None:
    registry.says_so = False
    registry.upload = f"http://127.0.0.1:{elsewhere.server_port}/v2/acme/web/blobs/uploads/1"
    check_login(Login(registry.host, "acme", GOOD), "acme/web")
    assert elsewhere.seen == []


def test_looking_for_an_image_follows_nobody_elsewhere_either(registry: Registry, elsewhere: Registry) -> None:
    path = f"/v2/acme/web/manifests/sha256:{'0' * 64}"
    registry.moved = (path, 307, f"http://127.0.0.1:{elsewhere.server_port}{path}")
    with pytest.raises(InstallerError, match="leads elsewhere"):
        has(Login(registry.host, "acme", GOOD), "acme/web", path.rpartition("/")[2])
    assert elsewhere.seen == []
