"""A registry's login is asked before anything is created: both ways in which registries challenge."""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import pytest

from installer.ci.registry import _API, Login, _token_server, anyone_can_pull, check_login, has
from installer.config.settings import Settings
from installer.support.errors import InstallerError
from installer.support.registry_errors import explained_pull
from installer.support.secret import Secret
from tests.github.authority import Authority
from tests.listening import serving

from .cluster import SETTINGS

LOGIN = "Basic " + base64.b64encode("acme:good-töken".encode()).decode()


GOOD = Secret("good-töken")


class Registry(ThreadingHTTPServer):
    """Login and uploads of a registry: `bearer` challenges as Docker Hub does, otherwise as a plain registry.

    Modelled after distribution's token and JWT specifications (https://distribution.github.io/distribution/spec/auth/)
    and its API; what GHCR does otherwise, after radius-project/radius#12623.
    """

    @property
    def host(self) -> str:
        return f"localhost:{self.server_address[1]}"

    bearer = False
    refuses: tuple[int, str] | None = None
    """What it says to whoever asks for a token: Docker Hub's own words."""
    may: tuple[str, ...] = ("pull", "push")
    """What the account's token may do; the token server grants what of it was asked for."""
    says_so = True
    """Whether its tokens are JWTs, which say what was granted."""
    open_door = False
    """Whether its first page asks nobody for a login: it lets anyone pull."""
    public = ""
    """The digest of an image that it gives to anyone: by a token for nobody in particular, where it wants one."""
    denies, cancels = 401, 204
    """Distribution's answers to who may not push and to a cancelled upload; GHCR's are 403 and 405."""
    realm = ""
    moved: tuple[str, int, str] | None = None
    """A path that leads elsewhere, how and where to."""
    upload = "/v2/acme/web/blobs/uploads/1?_state=x"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seen: list[tuple[str, str, str]] = []
        self.uploads: set[str] = set()
        self.begun = 0

    def requests(self) -> list[str]:
        return [f"{verb} {path}" for verb, path, _ in self.seen]


