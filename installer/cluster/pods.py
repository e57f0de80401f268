"""The pods of a service: what keeps them from running, and what each answers when asked for its revision."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPException

from ..support.errors import InstallerError
from ..support.http_client import Answer, Client
from ..support.plain_text import one_line
from ..support.wait import threads
from .kubectl import Cluster, Object, with_retries
from .workloads import PORT, PROXY, VERSION, PodAnswer, containers, is_ready, newest_warning, of_pod, parse

_TIMEOUT = 20.0
HUB_LIMITS = (
    "Docker Hub limits how often is pulled, and counts by address where nobody is logged in, else by account. "
    "Wait, or let the cluster log in: registry.visibility private in gitops.yaml, REGISTRY_PULL_TOKEN set."
)


def answers(cluster: Cluster, namespace: str, pods: Sequence[Object]) -> list[PodAnswer]:
    """Ask every Ready pod through the API server, in milliseconds; where that is forbidden by a port-forward, a second.

    Never with a credential of ours at hand, and no redirect is followed: who runs the pods is not trusted.
    """
    names = [pod["metadata"]["name"] for pod in pods if is_ready(pod)]
    if not names:
        return []
    paths = [PROXY.format(namespace=namespace, pod=name, port=PORT) for name in names]
    with threads(8) as pool:
        try:
            with cluster.proxied(paths) as client:
                said = list(pool.map(lambda path: _through(client, path), paths))
        except InstallerError as error:
            said = [error.message] * len(names)
        return list(pool.map(lambda name, answer: _read(cluster, namespace, name, answer), names, said))


def _through(client: Client, path: str) -> Answer | str:
    return with_retries(lambda: _get(client, f"http://localhost{path}"), _away)


def _away(said: Answer | str) -> str:
    """Return what kubectl said where the API server did not answer; what it says of a pod that does not is another."""
    if isinstance(said, str) or said.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return ""
    return "" if "trying to reach service" in said.text else said.text


def _read(cluster: Cluster, namespace: str, name: str, said: Answer | str) -> PodAnswer:
    """Read what a pod said; one that could not be asked is asked by a port-forward."""
    if isinstance(said, Answer) and (said.ok or said.redirects):
        return _parse(name, said)
    try:
        with cluster.forwarded(f"pod/{name}", namespace, PORT) as address:
            again = _get(Client(direct=True), f"{address}/{VERSION}")
    except InstallerError as error:
        again = error.message
    if isinstance(again, Answer):
        return _parse(name, again)
    return PodAnswer(name, error=f"{said}; {again}")


def _parse(name: str, answer: Answer) -> PodAnswer:
    return parse(name, answer.text) if answer.ok else PodAnswer(name, error=f"answered {answer}")


def _get(client: Client, address: str) -> Answer | str:
    """Return the answer, or why there is none."""
    try:
        return client.get(address, _TIMEOUT)
    except (OSError, HTTPException) as error:
        return f"no answer: {getattr(error, 'reason', error)}"


def problems(cluster: Cluster, namespace: str, selector: str) -> list[str]:
    """Say in short sentences what keeps the chosen pods from being ready, with the reasons that Kubernetes gives."""
    pods = cluster.list("pods", namespace, selector)
    ailing = [pod for pod in pods if not is_ready(pod) and "deletionTimestamp" not in pod["metadata"]]
    events = cluster.list("events", namespace) if ailing else []
    return [line for pod in ailing for line in ailments(pod, events) + _last_words(cluster, namespace, pod)]


def ailments(pod: Object, events: Sequence[Object]) -> list[str]:
    """List what a pod that is not ready suffers from, from its state and its newest warning."""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    reported = [trouble.text for trouble in of_pod(pod, events)]
    newest = newest_warning(pod, events)
    if newest and not any(text in newest or newest.partition(": ")[2] in text for text in reported):
        reported.append(newest)
    found = [one_line(f"pod {name}: {text}") for text in reported]
    if advice := next(filter(None, (explained_pull(line) for line in found if "mage" in line)), ""):
        found.append(f"    → {advice}")
    return found or [f"pod {name}: {status.get('phase', 'Unknown')}, not ready yet"]


def explained_pull(said: str) -> str:
    """Return what to do about a pull that the cluster was refused, by its runtime's words; empty where they say all."""
    if "toomanyrequests" in said or "429 Too Many Requests" in said:
        others = "The registry limits how often is pulled: wait, or ask who runs it."
        return HUB_LIMITS if "docker.io" in said else others
    if re.search(r"unauthorized|Unauthorized|authentication required|403 Forbidden|pull access denied|denied:", said):
        return (
            "Nobody may pull this image without a login, or not with this one: registry.visibility: private in "
            "gitops.yaml, a token that reads in REGISTRY_PULL_TOKEN, then `up` again."
        )
    if "x509" in said:
        return "The nodes do not know the CA that signed the registry's certificate: their container runtime needs it."
    return ""


def _last_words(cluster: Cluster, namespace: str, pod: Object) -> list[str]:
    """Return the end of the log of a pod's container that keeps ending; one that runs before the others comes first."""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    crashed = next((c["name"] for c in containers(status) if c.get("restartCount") and not c.get("ready")), None)
    if crashed is None:
        return []
    text = cluster.logs(name, namespace, crashed, previous=True) or cluster.logs(name, namespace, crashed)
    return [f"    {line}" for line in text.splitlines()]
