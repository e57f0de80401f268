"""A cluster for whole verbs that is not real, with an Argo CD that others made."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from installer.support.errors import CommandFailed

from . import cluster as fakes
from .argo_cd import WORKING, knowing
from .clones import git
from .registry import GOOD, Troubled, a_registry

TOKEN = GOOD.reveal()


class Cluster(fakes.Cluster):
    """A cluster in which everything is allowed, with a working Argo CD that others made, and that polls often."""

    answered, context, server = True, None, "https://127.0.0.1:6443"

    def __init__(self) -> None:
        components = {("deployments", each["metadata"]["name"]): each for each in WORKING}
        often = {"kind": "ConfigMap", "metadata": {"name": "argocd-cm"}, "data": {"timeout.reconciliation": "3s"}}
        super().__init__({**components, **knowing("github.com"), ("configmaps", "argocd-cm"): often})

    def version(self) -> str:
        return "v1.34.2"

    def versions(self) -> tuple[str, str]:
        return "v1.34.2", "v1.34.2"

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> "list[fakes.Object]":
        return super().list(kind) if namespace in (None, "argocd") else []

    def allowed(self, *_: str) -> bool:
        return True

    def describe(self) -> str:
        return "kind"

    def private_kubeconfig(self, namespace: str) -> NoReturn:
        raise CommandFailed("kubectl config view", 1, f"no kubeconfig leads to {namespace} here")


class Helm(fakes.Helm):
    """helm whose objects are in the cluster then, under the names by which they are asked for."""

    def __init__(self, there: fakes.Cluster) -> None:
        super().__init__()
        self.cluster = there

    def install(self, name: str, namespace: str, values: dict[str, Any], **options: Any) -> None:
        super().install(name, namespace, values, **options)
        for made in values["objects"]:
            kind = made["kind"].lower()
            kind = f"{kind}s.argoproj.io" if made["apiVersion"].startswith("argoproj") else kind
            self.cluster.objects[kind, made["metadata"]["name"]] = made


@pytest.fixture
def helm(monkeypatch: pytest.MonkeyPatch) -> Helm:
    """Lead the cluster's half to one that is not real; return its helm."""
    cluster = Cluster()
    helm = Helm(cluster)
    monkeypatch.setattr("installer.project.project.Cluster", lambda _: cluster)
    monkeypatch.setattr("installer.project.project.Helm", lambda *_: helm)
    return helm


@pytest.fixture
def working_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Troubled]:
    monkeypatch.setattr("installer.forges.http.pause", lambda _: None)
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setenv("REGISTRY_USERNAME", "acme")
    monkeypatch.setenv("REGISTRY_TOKEN", TOKEN)
    with a_registry() as server:
        monkeypatch.setenv("REGISTRY_HOST", server.host)
        yield server


def push_to(registry: Troubled, project: Path) -> None:
    """Let a project's images go to this registry, and commit that."""
    tree = yaml.safe_load((project / "gitops.yaml").read_text())
    tree["registry"]["host"] = registry.host
    (project / "gitops.yaml").write_text(yaml.safe_dump(tree))
    git(project, "commit", "-qam", "Another registry")
