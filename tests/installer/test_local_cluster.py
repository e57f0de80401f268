"""What a project on one machine has in its cluster: its git server, and a registry that all such projects share."""

import os
import re
import shutil
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from installer.ci.registry import IN_CLUSTER as NAME
from installer.resources import former
from installer.resources.local_registry import LocalRegistry
from installer.resources.local_repository import SCRIPT, GitServer
from installer.support.wait import until
from tests.conftest import ROOT

from .clones import git
from .cluster import at_once, change_of, reconcile
from .in_memory import Cluster, Helm
from .local import LOCAL, clone

__all__ = ["clone"]

STORAGE = {
    "kind": "StorageClass",
    "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
}
OCTOCATS = replace(LOCAL, owner="octocat", slug="api", namespace="api-dev")


class WithVolumes(Cluster):
    """A cluster in memory with a default class, and as many nodes as it is given."""

    nodes = 1
    volumes = True

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> "list[dict[str, Any]]":
        if kind == "nodes":
            return [{"kind": "Node", "metadata": {"name": f"n{number}"}} for number in range(self.nodes)]
        if kind.startswith("storageclasses"):
            return [STORAGE] if self.volumes else [{"kind": "StorageClass", "metadata": {"name": "slow"}}]
        return super().list(kind, namespace, selector)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WithVolumes:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return WithVolumes()


def git_server(cluster: Cluster, **more: Any) -> GitServer:
    return at_once(GitServer(LOCAL, cluster, Helm(cluster, LOCAL), **more))  # type: ignore[arg-type]


def registry(cluster: Cluster, **more: Any) -> LocalRegistry:
    return at_once(LocalRegistry(LOCAL, cluster, Helm(cluster, None), **more))  # type: ignore[arg-type]


def spec(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.objects[namespace, "Deployment", name]["spec"]["template"]["spec"]
    return found


# --- the git server -------------------------------------------------------------------------------


def test_the_pod_is_restricted_and_has_no_token_of_the_cluster(cluster: WithVolumes) -> None:
    reconcile(git_server(cluster))
    pod = spec(cluster, "argocd", "web-git")
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        "fsGroup": 999,
    }
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    service = cluster.objects["argocd", "Service", "web-git"]["spec"]
    assert service["selector"] == {"app.kubernetes.io/name": "web-git"}
    assert service["ports"][0]["port"] == 9418


def test_what_it_holds_is_on_a_volume_where_the_cluster_has_such_and_stays_there(cluster: WithVolumes) -> None:
    reconcile(git_server(cluster))
    assert ("argocd", "PersistentVolumeClaim", "web-git") in cluster.objects
    volume = {"name": "git", "persistentVolumeClaim": {"claimName": "web-git"}}
    assert volume in spec(cluster, "argocd", "web-git")["volumes"]
    cluster.volumes = False
    assert change_of(git_server(cluster)) is None, "the class may go, the volume is there"


def test_without_volumes_the_plan_says_what_a_restart_costs_and_one_that_began_so_goes_on_so(
    cluster: WithVolumes,
) -> None:
    cluster.volumes = False
    server = git_server(cluster)
    change = change_of(server)
    assert change.note.startswith("the cluster has no default StorageClass: after a restart `up` pushes to it again")
    reconcile(server)
    assert {"name": "git", "emptyDir": {}} in spec(cluster, "argocd", "web-git")["volumes"]
    cluster.volumes = True
    assert change_of(git_server(cluster)) is None, "an empty volume in its place would lose the repository"


def test_down_keeps_the_repository_unless_told_otherwise(cluster: WithVolumes) -> None:
    reconcile(git_server(cluster))
    before = cluster.state()
    server = git_server(cluster)
    kept = "stays: it holds the repository (`down --repository` removes it)"
    assert server.removal(server.observe()) == server.remove() == kept
    assert cluster.state() == before
    assert git_server(cluster, remove_it=True).remove() == "removed"
    assert cluster.is_empty()


