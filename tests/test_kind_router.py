"""The router of `.ci/kind`, real, between clients and stand-ins for GitHub and the registry."""

import contextlib
import http.client
import http.server
import os
import shutil
import socket
import ssl
import subprocess
import time
import uuid
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.kind_parts import CI, make_certificates, names
from tests.listening import kept_ports, serving

HAPROXY = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
pytestmark = pytest.mark.skipif(HAPROXY is None, reason="no haproxy")


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers every request with who it is and what it was told of the protocol."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        text = f"{type(self).__name__} {self.headers['X-Forwarded-Proto']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class StandIn(Echo):
    pass


class Registry(Echo):
    pass


@contextlib.contextmanager
def echoing(handler: type[Echo], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield f"127.0.0.1:{server.server_address[1]}"


@dataclass(frozen=True)
class Router:
    https: int
    ssh: int
    trust: ssl.SSLContext

    def is_there(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.https)) == 0

    def ask(self, host: str, path: str = "/", method: str = "GET", login: str = "") -> tuple[int, str]:
        """Return status and text; the host's name leads to the router as it does where /etc/hosts says so."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.https, context=self.trust, timeout=10)
        plain = socket.create_connection(("127.0.0.1", self.https), timeout=10)
        connection.sock = self.trust.wrap_socket(plain, server_hostname=host)
        headers = {"Host": host} | ({"Authorization": f"Basic {b64encode(login.encode()).decode()}"} if login else {})
        with contextlib.closing(connection):
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    made = make_certificates(tmp_path_factory.mktemp("router"))
    certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.load_cert_chain(made / "tls.crt", made / "tls.key")
    with (
        kept_ports(2) as (https, ssh),
        echoing(StandIn, certificate) as github,
        echoing(Registry) as registry,
        echoing(StandIn) as github_ssh,
    ):
        found = Router(https, ssh, ssl.create_default_context(cafile=str(made / "ca.crt")))
        environment = {
            "NAME": f"router-{uuid.uuid4()}",
            "HTTPS": f"127.0.0.1:{found.https}",
            "SSH": f"127.0.0.1:{found.ssh}",
            "GITHUB": github,
            "GITHUB_SSH": github_ssh,
            "REGISTRY": registry,
            "CERTIFICATE": str(made / "router.pem"),
        }
        assert HAPROXY
        process = subprocess.Popen([HAPROXY, "-db", "-f", CI / "kind.d/router.cfg"], env=environment)
        try:
            end = time.monotonic() + 10
            while not found.is_there():
                assert process.poll() is None, "haproxy refused its configuration"
                assert time.monotonic() < end, "haproxy does not answer"
                time.sleep(0.05)
            yield found
        finally:
            process.terminate()
            process.wait()


def test_githubs_names_lead_to_its_stand_in_still_encrypted(router: Router, tmp_path: Path) -> None:
    hosts = names("github", tmp_path)
    assert {"github.com", "api.github.com", "ghe.example.com"} < set(hosts)
    assert {host: router.ask(host) for host in hosts} == dict.fromkeys(hosts, (200, "StandIn None"))


def test_port_22_leads_to_the_stand_ins_sshd(router: Router) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", router.ssh, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"StandIn None"


@pytest.mark.parametrize("host", ["registry-1.docker.io", "index.docker.io", "ghcr.io"])
def test_a_registrys_names_lead_to_the_registry_which_knows_that_clients_use_https(router: Router, host: str) -> None:
    assert router.ask(host, "/v2/library/python/manifests/3.13") == (200, "Registry https")


@pytest.mark.parametrize(
    ("method", "path", "login", "status"),
    [
        ("GET", "/v2/acme/web/manifests/1", "", 200),
        ("POST", "/v2/acme/web/blobs/uploads/", "", 401),
        ("POST", "/v2/acme/web/blobs/uploads/", "acme:acme-token", 200),
        ("GET", "/v2/acme/web/manifests/1", "acme:wrong", 401),
        ("GET", "/v2/octo/web/manifests/1", "", 401),
        ("GET", "/v2/octo/web/manifests/1", "octo:octo-token", 200),
        ("GET", "/v2/", "", 401),
        ("GET", "/v2/", "acme:acme-token", 200),
    ],
)
def test_anyone_reads_but_below_octo_and_only_accounts_write(
    router: Router, method: str, path: str, login: str, status: int
) -> None:
    assert router.ask("registry-1.docker.io", path, method, login)[0] == status