def token_of(actions: Iterable[str], says_so: bool) -> str:
    access = [{"type": "repository", "name": "acme/web", "actions": list(actions)}] if actions else []
    claims = base64.urlsafe_b64encode(json.dumps({"iss": "hub", "access": access}).encode()).decode().rstrip("=")
    return f"e30.{claims}.c2ln" if says_so else "opaque-" + "-".join(actions)


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        url = self.note()
        if self.leads_elsewhere(url.path):
            return None
        if url.path == "/token":
            return self.grant(parse_qs(url.query))
        if url.path != "/v2/":
            return self.answer(500)
        if self.allowed("") or self.server.open_door:
            return self.answer(200)
        return self.challenge()

    def grant(self, query: dict[str, list[str]]) -> None:
        if self.server.refuses:
            status, said = self.server.refuses
            return self.answer(status, said=said)
        if not self.server.bearer or query.get("service") != ["hub"]:
            return self.answer(400)
        kind, name, actions = query["scope"][0].split(":")
        if (kind, name) != ("repository", "acme/web"):
            return self.answer(400)
        if "Authorization" not in self.headers and self.server.public and actions == "pull":
            return self.answer(200, said=json.dumps({"token": token_of(["pull"], self.server.says_so)}))
        if self.headers.get("Authorization") != LOGIN:
            return self.answer(401)
        granted = [each for each in actions.split(",") if each in self.server.may]
        return self.answer(200, said=json.dumps({"token": token_of(granted, self.server.says_so)}))

    def do_HEAD(self) -> None:
        url = self.note()
        if self.leads_elsewhere(url.path):
            return
        if self.server.public and (not self.server.bearer or self.allowed("pull")):
            self.answer(200 if url.path == f"/v2/acme/web/manifests/{self.server.public}" else 404)
        else:
            self.challenge()

    def do_POST(self) -> None:
        url = self.note()
        if url.path != "/v2/acme/web/blobs/uploads/" or self.headers.get("Content-Length", "0") != "0":
            self.answer(500)
        elif not self.leads_elsewhere(url.path):
            self.begin()

    def begin(self) -> None:
        if not self.allowed("push"):
            self.answer(403) if self.server.denies == 403 and self.allowed("") else self.challenge()
            return
        self.server.uploads.add("1")
        self.server.begun += 1
        self.send_response(202)
        self.send_header("Location", self.server.upload)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_DELETE(self) -> None:
        url = self.note()
        if not self.allowed("push") or url.path != "/v2/acme/web/blobs/uploads/1":
            self.answer(500)
            return
        if self.server.cancels == 204:
            self.server.uploads.remove("1")
        self.answer(self.server.cancels)

    def note(self) -> SplitResult:
        self.server.seen.append((self.command, self.path, self.headers.get("Authorization", "")))
        return urlsplit(self.path)

    def allowed(self, action: str) -> bool:
        """Tell whether who asks is known and, where an action is named, may do it."""
        given = self.headers.get("Authorization", "")
        if not self.server.bearer:
            return given == LOGIN and (not action or action in self.server.may)
        granted = [n for n in ("pull", "push") if given == f"Bearer {token_of([n], self.server.says_so)}"]
        both = given == f"Bearer {token_of(['pull', 'push'], self.server.says_so)}"
        return bool(granted or both) and (not action or both or action in granted)

    def leads_elsewhere(self, path: str) -> bool:
        if not self.server.moved or self.server.moved[0] != path:
            return False
        self.send_response(self.server.moved[1])
        self.send_header("Location", self.server.moved[2])
        self.send_header("Content-Length", "0")
        self.end_headers()
        return True

    def challenge(self) -> None:
        realm = self.server.realm or f"http://{self.server.host}/token"
        self.answer(401, f'Bearer realm="{realm}",service="hub"' if self.server.bearer else 'Basic realm="here"')

    def answer(self, status: int, challenge: str = "", said: str = "") -> None:
        body = b"" if status == 204 else b"{}" if status == 200 else b'{"errors": [{"message": "no such login"}]}'
        body = said.encode() or body
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(params=["basic", "bearer"])
def registry(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setenv("NO_PROXY", "localhost")
    server = Registry(("127.0.0.1", 0), Handler)
    server.bearer = request.param == "bearer"
    with serving(server):
        yield server


def test_a_good_login_passes(registry: Registry) -> None:
    check_login(Login(registry.host, "acme", GOOD), "acme/web")


def test_a_bad_login_is_told_with_the_variables_to_set_and_without_the_token(registry: Registry) -> None:
    with pytest.raises(InstallerError) as error:
        check_login(Login(registry.host, "acme", Secret("bad-token-9")), "acme/web")
    assert "refuses acme: 401 no such login" in error.value.message
    assert "REGISTRY_TOKEN" in error.value.fix
    assert "bad-token-9" not in str(error.value)


def test_a_registry_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer.support.registry_errors.pause", lambda _: None)
    with pytest.raises(InstallerError, match="does not answer"):
        check_login(Login("localhost:1", "acme", Secret("a-token")), "acme/web")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry under Docker Hub's name."""
    monkeypatch.setenv("NO_PROXY", "localhost")
    server = Registry(("127.0.0.1", 0), Handler)
    server.bearer = True
    monkeypatch.setitem(_API, "docker.io", server.host)
    monkeypatch.setattr("installer.ci.registry._scheme", lambda _: "http")
    with serving(server):
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


def test_a_company_registry_is_believed_with_its_ca_and_named_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost")
    authority = Authority(tmp_path)
    server = Registry(("127.0.0.1", 0), Handler)
    server.socket = authority.context("localhost").wrap_socket(server.socket, server_side=True)
    monkeypatch.setattr("installer.ci.registry._scheme", lambda _: "https")
    monkeypatch.setattr("installer.support.registry_errors.pause", lambda _: pytest.fail("to ask again does not help"))
    with serving(server):
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
def test_a_token_that_may_only_pull_is_told_before_anything_is_created(
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
    monkeypatch.setattr("tests.installer.test_registry.token_of", lambda *_: text)
    check_login(Login("docker.io", "acme", GOOD), "acme/web")
    assert hub.begun == 1


# --- and where the login goes ----------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """Somebody else's server, which would take any login."""
    monkeypatch.setenv("NO_PROXY", "*")
    server = Registry(("127.0.0.1", 0), Handler)
    server.open_door = True
    with serving(server):
        yield server


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Registry, Login]]:
    """A company's registry, by https, and the login there."""
    monkeypatch.setenv("NO_PROXY", "*")
    authority = Authority(tmp_path)
    server = Registry(("127.0.0.1", 0), Handler)
    server.socket = authority.context("localhost").wrap_socket(server.socket, server_side=True)
    server.bearer = True
    monkeypatch.setattr("installer.ci.registry._scheme", lambda _: "https")
    with serving(server):
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
    monkeypatch.setattr("installer.support.registry_errors.pause", lambda _: None)
    server.realm = realm.format(port=elsewhere.server_port) or "/token"
    with pytest.raises(InstallerError) as error:
        check_login(login, "acme/web")
    assert "good" not in str(error.value)
    assert elsewhere.seen == []
    assert not any(given for *_, given in server.seen)


def test_the_token_server_that_the_project_names_is_believed(
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
