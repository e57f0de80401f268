"""What the cluster's half is tried on: a git repository behind a real sshd, and a service that says any revision."""

import getpass
import itertools
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from installer.config.settings import Settings
from installer.forges.base import DeployKey
from tests.listening import kept_ports

from .actors import eventually

IMAGE = "docker.io/library/python:3.13-slim-trixie"
SERVER = """
import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"name": "web", "revision": os.environ["REVISION"]}).encode()
        self.send_response(200); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}, labels: &labels {app.kubernetes.io/name: {{ .Release.Name }}, \
app.kubernetes.io/instance: {{ .Release.Name }}}}
spec:
  replicas: 2
  selector: {matchLabels: *labels}
  template:
    metadata: {labels: *labels}
    spec:
      terminationGracePeriodSeconds: 0
      securityContext: {runAsNonRoot: true, runAsUser: 10001, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: {{ .Release.Name }}
        image: {{ .Values.image }}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
        command: [python, -c, {{ .Values.server | quote }}]
        env: [{name: REVISION, value: {{ .Values.baked }}}]
        readinessProbe: {httpGet: {path: /version, port: 8000}, periodSeconds: 1}
"""


@dataclass(frozen=True)
class Away(Settings):
    """A project whose repository lives at another address than GitHub's."""

    remote: str = ""

    @property
    def source_url(self) -> str:
        return self.remote


@dataclass(frozen=True)
class DeploymentRecord:
    commit: str
    revision: str
    digest: str = ""


@dataclass
class Keys:
    """Deploy keys, as the sshd below obeys them."""

    authorized: Path
    registered: list[DeployKey] = field(default_factory=list)
    made: int = 0

    def list(self) -> "list[DeployKey]":
        return [*self.registered]

    def add(self, title: str, public: str) -> None:
        self.made += 1
        self.registered.append(DeployKey(self.made, title, public, read_only=True))
        self._write()

    def remove(self, key: DeployKey) -> None:
        self.registered.remove(key)
        self._write()

    def _write(self) -> None:
        only_git = 'restrict,command="git-shell -c \\"$SSH_ORIGINAL_COMMAND\\""'
        self.authorized.write_text("".join(f"{only_git} {key.key}\n" for key in self.registered))


_WHO = ("-c", "user.name=test", "-c", "user.email=test@example.com")


class Repository:
    """A bare repository with only `env/dev` in it, and a `main` once something is merged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tree = path.with_suffix(".tree")
        self._merges = itertools.count(1)
        self._git("init", "--quiet", "--bare", str(path))
        self._git("init", "--quiet", "--initial-branch=env/dev", str(self._tree))

    def deploy(
        self, revision: str, baked: str = "", image: str = IMAGE, pushed: Mapping[str, str] | None = None
    ) -> DeploymentRecord:
        """Record a revision; the service will answer `baked`, which is the same where nothing else is said.

        `pushed` are files of somebody's who may push to the branch: they stand beside ours, or in their place.
        """
        shutil.rmtree(self._tree / "chart", ignore_errors=True)
        files: dict[str, Any] = {
            "chart/Chart.yaml": {"apiVersion": "v2", "name": "web", "version": "0.1.0"},
            "deploy/dev.yaml": {"server": SERVER},
            "image.yaml": {"image": image, "revision": revision, "baked": baked or revision},
        }
        for name, tree in files.items():
            (self._tree / name).parent.mkdir(exist_ok=True)
            (self._tree / name).write_text(json.dumps(tree))
        (self._tree / "chart/templates").mkdir(exist_ok=True)
        for name, text in {"chart/templates/deployment.yaml": DEPLOYMENT, **(pushed or {})}.items():
            (self._tree / name).write_text(text)
        self._git("-C", str(self._tree), "add", "--all")
        self._git("-C", str(self._tree), *_WHO, "commit", "--quiet", "--allow-empty", "--message", revision)
        self._git("-C", str(self._tree), "push", "--quiet", str(self.path), "env/dev")
        return DeploymentRecord(
            self._git("-C", str(self._tree), "rev-parse", "HEAD"), revision, image.partition("@")[2]
        )

    def merge(self) -> None:
        """Let main move, as it does some seconds before a deployment."""
        tree = ["-C", str(self._tree)]
        empty = self._git(*tree, "hash-object", "-t", "tree", "-w", os.devnull)
        message = f"Merge {next(self._merges)}"
        commit = self._git(*tree, *_WHO, "commit-tree", empty, "-m", message)
        self._git(*tree, "push", "--quiet", "--force", str(self.path), f"{commit}:refs/heads/main")

    def _git(self, *arguments: str) -> str:
        return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def address_for_pods() -> str:
    """Return this machine's address on the way to the cluster's node: pods can reach it there."""
    command = [
        "kubectl",
        "get",
        "nodes",
        "-o",
        "jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}",
    ]
    node = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((node, 9))
        return str(probe.getsockname()[0])


def answers(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


@contextmanager
def sshd(folder: Path) -> Iterator[tuple[str, str, Keys]]:
    """Serve this machine's git over ssh; yield `user@host:port`, the line for known_hosts, and who may come in."""
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd insists, and only systemd makes it
    address = address_for_pods()
    keys = Keys(folder / "authorized_keys")
    keys._write()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host")], check=True)
    options: dict[str, object] = {
        "HostKey": folder / "host",
        "AuthorizedKeysFile": keys.authorized,
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
    }
    with kept_ports(1, address) as (port,), (folder / "sshd.log").open("wb") as log:
        options["ListenAddress"] = f"{address}:{port}"
        (folder / "config").write_text("".join(f"{name} {value}\n" for name, value in options.items()))
        server = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "config")], stderr=log)
        try:
            eventually("sshd", lambda: answers(address, port), 10)
            host_key = " ".join((folder / "host.pub").read_text().split()[:2])
            yield f"{getpass.getuser()}@{address}:{port}", f"[{address}]:{port} {host_key}", keys
        finally:
            server.terminate()
            server.wait()
