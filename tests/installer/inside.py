"""An API server as a pod meets it: TLS by the cluster's CA, a ServiceAccount's token, and what a Role lets it read."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.github.authority import Authority
from tests.listening import Silent

TOKEN = "eyJhbGciOi-the-accounts-token"
Tree = dict[str, Any]


@dataclass
class Inside:
    """One service in a cluster: what Argo CD says of it, and its pods with what each answers."""

    folder: Path
    roles: dict[str, list[Tree]]
    """The rules of the pod's Roles, by namespace."""
    commit: str = ""
    digest: str = ""
    revisions: list[str] = field(default_factory=list)
    ailing: list[Tree] = field(default_factory=list)
    unrendered: str = ""
    """What Argo CD says of a chart that it cannot render; it names no revision then."""
    leads: str = ""
    """Where the pods answer that one should look instead: the API server passes that on."""
    port: int = 0
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str]:
        return {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(self.port),
            "ACCOUNT": str(self.folder / "account"),
        }

    def roll(self, commit: str, revision: str, digest: str, *, pods: int = 2) -> None:
        """Let a deployment be live."""
        self.commit, self.revisions, self.digest, self.ailing = commit, [revision] * pods, digest, []

    def break_(self, commit: str, digest: str) -> None:
        """Let a deployment's new pod wait for an image that is not there; the old ones serve on."""
        self.commit = commit
        waiting = {"reason": "ImagePullBackOff", "message": f"Back-off pulling image {digest}: not found"}
        status = {"containerStatuses": [{"name": "web", "state": {"waiting": waiting}}]}
        self.ailing = [_pod("new", f"docker.io/acme/web@{digest}", status)]

    def answer(self, path: str) -> Tree | None:
        """Return what is at a path; None where nothing is."""
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        pods = [_pod(f"web-{n}", f"docker.io/acme/web@{self.digest}", ready) for n in range(len(self.revisions))]
        health = "Progressing" if self.ailing else "Healthy"
        synced: Tree = {"sync": {"revision": self.commit, "status": "Synced"}, "health": {"status": health}}
        if self.unrendered:
            said = [{"type": "ComparisonError", "message": self.unrendered}]
            synced |= {"sync": {"status": "Unknown"}, "conditions": said, "reconciledAt": "2126-01-01T00:00:00Z"}
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas"), len(pods))
        deployment = {
            "metadata": {"name": "web", "generation": 1},
            "spec": {"replicas": len(pods)},
            "status": {"observedGeneration": 1, **counts},
        }
        there: Tree = {
            "applications/web-dev": {"status": {**synced, "operationState": {"phase": "Succeeded"}}},
            "pods": {"items": [*pods, *self.ailing]},
            "events": {"items": []},
            "deployments": {"items": [deployment]},
            "ingresses/web": {"spec": {"rules": [{"host": "web.example.com"}], "tls": [{}]}},
            **{f"pods/web-{n}:8000/proxy/version": {"revision": each} for n, each in enumerate(self.revisions)},
        }
        found: Tree | None = there.get(path)
        return found

    def allowed(self, group: str, namespace: str, resource: str, verb: str) -> bool:
        """Ask the Roles, as the API server would."""
        kind, _, rest = resource.partition("/")
        name = rest.partition("/")[0].partition(":")[0]
        kind = f"{kind}/proxy" if "/proxy/" in rest else kind
        return any(
            group in rule["apiGroups"] and kind in rule["resources"] and verb in rule["verbs"]
            and ("resourceNames" not in rule or name in rule["resourceNames"])
            for rule in self.roles.get(namespace, [])
        )  # fmt: skip


def rules(manifests: list[Tree]) -> dict[str, list[Tree]]:
    """Return what the Roles among manifests allow, by namespace."""
    return {each["metadata"]["namespace"]: each["rules"] for each in manifests if each["kind"] == "Role"}


def _pod(name: str, image: str, status: Tree) -> Tree:
    spec = {"containers": [{"name": "web", "image": image}]}
    return {"metadata": {"name": name, "labels": {"app.kubernetes.io/name": "web"}}, "spec": spec, "status": status}


@contextmanager
def serve(folder: Path, roles: dict[str, list[Tree]]) -> Iterator[Inside]:
    """Run the API server, and lay out what a pod finds of it in its folder."""
    inside = Inside(folder, roles)

    class Handler(Silent, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            parts = re.fullmatch(r"/(?:api|apis/([^/]+))/[^/]+/namespaces/([^/]+)/(.+)", path)
            assert parts, path
            verb = "get" if "/" in parts[3] else "list"
            inside.asked.append(f"{verb} {parts[3]}")
            status, body = 200, inside.answer(parts[3])
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status, body = 401, {"message": "Unauthorized"}
            elif not inside.allowed(parts[1] or "", parts[2], parts[3], verb):
                inside.refused.append(self.path)
                status, body = 403, {"message": f"{self.path} is forbidden"}
            elif body is None:
                status, body = 404, {"message": "not found"}
            elif parts[3] in ("pods", "deployments"):
                chosen = "labelSelector=app.kubernetes.io%2Fname%3Dweb%2Capp.kubernetes.io%2Finstance%3Dweb"
                assert query == chosen, query
            text = json.dumps(body).encode()
            moved = bool(inside.leads) and status == 200 and "/proxy/" in parts[3]
            self.send_response(302 if moved else status)
            if moved:
                self.send_header("Location", f"{inside.leads}/version")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    where = folder / "api"
    where.mkdir()
    authority = Authority(where)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = authority.context("127.0.0.1").wrap_socket(server.socket, server_side=True)
    inside.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    account = folder / "account"
    account.mkdir()
    (account / "token").write_text(TOKEN)
    (account / "ca.crt").write_bytes(authority.certificate.read_bytes())
    yield inside
    server.shutdown()
    server.server_close()


__all__ = ["TOKEN", "Inside", "rules", "serve"]
