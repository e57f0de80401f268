"""What the pods of a service answer when they are asked for their revision, and which image they run."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..support.errors import Object, reading
from .workloads import is_ready

PORT = 8000
VERSION = "version"
_REVISION = re.compile(r"[A-Za-z0-9._-]{1,100}")
PROXY = f"/api/v1/namespaces/{{namespace}}/pods/{{pod}}:{{port}}/proxy/{VERSION}"
"""The way to a pod's answer through the API server."""

_LABEL = "app.kubernetes.io/name"


@dataclass(frozen=True)
class PodAnswer:
    """What one pod said at `/version`: its revision, or why there is none."""

    pod: str
    ready: bool
    revision: str = ""
    error: str = ""


def parse(pod: str, text: str) -> PodAnswer:
    """Read the revision out of an answer."""
    try:
        tree: Any = json.loads(text)
    except (ValueError, RecursionError):
        tree = None
    revision = tree.get("revision") if isinstance(tree, dict) else None
    if not isinstance(revision, str) or not _REVISION.fullmatch(revision):
        return PodAnswer(pod, ready=True, error=f"/{VERSION} answered {text.strip()[:80]!r}, which names no revision")
    return PodAnswer(pod, ready=True, revision=revision)


def wrong_revision(answered: Sequence[PodAnswer], revision: str) -> str:
    """Say which Ready pods do not answer the revision; empty where all of at least one do."""
    if not answered:
        return "no pod is Ready"
    return "; ".join(
        f"pod {a.pod} {a.error or f'answers revision {a.revision}, while {revision} is recorded'}"
        for a in answered
        if a.error or a.revision != revision
    )


def all_answer(answered: Sequence[PodAnswer], revision: str) -> str:
    """Say that all of them answer the revision."""
    count = "its pod answers" if len(answered) == 1 else f"all {len(answered)} pods answer"
    return f"{count} {revision[:12]}"


@reading("What Kubernetes says of an object")
def wrong_image(pods: Iterable[Object], digest: str) -> str:
    """Name the Ready pods whose service's container runs another image than the recorded one; empty where none does.

    A mirror may change an image's name, never its digest. The chart names that container as its pods' label does;
    others beside it may run any image.
    """
    found = []
    for pod in pods if digest else ():
        service = (pod["metadata"].get("labels") or {}).get(_LABEL)
        images = [each["image"] for each in pod["spec"]["containers"] if each["name"] == service]
        if is_ready(pod) and not any(image.endswith(f"@{digest}") for image in images):
            runs = f"runs {images[0]}" if images else f"has no container {service}"
            found.append(f"pod {pod['metadata']['name']} {runs}, while {digest[:19]} is recorded")
    return "; ".join(found)
