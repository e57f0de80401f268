"""The reporter, as it runs in the cluster: it looks at the service, and closes the Deployment of what was deployed.

It remembers nothing that matters: what GitHub shows already it reads before it writes, so that a restart says nothing
twice. While nothing happens it asks GitHub nothing.
"""

import json
import os
import re
import signal
import sys
import time
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ..cluster.workloads import PORT, PROXY, PodAnswer, address_of, is_ready, parse
from ..forges.github.app_client import AppGitHub, Mounted
from ..support.errors import InstallerError, Object, Objects, reading
from ..support.http_client import LONGEST, Client, context
from ..support.plain_text import one_line, plain
from ..support.secret import redact
from ..support.wait import pause, threads
from .github_deployments import close
from .service import APPLICATION, DeploymentRecord, Place, Service, SyncState, assess

Answers = list[PodAnswer]
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_TIMEOUT = 10
_GROUPS = {
    APPLICATION: "/apis/argoproj.io/v1alpha1",
    "deployments": "/apis/apps/v1",
    "ingresses": "/apis/networking.k8s.io/v1",
}
"""Where the API server has a kind that is not of its core."""
EVERY = float(os.environ.get("EVERY", "2"))
"""Seconds between two looks at the Application."""
QUIET = 15.0
"""Seconds between two looks at the pods, where all is said and the Application shows nothing new."""
REPAIR = float(os.environ.get("REPAIR", "15"))
"""Seconds of rest after GitHub or the API server failed."""
# as `ci/deploy` writes it; what others write is not understood, and nothing is said of it
_REVISION = re.compile(r'^revision: "([0-9a-f]{40,64})"$', re.MULTILINE)
_DIGEST = re.compile(r'^  digest: "(sha256:[0-9a-f]{64})"$', re.MULTILINE)


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
        ready = [pod["metadata"]["name"] for pod in pods if is_ready(pod)]
        with threads(8) as pool:
            return list(pool.map(lambda name: self._answer(namespace, name), ready))

    def _answer(self, namespace: str, name: str) -> PodAnswer:
        try:
            return parse(name, self._text(PROXY.format(namespace=namespace, pod=name, port=PORT), LONGEST) or "")
        except InstallerError as error:
            return PodAnswer(name, error=error.message)

    def _json(self, path: str) -> Any:
        text = self._text(path)
        with reading("The API server's answer"):
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


def recorded(github: AppGitHub, commit: str) -> DeploymentRecord:
    """Read what one commit of the environment's branch records; its revision is empty where it records none."""
    text = github.file("image.yaml", commit)
    revision, digest = _REVISION.search(text), _DIGEST.search(text)
    return DeploymentRecord(commit, revision[1] if revision else "", digest=digest[1] if digest else "")


class Reporter:
    """One look after the other; each asks for no more than may have changed."""

    def __init__(self, github: AppGitHub, service: Service, say: Callable[[str], None]) -> None:
        self._github = github
        self._service = service
        self._say = say
        self._record: DeploymentRecord | None = None
        self._picture: SyncState | None = None
        self._next = 0.0
        self._said: tuple[str, str] | None = None
        self._last = ""

    def look(self) -> None:
        """Look at the Application; where it is another one, or it is time, at the pods; and report the outcome."""
        synced = self._service.sync_state()
        if synced == self._picture and time.monotonic() < self._next:
            return
        self._picture, self._next = synced, time.monotonic() + REPAIR
        if synced is None:
            return
        # of a chart that it cannot render Argo CD does not say which commit has it
        commit = synced.revision or (self._github.head(self._service.place.branch) if synced.unrendered else "")
        if not commit:
            return
        if self._record is None or self._record.commit != commit:
            self._record, self._said = recorded(self._github, commit), None
        if self._record.revision:
            self._next = time.monotonic() + self._report(self._record, unrendered=not synced.revision)

    def _report(self, record: DeploymentRecord, *, unrendered: bool) -> float:
        """Report the outcome where it is not reported yet; return how long nothing is to be done."""
        outcome = assess(self._service, record)
        if outcome is None and not unrendered:
            return 0.0
        said = (outcome.state, outcome.kind) if outcome else ("failure", "chart")
        if said == self._said:
            return QUIET
        reported = close(self._github, self._service, record, self._say)
        if reported.news and reported.text != self._last:
            self._say(f"{record.revision[:12]}: {reported.text}")
        self._last = reported.text
        if reported.done:
            self._said = said
        return QUIET if reported.done else REPAIR


def run(reporter: Reporter, say: Callable[[str], None], mark: Path) -> None:
    """Look again and again; what fails is said once, and tried again."""
    last = ""
    while True:
        try:
            reporter.look()
        except InstallerError as error:
            if error.message != last:
                say(error.message)
            last = error.message
            pause(REPAIR)
        else:
            last = ""
            mark.touch()
            pause(EVERY)


def _say(text: str) -> None:
    print(time.strftime("%H:%M:%S", time.gmtime()), one_line(plain(redact(text)), 1000), flush=True)


def main() -> None:
    """Report for the project that the environment names, until the end of the pod."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    given = os.environ
    authority = Path(given["AUTHORITY"]).read_text(encoding="utf-8") if given.get("AUTHORITY") else ""
    github = AppGitHub(given["API"], given["GITHUB"], given["REPOSITORY"], Mounted(Path(given["APP"])), authority)
    account = Path(given.get("ACCOUNT", ACCOUNT))
    server = ApiServer(account)
    service = Service(server, server.answers, Place.of(lambda name: given[name.upper()]))
    while True:  # ready only once GitHub has let the App in
        try:
            github.head(service.place.branch)
            break
        except InstallerError as error:
            _say(error.message)
            pause(REPAIR)
    run(Reporter(github, service, _say), _say, Path(given["MARK"]))


if __name__ == "__main__":
    main()