def test_it_is_no_left_over_of_former_settings_after_a_move_to_another_namespace() -> None:
    assert ("argocd", "web-git") in former.names(replace(LOCAL, namespace="web-new"))
    assert ("argocd", "web-git") not in former.names(replace(LOCAL, scm="github"))


def test_its_lock_waits_for_it_and_it_waits_for_argo_cd() -> None:
    assert GitServer.needs == ("argocd",)
    assert GitServer.key == "repository"


GIT_DAEMON = Path(subprocess.run(["git", "--exec-path"], capture_output=True, text=True).stdout.strip(), "git-daemon")


@pytest.mark.skipif(not GIT_DAEMON.exists(), reason="this machine's git has no daemon")
def test_its_daemon_is_read_and_takes_no_push_and_keeps_what_it_has_when_it_starts_again(
    tmp_path: Path, clone: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    served = f"--base-path={tmp_path} --port={port} {tmp_path} "
    script = SCRIPT.read_text().replace("--base-path=/git --port=9418 /git ", served)
    assert served in script
    url = f"git://127.0.0.1:{port}/acme/web.git"
    ask = ["git", "ls-remote", url]
    bare = tmp_path / "acme/web.git"
    for _ in range(2):
        pod = subprocess.Popen(["bash", "-c", script], env={**os.environ, "REPOSITORY": str(bare)})
        try:
            assert until(lambda: not subprocess.run(ask, capture_output=True).returncode, 30, every=0.05)
            pushed = subprocess.run(["git", "push", url, "HEAD:main"], cwd=clone, capture_output=True, text=True)
            assert pushed.returncode != 0
            assert "access denied" in pushed.stderr
            git(clone, "push", "--quiet", str(bare), "HEAD:main")
            assert git(clone, "ls-remote", url, "main").split()[0] == git(clone, "rev-parse", "HEAD")
        finally:
            pod.terminate()
            assert pod.wait(20) == 0


def test_its_script_is_sound() -> None:
    done = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout
    assert shutil.which("shellcheck")


# --- the registry ---------------------------------------------------------------------------------


def test_the_registry_is_at_a_port_of_its_node_and_in_a_namespace_that_lets_it(cluster: WithVolumes) -> None:
    reconcile(registry(cluster))
    pod = spec(cluster, NAME, NAME)
    assert pod["containers"][0]["ports"] == [
        {"name": "http", "containerPort": 5000, "hostPort": 5001, "protocol": "TCP"}
    ]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    level = cluster.objects["", "Namespace", NAME]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert level == "privileged"
    assert cluster.objects[NAME, "Deployment", NAME]["spec"]["strategy"] == {"type": "Recreate"}
    assert change_of(registry(cluster)) is None


def test_a_second_project_uses_the_one_that_is_there(cluster: WithVolumes) -> None:
    reconcile(registry(cluster))
    theirs = LocalRegistry(OCTOCATS, cluster, Helm(cluster, None))  # type: ignore[arg-type]
    assert change_of(theirs) is None


def test_its_images_are_on_a_volume_where_there_are_such(cluster: WithVolumes) -> None:
    cluster.volumes = False
    change = change_of(registry(cluster))
    assert "`up` builds the image again" in change.note
    cluster.volumes = True
    reconcile(registry(cluster))
    assert (NAME, "PersistentVolumeClaim", NAME) in cluster.objects


def test_what_others_made_under_its_name_is_left_alone(cluster: WithVolumes) -> None:
    cluster.objects["", "Namespace", NAME] = {"kind": "Namespace", "metadata": {"name": NAME}}
    mine = registry(cluster, remove_it=True)
    change = change_of(mine)
    assert (change.action, change.note) == ("blocked", f"Namespace {NAME} is not ours")
    assert mine.removal(mine.observe()).startswith("stays: ")
    assert mine.remove().startswith("stays: ")
    assert cluster.objects


def test_with_several_nodes_the_plan_asks_for_a_registry_that_all_of_them_reach(cluster: WithVolumes) -> None:
    cluster.nodes = 3
    change = change_of(registry(cluster))
    assert change.blocked
    assert change.note == "the cluster has 3 nodes, and localhost:5001 is another registry on each"
    assert change.fix == "Name a registry that all of them reach: registry.host in gitops.yaml."


def test_one_that_is_there_keeps_its_port_unless_it_never_started_and_nobody_else_uses_it(cluster: WithVolumes) -> None:
    reconcile(registry(cluster))
    theirs = LocalRegistry(replace(OCTOCATS, registry="localhost:38999"), cluster, Helm(cluster, None))  # type: ignore[arg-type]
    change = change_of(theirs)
    assert change.blocked
    assert change.note == "the projects in this cluster share the registry localhost:5001"
    assert change.fix == 'Take that: registry.host "localhost:5001" in gitops.yaml.'
    cluster.objects[NAME, "Deployment", NAME]["status"] = {}
    change = change_of(theirs)
    assert not change.blocked
    mine = {"kind": "Application", "metadata": {"name": "web-dev", "namespace": "argocd", "labels": {}},
            "spec": {"source": {"repoURL": LOCAL.source_url}}}  # fmt: skip
    cluster.objects["argocd", "Application", "web-dev"] = mine
    change = change_of(theirs)
    assert change.blocked


def test_a_port_of_the_node_that_another_has_is_refused_before_the_first_pod(cluster: WithVolumes) -> None:
    kubelets = LocalRegistry(replace(LOCAL, registry="localhost:10250"), cluster, Helm(cluster, None))  # type: ignore[arg-type]
    change = change_of(kubelets)
    assert change.note == "port 10250 of the node is in use by the kubelet"
    assert change.fix == "Take another: registry.host in gitops.yaml."
    container = {"name": "x", "ports": [{"containerPort": 80, "hostPort": 5001}]}
    pod = {"kind": "Pod", "metadata": {"name": "x", "namespace": "ingress"}, "spec": {"containers": [container]}}
    cluster.objects["ingress", "Pod", "x"] = pod
    mine = registry(cluster)
    change = change_of(mine)
    assert change.blocked
    assert change.note == "port 5001 of the node is in use by pod x in namespace ingress"
    for over in ({"metadata": {"name": "x", "namespace": NAME}}, {"status": {"phase": "Succeeded"}}):
        cluster.objects["ingress", "Pod", "x"] = pod | over
        change = change_of(mine)
        assert not change.blocked


def test_it_goes_with_the_last_repository(cluster: WithVolumes) -> None:
    reconcile(registry(cluster))
    assert registry(cluster).remove() == "stays, with its images (`down --repository` removes it)"
    other = {"kind": "Application", "metadata": {"name": "api-dev", "namespace": "argocd", "labels": {}},
             "spec": {"source": {"repoURL": OCTOCATS.source_url}}}  # fmt: skip
    at_github = {**other, "metadata": {"name": "x"}, "spec": {"source": {"repoURL": "https://github.com/a/b"}}}
    cluster.objects["argocd", "Application", "x"] = at_github
    cluster.objects["argocd", "Application", "api-dev"] = other
    mine = registry(cluster, remove_it=True)
    assert mine.removal(mine.observe()) == "stays, Application api-dev may use it"
    assert mine.remove() == "stays, Application api-dev may use it"
    del cluster.objects["argocd", "Application", "api-dev"]
    assert registry(cluster, remove_it=True).remove() == "removed"
    assert {kind for _, kind, _ in cluster.objects} == {"Application"}


def test_where_it_cannot_start_the_port_is_named(cluster: WithVolumes, monkeypatch: pytest.MonkeyPatch) -> None:
    why = "Pod gitops-flask-registry-1: 0/1 nodes are available: 1 node(s) didn't have free ports"
    monkeypatch.setattr("installer.resources.local_registry.problems", lambda *_: [why])
    said = registry(cluster).explain()
    assert re.search(r"free ports\n  Its port of the node is 5001: for another, registry.host in gitops.yaml", said)
