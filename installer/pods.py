"""The pods of a service: what keeps them from running, and what each answers when asked for its revision."""

import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from .answers import PORT, PROXY, VERSION, PodAnswer, is_ready, parse
from .errors import InstallerError
from .kubectl import Cluster, Object
from .registry_trouble import explained_pull

_PATH_OF_PROXY = PROXY


def answers(cluster: Cluster, namespace: str, pods: Sequence[Object]) -> list[PodAnswer]:
    """Ask every Ready pod; the others are listed as not ready."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda pod: _answer(cluster, namespace, pod), pods))


def _answer(cluster: Cluster, namespace: str, pod: Object) -> PodAnswer:
    name = pod["metadata"]["name"]
    if not is_ready(pod):
        return PodAnswer(name, ready=False, error="not ready")
    # The API server's proxy takes 10 ms, a port-forward a second; but not everyone may use the proxy.
    proxied = cluster.raw(_PATH_OF_PROXY.format(namespace=namespace, pod=name, port=PORT))
    if proxied.status == 0:
        return parse(name, proxied.out)
    try:
        with cluster.forwarded(f"pod/{name}", namespace, PORT) as address:
            return parse(name, _fetch(f"{address}/{VERSION}"))
    except (OSError, InstallerError) as error:
        return PodAnswer(name, ready=True, error=f"{proxied.err.strip() or proxied.out.strip()}; {error}")


def _fetch(address: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # 127.0.0.1 needs no proxy
    with opener.open(address, timeout=5) as response:
        return str(response.read().decode(errors="replace"))


def problems(cluster: Cluster, namespace: str, selector: str) -> list[str]:
    """Say in short sentences what keeps the chosen pods from being ready, with the reasons that Kubernetes gives."""
    pods = cluster.list("pods", namespace, selector)
    ailing = [pod for pod in pods if not is_ready(pod) and "deletionTimestamp" not in pod["metadata"]]
    events = cluster.list("events", namespace) if ailing else []
    return [line for pod in ailing for line in ailments(pod, events) + _last_words(cluster, namespace, pod)]


def ailments(pod: Object, events: Sequence[Object]) -> list[str]:
    """List what a pod that is not ready suffers from, from its state and its newest warning."""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    found = []
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        waiting = container.get("state", {}).get("waiting") or {}
        ended = container.get("state", {}).get("terminated") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            found.append(f"pod {name}: {waiting['reason']}: {waiting.get('message', '')}".rstrip(": "))
        elif ended.get("exitCode"):
            found.append(f"pod {name}: {container['name']} ended with {ended['exitCode']} ({ended.get('reason')})")
    found += [
        f"pod {name}: not scheduled: {condition.get('message', '')}"
        for condition in status.get("conditions", [])
        if condition["type"] == "PodScheduled" and condition["status"] == "False"
    ]
    warnings = [event for event in events if event["type"] == "Warning" and event["involvedObject"].get("name") == name]
    newest = max(warnings, key=lambda event: event.get("lastTimestamp") or "", default=None)
    if newest:
        found.append(f"pod {name}: {newest['reason']}: {' '.join(newest['message'].split())}")
    if advice := next(filter(None, (explained_pull(line) for line in found if "mage" in line)), ""):
        found.append(f"    → {advice}")
    return found or [f"pod {name}: {status.get('phase', 'Unknown')}, not ready yet"]


def _last_words(cluster: Cluster, namespace: str, pod: Object) -> list[str]:
    """Return the end of the log of a pod's container that keeps ending; one that runs before the others comes first."""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    crashed = next((c["name"] for c in containers if c.get("restartCount") and not c.get("ready")), None)
    if crashed is None:
        return []
    text = cluster.logs(name, namespace, crashed, previous=True) or cluster.logs(name, namespace, crashed)
    return [f"    {line}" for line in text.splitlines()]
