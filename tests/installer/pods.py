"""Pods of the service web, as Kubernetes shows them."""

from typing import Any


def runs(image: str) -> dict[str, Any]:
    """Return a pod that is ready and runs this image."""
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    spec = {"containers": [{"name": "web", "image": image}]}
    return {"metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "web"}}, "spec": spec, "status": ready}
