"""The way to a real API server, refused, restarted and cut: each write is told or done, and can be repeated."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer.cluster.helm import Helm, objects
from installer.cluster.kubectl import Cluster
from installer.support.errors import InstallerError

from .proxy import Proxy, on_the_way

pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(300)]
NAMESPACE = "flt-probe"
PROBE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe"}, "data": {"all": "well"}}


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Lead kubectl and helm to the cluster through a proxy that can be told to fail."""
    with on_the_way(tmp_path / "kubeconfig") as proxy:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        real = os.environ["KUBECONFIG"]
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        yield proxy
        command = ["kubectl", f"--kubeconfig={real}", "delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait"]
        subprocess.run(command, check=True, capture_output=True)


def install(cluster: Cluster) -> None:
    Helm(cluster).install("probe", NAMESPACE, objects({**PROBE}), create_namespace=True)


def test_a_refusing_server_is_reported_with_its_fix(proxy: Proxy) -> None:
    proxy.refuse()
    with pytest.raises(InstallerError, match="cannot be reached") as caught:
        Cluster().version()
    assert str(caught.value).count("→") == 1


def test_a_server_that_comes_back_is_waited_for(proxy: Proxy) -> None:
    cluster = Cluster()
    cluster.version()
    proxy.refuse()
    threading.Timer(3, proxy.fix).start()
    assert cluster.get("namespace", "default")


@pytest.mark.parametrize(("nth", "after"), [(1, 4_000), (2, 4_000), (2, 8_000), (2, 16_000), (2, 24_000)])
def test_a_release_whose_connection_is_cut_is_reported_or_made_and_the_next_one_reconciles(
    proxy: Proxy, nth: int, after: int
) -> None:
    cluster = Cluster()
    proxy.cut(nth, after)
    try:
        install(cluster)
    except InstallerError as error:
        told = str(error)
        assert told.count("→") == 1, told
        assert "Traceback" not in told
    assert proxy.count >= nth
    proxy.fix()
    install(cluster)
    release = Helm(cluster).release("probe", NAMESPACE)
    assert release
    assert release.status == "deployed"
    found = cluster.get("configmap", "probe", NAMESPACE)
    assert found
    assert json.dumps(found["data"]) == '{"all": "well"}'
