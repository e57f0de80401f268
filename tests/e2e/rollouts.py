"""Rollouts under load: a client inside the cluster counts what goes wrong, and what pods wait for is timed."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

RATE = 50
"""Requests a second; every other client keeps its connection, as proxies do, and every other does not."""
CLIENT = """
import http.client, json, pathlib, sys, threading, time
host, rate, longest, stop = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), pathlib.Path("/tmp/stop")
threads, lock, end = 10, threading.Lock(), time.monotonic() + float(sys.argv[3])
told = {"requests": 0, "errors": [], "slowest": 0.0}
def ask(number):
    connection = http.client.HTTPConnection(host, 80, timeout=5)
    due = time.monotonic() + number / rate
    while not stop.exists() and time.monotonic() < end:
        time.sleep(max(0, due - time.monotonic()))
        due = max(due + threads / rate, time.monotonic() - 1)
        began, why = time.monotonic(), ""
        try:
            connection.request("GET", "/version")
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200 or b"revision" not in body:
                why = f"{answer.status} {body[:80]!r}"
        except Exception as error:
            why = repr(error)
        if why or number % 2:
            connection.close()
        with lock:
            told["requests"] += 1
            told["slowest"] = max(told["slowest"], time.monotonic() - began)
            if why:
                told["errors"].append(f"{time.strftime('%H:%M:%S')} {'new' if number % 2 else 'kept'}: {why}")
workers = [threading.Thread(target=ask, args=(number,)) for number in range(threads)]
[worker.start() for worker in workers]
print("started", flush=True)
[worker.join() for worker in workers]
print(json.dumps(told), flush=True)
"""


def kubectl(*arguments: str, stdin: str = "") -> str:
    return subprocess.run(["kubectl", *arguments], check=True, capture_output=True, text=True, input=stdin).stdout


@dataclass
class Load:
    """What the client saw, once it has ended."""

    requests: int = 0
    errors: list[str] = field(default_factory=list)
    slowest: float = 0


@contextmanager
def load(namespace: str, service: str, image: str, seconds: float) -> Iterator[Load]:
    """Let a client pod ask the Service all the time, `seconds` at most; its account is complete after the block.

    It asks the Service's address, not its name: the cluster's DNS can be silent for seconds while endpoints change,
    and a lookup that fails says nothing of the service.
    """
    address = kubectl("get", "service", service, "-n", namespace, "-o", "jsonpath={.spec.clusterIP}")
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    identity = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
    container = {
        "name": "client", "image": image, "securityContext": restricted,
        "command": ["python", "-c", CLIENT, address, str(RATE), str(seconds)],
    }  # fmt: skip
    spec = {"restartPolicy": "Never", "securityContext": identity, "containers": [container]}
    head = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client", "namespace": namespace}}
    kubectl("apply", "-f", "-", stdin=json.dumps({**head, "spec": spec}))
    kubectl("wait", "pod/client", "-n", namespace, "--for=condition=Ready", "--timeout=60s")
    counted = Load()
    try:
        yield counted
        kubectl("exec", "client", "-n", namespace, "--", "touch", "/tmp/stop")
        kubectl("wait", "pod/client", "-n", namespace, "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
        told: dict[str, Any] = json.loads(kubectl("logs", "client", "-n", namespace).splitlines()[-1])
        counted.requests, counted.errors, counted.slowest = told["requests"], told["errors"], told["slowest"]
    finally:
        kubectl("delete", "pod", "client", "-n", namespace, "--grace-period=1")


class Watch:
    """When each pod's image was there, and when the pod was ready, as the API server told of it."""

    def __init__(self, namespace: str) -> None:
        self.pulled: dict[str, float] = {}
        self.ready: dict[str, float] = {}
        event = "REASON:.reason,POD:.involvedObject.name"
        pod = "READY:.status.containerStatuses[0].ready,POD:.metadata.name"
        common = ("get", "-n", namespace, "--watch", "--no-headers")
        self._processes = [
            self._follow("Pulled", self.pulled, *common, "events", f"--output=custom-columns={event}"),
            self._follow("true", self.ready, *common, "pods", f"--output=custom-columns={pod}"),
        ]

    def _follow(self, word: str, into: dict[str, float], *arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(["kubectl", *arguments], stdout=subprocess.PIPE, text=True)

        def read() -> None:
            assert process.stdout
            for line in process.stdout:
                state, _, name = line.strip().partition(" ")
                if state == word:
                    into.setdefault(name.strip(), time.monotonic())

        threading.Thread(target=read, daemon=True).start()
        return process

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
            process.wait()

    def seconds(self, before: set[str]) -> list[float]:
        """Return for each pod that was not there before how long it took from its image to ready."""
        return sorted(self.ready[name] - began for name, began in self.pulled.items()
                      if name in self.ready and name not in before)  # fmt: skip
