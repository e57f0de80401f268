"""A registry that asks for a login as real ones do, and one that is in trouble."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from installer.support.secret import Secret
from tests.github.authority import Authority
from tests.listening import Silent, serving

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
    asks = True
    """Whether it wants a login of anybody."""
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
    index = ""
    """The manifest of that image: of an index, which machines it is for."""
    denies, cancels = 401, 204
    """Distribution's answers to who may not push and to a cancelled upload; GHCR's are 403 and 405."""
    realm = ""
    moved: tuple[str, int, str] | None = None
    """A path that leads elsewhere, how and where to."""
    upload = "/v2/acme/web/blobs/uploads/1?_state=x"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.reset()

    def reset(self) -> None:
        """Forget what a test told it and what it was asked."""
        for name in vars(self).keys() & (vars(Registry).keys() | vars(type(self)).keys()):
            delattr(self, name)
        self.tags: dict[str, str] = {}
        """The digest that each tag stands for, for anyone who asks."""
        self.seen: list[tuple[str, str, str]] = []
        self.uploads: set[str] = set()
        self.begun = 0

    def requests(self) -> list[str]:
        return [f"{verb} {path}" for verb, path, _ in self.seen]


def token_of(actions: Iterable[str], says_so: bool) -> str:
    access = [{"type": "repository", "name": "acme/web", "actions": list(actions)}] if actions else []
    claims = base64.urlsafe_b64encode(json.dumps({"iss": "hub", "access": access}).encode()).decode().rstrip("=")
    return f"e30.{claims}.c2ln" if says_so else "opaque-" + "-".join(actions)


class Handler(Silent, BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        url = self.note()
        if self.leads_elsewhere(url.path):
            return None
        if url.path == "/token":
            return self.grant(parse_qs(url.query))
        if url.path == f"/v2/acme/web/manifests/{self.server.public}" and self.server.index:
            return self.answer(200, said=self.server.index)
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
        if digest := self.server.tags.get(url.path.rpartition("/")[2]):
            self.send_response(200)
            self.send_header("Docker-Content-Digest", digest)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.server.public and (not self.server.bearer or self.allowed("pull")):
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
        if not self.server.asks:
            return True
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


@dataclass(frozen=True)
class Trouble:
    """What a registry answers instead, and to how many requests."""

    status: int = 0
    """0: it hangs up."""
    times: int = 10**6
    headers: dict[str, str] = field(default_factory=dict)


class Troubled(Registry):
    trouble = Trouble(times=0)
    asked = 0


class InTrouble(Handler):
    server: Troubled

    def do_GET(self) -> None:
        self.in_trouble(super().do_GET)

    def do_HEAD(self) -> None:
        self.in_trouble(super().do_HEAD if self.server.public else super().do_GET)

    def in_trouble(self, answer: Callable[[], None]) -> None:
        self.server.asked += 1
        trouble = self.server.trouble
        if self.server.asked > trouble.times:
            answer()
        elif not trouble.status:
            self.close_connection = True
        else:
            self.send_response(trouble.status)
            for name, value in {**trouble.headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()


@contextmanager
def a_registry(handler: type[Handler] = InTrouble, authority: Authority | None = None) -> Iterator[Troubled]:
    """Serve a registry, by https where it has a certificate of this authority."""
    server = Troubled(("127.0.0.1", 0), handler)
    if authority:
        server.socket = authority.context("localhost").wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield server
