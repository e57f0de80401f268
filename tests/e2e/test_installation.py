"""The chart of a generated project, installed by helm in a namespace that lets in only the most restricted pods."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from installer.cluster.kubectl import Cluster
from installer.cluster.pods import problems

from .built_image import Built, built

__all__ = ["built"]
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def kubectl(*arguments: str, stdin: str = "") -> str:
    return subprocess.run(["kubectl", *arguments], check=True, capture_output=True, text=True, input=stdin).stdout


@pytest.fixture(scope="module")
def namespace(built: Built) -> Iterator[str]:
    name = built.project.slug
    kubectl("create", "namespace", name)
    try:
        modes = (f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn"))
        kubectl("label", "namespace", name, *modes)
        yield name
    finally:
        kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def said(built: Built, namespace: str) -> str:
    return install(built, namespace)


def install(built: Built, namespace: str) -> str:
    """Install it, and return what helm said."""
    image = {"repository": built.repository, "tag": built.revision, "digest": built.digest}
    values = built.project.path.parent / f"{built.project.slug}.json"
    values.write_text(json.dumps({"image": image, "revision": built.revision}))
    options = ("--namespace", namespace, "--values", "deploy/dev.yaml", "--values", str(values))
    command = ["helm", "install", built.project.slug, "chart", *options, "--wait", "--timeout", "120s"]
    ended = subprocess.run(command, cwd=built.project.path, capture_output=True, text=True, check=False)
    why = "\n".join(problems(Cluster(), namespace, f"app.kubernetes.io/name={built.project.slug}"))
    assert ended.returncode == 0, ended.stdout + ended.stderr + why
    return ended.stdout + ended.stderr


def test_restricted_pods_become_ready_without_a_warning(built: Built, namespace: str, said: str) -> None:
    assert "warning" not in said.lower()
    pods = json.loads(kubectl("get", "pods", "--namespace", namespace, "--output", "json"))["items"]
    assert len(pods) == 2
    for pod in pods:
        (container,) = pod["status"]["containerStatuses"]
        assert (container["ready"], container["restartCount"]) == (True, 0)
        assert built.digest in container["imageID"]


def test_each_pod_can_be_asked_through_the_api_servers_proxy(built: Built, namespace: str, said: str) -> None:
    pods = kubectl("get", "pods", "--namespace", namespace, "--output", "name").split()
    for pod in pods:
        path = f"/api/v1/namespaces/{namespace}/pods/{pod.removeprefix('pod/')}:8000/proxy/version"
        assert json.loads(kubectl("get", "--raw", path))["revision"] == built.revision
