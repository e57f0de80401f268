"""A gitops.yaml in which all is well, and what no namespace may be called."""

from pathlib import Path
from typing import Any

import yaml


def tree(**changes: Any) -> dict[str, Any]:
    good: dict[str, Any] = {
        "version": 1,
        "project": {"name": 'O\'Neil "x" é', "slug": "web", "description": "A service"},
        "github": {"host": "github.com", "owner": "acme", "visibility": "private"},
        "registry": {"host": "docker.io", "account": "acme"},
        "cluster": {"namespace": "web-dev"},
        "argocd": {"namespace": "argocd", "values": {"configs": {"cm": {"x": 1}}}},
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        at = good
        for parent in parents:
            at = at[parent]
        if value is None:
            del at[last]
        else:
            at[last] = value
    return good


def write(folder: Path, *, owner: str = "acme", slug: str = "web") -> None:
    """Write a project's settings, those that GitHub's half asks for."""
    settings = {
        "version": 1,
        "project": {"name": "Web", "slug": slug},
        "github": {"host": "github.com", "owner": owner, "visibility": "private"},
        "registry": {"host": "docker.io", "account": "acme", "visibility": "public"},
        "cluster": {"namespace": f"{slug}-dev"},
    }
    (folder / "gitops.yaml").write_text(yaml.safe_dump(settings))


OPEN_TO_ALL = ("argocd", "default", "kube-system", "kube-flannel", "openshift", "openshift-gitops", "istio-system")
