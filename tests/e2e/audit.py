"""What our tools changed in the cluster, read from the API server's audit log."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

OURS = ("kubectl/", "helm/", "Helm/", "argocd/", "argocd-", "Go-http-client")
READS_THAT_LOOK_LIKE_WRITES = ("selfsubjectaccessreviews", "selfsubjectrulesreviews", "portforward", "proxy")


class Audit:
    """The changing requests since the last look."""

    def __init__(self) -> None:
        self._path = Path(os.environ["E2E_AUDIT_LOG"])
        self._offset = self._path.stat().st_size

    def changes(self) -> list[str]:
        """Return what our own tools changed since the last call, a line each."""
        with self._path.open("rb") as log:
            log.seek(self._offset)
            lines = log.read().split(b"\n")
        self._offset += sum(len(line) + 1 for line in lines[:-1])
        return [told(event) for event in map(json.loads, lines[:-1]) if is_ours(event)]


def is_ours(event: dict[str, Any]) -> bool:
    """Tell whether a program that the installer runs changed something stored."""
    agent, reference = event.get("userAgent", ""), event.get("objectRef", {})
    kinds: Iterable[str] = (reference.get("resource", ""), reference.get("subresource", ""))
    if event.get("user", {}).get("username", "").startswith("system:"):
        return False
    return agent.startswith(OURS) and not any(kind in READS_THAT_LOOK_LIKE_WRITES for kind in kinds)


def told(event: dict[str, Any]) -> str:
    reference = event.get("objectRef", {})
    return " ".join(
        [
            event.get("userAgent", "").split("/")[0],
            event["verb"],
            *map(str, (reference.get(k, "") for k in ("resource", "namespace", "name"))),
        ]
    )
