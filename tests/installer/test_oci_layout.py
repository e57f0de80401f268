"""An image that is brought to a registry as files: the registry is a strict one of the test's own."""

import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from installer.ci.oci_layout import push
from installer.support.errors import InstallerError
from tests.listening import Silent

pytestmark = pytest.mark.slow

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Registry(http.server.ThreadingHTTPServer):
    """As the distribution specification has it: a blob is what its digest says, a manifest names what is there."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.full = False
        self.puts: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(Silent, http.server.BaseHTTPRequestHandler):
    server: Registry
    protocol_version = "HTTP/1.1"

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def do_HEAD(self) -> None:
        self.say(200 if self.path.rpartition("/")[2] in self.server.blobs else 404)

    def do_POST(self) -> None:
        assert self.path == "/v2/acme/web/blobs/uploads/"
        self.body() if self.headers["Content-Length"] else None
        # another host than it was asked by, as behind a port-forward
        self.say(202, Location="http://registry.example:5000/v2/acme/web/blobs/uploads/1?_state=x")

    def do_PUT(self) -> None:
        body = self.body()
        self.server.puts.append(self.path)
        if self.server.full:
            self.say(507, b"no space left on device")
        elif found := re.fullmatch(r"/v2/acme/web/blobs/uploads/1\?_state=x&digest=(sha256:\w{64})", self.path):
            assert digest_of(body) == found[1]
            self.server.blobs[found[1]] = body
            self.say(201)
        elif found := re.fullmatch(r"/v2/acme/web/manifests/(\S+)", self.path):
            tree = json.loads(body)
            named = tree.get("manifests", []) or [tree["config"], *tree["layers"]]
            known = {*self.server.blobs, *self.server.manifests}
            unknown = [each["digest"] for each in named if each["digest"] not in known]
            self.server.manifests[found[1]] = (self.headers["Content-Type"], body)
            self.say(400 if unknown else 201, json.dumps({"errors": unknown}).encode())
        else:
            self.say(404)


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


class Layout:
    """A layout as buildx writes it: an index with an image and its provenance, in one index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs/sha256").mkdir(parents=True)
        image = self.manifest(b"layer of Debian", b"layer of the service")
        provenance = self.manifest(b"{}")
        self.root = self.put(json.dumps({"manifests": [image, provenance]}).encode(), INDEX)
        (folder / "index.json").write_text(json.dumps({"manifests": [self.root]}))

    def put(self, content: bytes, kind: str = "application/octet-stream") -> dict[str, Any]:
        digest = digest_of(content)
        (self.folder / "blobs/sha256" / digest[7:]).write_bytes(content)
        return {"mediaType": kind, "digest": digest, "size": len(content)}

    def manifest(self, *layers: bytes) -> dict[str, Any]:
        tree = {"config": self.put(b"config of " + b"".join(layers)), "layers": [self.put(each) for each in layers]}
        return self.put(json.dumps(tree).encode(), MANIFEST)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


def test_all_of_it_arrives_each_part_before_what_names_it(registry: Registry, layout: Layout) -> None:
    assert push(layout.folder, registry.address, "acme/web", "3f2a91c") == layout.root["digest"]
    assert set(registry.manifests) == {*(d for d in registry.manifests if d.startswith("sha256:")), "3f2a91c"}
    assert registry.manifests["3f2a91c"] == registry.manifests[layout.root["digest"]]
    assert registry.manifests["3f2a91c"][0] == INDEX
    assert b"layer of the service" in registry.blobs.values()


def test_layers_that_are_there_are_not_sent_again(
    registry: Registry, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nobody is there, and nobody is asked
    push(layout.folder, registry.address, "acme/web", "one")
    sent = len(registry.puts)
    push(layout.folder, registry.address, "acme/web", "two")
    assert [path for path in registry.puts[sent:] if "/blobs/" in path] == []
    assert "two" in registry.manifests


def test_what_the_registry_says_is_reported(registry: Registry, layout: Layout) -> None:
    registry.full = True
    with pytest.raises(InstallerError, match=r"did not take sha256:.*: 507 no space left on device"):
        push(layout.folder, registry.address, "acme/web", "one")


def test_a_registry_that_is_gone_is_one_sentence(layout: Layout) -> None:
    with pytest.raises(InstallerError, match="does not answer: ConnectionError"):
        push(layout.folder, "http://127.0.0.1:9", "acme/web", "one")


@pytest.mark.parametrize("index", ["", "{}", '{"manifests": []}', "[]"])
def test_what_is_no_layout_of_one_image_is_refused(registry: Registry, layout: Layout, index: str) -> None:
    (layout.folder / "index.json").write_text(index)
    with pytest.raises(InstallerError):
        push(layout.folder, registry.address, "acme/web", "one")


def test_a_name_that_leads_out_of_the_layout_is_none(registry: Registry, layout: Layout) -> None:
    root = {**layout.root, "digest": "sha256:../../../etc/passwd"}
    (layout.folder / "index.json").write_text(json.dumps({"manifests": [root]}))
    with pytest.raises(InstallerError, match="is no digest"):
        push(layout.folder, registry.address, "acme/web", "one")
