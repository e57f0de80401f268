"""The API server, as a pod reads it: over its own TLS, with a ServiceAccount's few rights."""

import json
import os
import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ..cluster.pod_answers import PORT, PROXY, PodAnswer, parse
from ..cluster.service_address import address_of
from ..cluster.workloads import is_ready
from ..support.errors import InstallerError
from ..support.http_client import LONGEST, Client
from ..support.objects import Object, Objects
from ..support.parsing import understood
from ..support.pod_tls import context
from ..support.wait import threads
from .service import APPLICATION

Answers = list[PodAnswer]
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_TIMEOUT = 10
_GROUPS = {
    APPLICATION: "/apis/argoproj.io/v1alpha1",
    "deployments": "/apis/apps/v1",
    "ingresses": "/apis/networking.k8s.io/v1",
}
"""Where the API server has a kind that is not of its core."""


class ApiServer:
    """What a pod may read there; the token is read anew each time, since it is renewed. No redirect is followed."""

    def __init__(self, account: Path) -> None:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        self._base = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        self._token = account / "token"
        self._client = Client(urllib.request.HTTPSHandler(context=context(file=str(account / "ca.crt"))), direct=True)

    def get(self, kind: str, name: str, namespace: str) -> Object | None:
        """Return one object; None where it is not there."""
        found: Object | None = self._json(f"{_path(kind, namespace)}/{name}")
        return found

    def list(self, kind: str, namespace: str, selector: str = "") -> Objects:
        """Return the objects of a kind."""
        query = f"?{urlencode({'labelSelector': selector})}" if selector else ""
        items: Objects = (self._json(_path(kind, namespace) + query) or {}).get("items", [])
        return items

    def address(self, service: str, namespace: str) -> str:
        """Return the address of the ingress, or load balancer, of a service's name; empty where there is none."""
        return address_of(self.get("ingresses", service, namespace), self.get("services", service, namespace))

    def answers(self, namespace: str, pods: Objects) -> Answers:
        """Ask every Ready pod for its revision, through the API server, as it is done from outside."""
        with threads(8) as pool:
            return list(pool.map(lambda pod: self._answer(namespace, pod), pods))

    def _answer(self, namespace: str, pod: Object) -> PodAnswer:
        name = pod["metadata"]["name"]
        if not is_ready(pod):
            return PodAnswer(name, ready=False, error="not ready")
        try:
            return parse(name, self._text(PROXY.format(namespace=namespace, pod=name, port=PORT), LONGEST) or "")
        except InstallerError as error:
            return PodAnswer(name, ready=True, error=error.message)

    def _json(self, path: str) -> Any:
        text = self._text(path)
        with understood("The API server's answer"):
            return None if text is None else json.loads(text)

    def _text(self, path: str, longest: int | None = None) -> str | None:
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


def _path(kind: str, namespace: str) -> str:
    return f"{_GROUPS.get(kind, '/api/v1')}/namespaces/{namespace}/{kind.partition('.')[0]}"
