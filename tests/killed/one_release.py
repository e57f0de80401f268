"""One release written by the installer's own helm, as a process of its own: name, namespace, and what it holds."""

import sys

from installer.cluster.helm import Helm, objects
from installer.cluster.kubectl import Cluster, Object

OBJECTS = 30
SLOW = "slow"
"""The content with which helm has to wait for a hook, as Argo CD's chart has one."""


def manifests(namespace: str, content: str) -> list[Object]:
    """Return enough objects for a kill in the middle of them."""
    head = {"apiVersion": "v1", "kind": "ConfigMap"}
    names = [f"kept-{number}" for number in range(OBJECTS)] + [f"only-{content}"]
    hook = [waits(namespace)] if content == SLOW else []
    return hook + [
        {**head, "metadata": {"name": name, "namespace": namespace}, "data": {"content": content}} for name in names
    ]


def waits(namespace: str) -> Object:
    """Return a pod for which helm waits before it writes anything else."""
    policy = {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": "before-hook-creation"}
    container = {"name": "wait", "image": "docker.io/library/python:3.13-slim", "command": ["sleep", "3"]}
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}
    metadata = {"name": "waits", "namespace": namespace, "annotations": policy}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


if __name__ == "__main__":
    name, namespace, content = sys.argv[1:]
    Helm(Cluster()).install(name, namespace, objects(*manifests(namespace, content)), create_namespace=True)
