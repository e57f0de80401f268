"""The running service, looked at from a pod: the API server over its own TLS, with a ServiceAccount's few rights."""

import json
import os
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ..cluster.pod_answers import PORT, PROXY, PodAnswer, parse
from ..cluster.service_address import address_of
from ..cluster.workloads import is_ready, rolled_out
from ..support.errors import InstallerError
from ..support.http_client import LONGEST, Client
from ..support.objects import Object, Objects
from ..support.parsing import understood
from ..support.pod_tls import context
from ..support.wait import threads
from .sync_state import SyncState, read

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_TIMEOUT = 10


class ApiServer:
    """What a pod may read there; the token is read anew each time, since it is renewed."""

    def __init__(self, account: Path) -> None:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        self._base = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        self._token = account / "token"
        self._client = Client(urllib.request.HTTPSHandler(context=context(file=str(account / "ca.crt"))), direct=True)

    def text(self, path: str, longest: int | None = None) -> str | None:
        """Read a path; None where nothing is there; raise with what the server says where it is no answer."""
        request = urllib.request.Request(  # noqa: S310  # https, above
            self._base + path, headers={"Authorization": f"Bearer {self._token.read_text().strip()}"}
        )
        try:
            answer = self._client.send(request, _TIMEOUT, longest)
        except (OSError, HTTPException) as error:
            raise InstallerError(f"The API server cannot be reached: {getattr(error, 'reason', error)}") from None
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if not answer.ok:
            raise InstallerError(f"The API server answered GET {path} with {answer}")
        return answer.text

    def get(self, path: str, **query: str) -> Any:
        """Read JSON; None where nothing is there."""
        text = self.text(f"{path}?{urlencode(query)}" if query else path)
        with understood("The API server's answer"):
            return None if text is None else json.loads(text)


@dataclass(frozen=True)
class ServiceInCluster:
    """One project's service, seen by its names."""

    server: ApiServer
    application: str
    """The path of the Application at the API server."""
    namespace: str
    slug: str

    def sync_state(self) -> SyncState | None:
        """Return how far Argo CD is; None where the Application does not exist."""
        application = self.server.get(self.application)
        return None if application is None else read(application)

    def operation(self) -> Object:
        """Return how Argo CD's last sync went, in its own words; empty where it made none."""
        return (self.server.get(self.application) or {}).get("status", {}).get("operationState") or {}

    def answers(self) -> list[PodAnswer]:
        """Ask every Ready pod for its revision, through the API server, as it is done from outside."""
        with threads(8) as pool:
            return list(pool.map(self._answer, self.pods()))

    def pods(self) -> Objects:
        """Return the service's pods, ready or not."""
        return self._list("/api/v1", "pods", chosen=True)

    def events(self) -> Objects:
        """Return what Kubernetes noted lately in the service's namespace."""
        return self._list("/api/v1", "events")

    def deployments(self) -> Objects:
        """Return the service's Deployments."""
        return self._list("/apis/apps/v1", "deployments", chosen=True)

    def rolled_out(self) -> bool:
        """Return whether no Deployment of the service is between two states."""
        return all(map(rolled_out, self.deployments()))

    def address(self) -> str:
        """Return where people find the service; empty where there is no way in."""
        ingress = self.server.get(f"/apis/networking.k8s.io/v1/namespaces/{self.namespace}/ingresses/{self.slug}")
        return address_of(ingress, self.server.get(f"/api/v1/namespaces/{self.namespace}/services/{self.slug}"))

    def _list(self, group: str, kind: str, *, chosen: bool = False) -> Objects:
        selector = f"app.kubernetes.io/name={self.slug},app.kubernetes.io/instance={self.slug}"
        query = {"labelSelector": selector} if chosen else {}
        found = self.server.get(f"{group}/namespaces/{self.namespace}/{kind}", **query) or {}
        items: Objects = found.get("items", [])
        return items

    def _answer(self, pod: Object) -> PodAnswer:
        name = pod["metadata"]["name"]
        if not is_ready(pod):
            return PodAnswer(name, ready=False, error="not ready")
        path = PROXY.format(namespace=self.namespace, pod=name, port=PORT)
        try:
            return parse(name, self.server.text(path, LONGEST) or "")
        except InstallerError as error:
            return PodAnswer(name, ready=True, error=error.message)
