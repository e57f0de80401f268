import json
import os
import re
from pathlib import Path

import pytest

from installer.cluster.kubectl import Cluster
from installer.support.errors import CommandFailed, InstallerError

from .programs import VIEW, Programs, put_on_path
from .shells import unset


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    return put_on_path(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "said",
    [
        'Error from server (NotFound): namespaces "web" not found',
        'error: the server doesn\'t have a resource type "applications"',
        "Error from server (NotFound): the server could not find the requested resource",
    ],
)
def test_what_is_not_there_is_none(programs: Programs, said: str) -> None:
    programs.answer("kubectl", "get", err=said, status=1)
    assert Cluster().get("namespace", "web") is None


def test_a_refusal_is_an_error_and_not_none(programs: Programs) -> None:
    programs.answer("kubectl", "get", err='Error from server (Forbidden): secrets "x" is forbidden', status=1)
    with pytest.raises(CommandFailed, match="forbidden"):
        Cluster().get("secret", "x", "argocd")


@pytest.mark.parametrize(
    "said",
    [
        "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?",
        "Unable to connect to the server: dial tcp 10.0.0.1:6443: i/o timeout",
    ],
)
def test_a_cluster_out_of_reach_is_reported_with_its_fix(
    programs: Programs, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("{}")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    programs.answer("kubectl", "version", out={"clientVersion": {}}, err=said, status=1)
    with pytest.raises(InstallerError, match="cannot be reached") as caught:
        Cluster("nope").version()
    assert "kubectl config get-contexts" in caught.value.fix


@pytest.mark.parametrize(
    ("asked", "said"),
    [("version", 'error: context "nope" does not exist'), ("config view", "error: cannot locate context nope")],
)
def test_a_context_that_is_unknown_is_reported_with_those_that_there_are(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: str, said: str
) -> None:
    (tmp_path / "config").write_text("{}")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    programs.answer("kubectl", "config get-contexts --output=name", "dev\nprod\n")
    programs.answer("kubectl", asked, err=said, status=1)
    nope = Cluster("nope")
    ask = nope.version if asked == "version" else nope.describe
    with pytest.raises(InstallerError) as caught:
        ask()
    assert caught.value.message == "The kubeconfig has no context nope."
    assert caught.value.fix == "It has dev, prod: choose one with --context."
    programs.answer("kubectl", "config get-contexts --output=name")
    with pytest.raises(InstallerError) as caught:
        ask()
    assert caught.value.fix == "It has none at all."
    monkeypatch.setenv("KUBECONFIG", "/nope")
    with pytest.raises(InstallerError, match="KUBECONFIG names /nope, which is not there"):
        ask()


NO_CONFIG = "The connection to the server localhost:8080 was refused - did you specify the right host or port?"


def test_a_kubeconfig_that_is_not_there_is_reported_with_its_variable(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs.answer("kubectl", "version", out={"clientVersion": {}}, err=NO_CONFIG, status=1)
    monkeypatch.setenv("KUBECONFIG", "/nope")
    with pytest.raises(InstallerError, match="KUBECONFIG names /nope, which is not there") as caught:
        Cluster().version()
    assert "localhost" not in str(caught.value)
    folder = f'error: error loading config file "{tmp_path}": read {tmp_path}: is a directory'
    programs.answer("kubectl", "version", out={"clientVersion": {}}, err=folder, status=1)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path))
    with pytest.raises(InstallerError, match=f"KUBECONFIG names {tmp_path}, which is a folder"):
        Cluster().version()
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(tmp_path)] * 2))
    with pytest.raises(InstallerError, match=f"KUBECONFIG names {tmp_path} and {tmp_path}, which are folders"):
        Cluster().version()
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InstallerError, match=rf"there is no {tmp_path}/\.kube/config, and KUBECONFIG is not set"):
        Cluster().version()


def test_a_kubeconfig_without_a_login_is_reported_as_that(programs: Programs) -> None:
    programs.answer("kubectl", "version", out="Please enter Username: ", err="error: EOF", status=1)
    with pytest.raises(InstallerError, match="The kubeconfig has no login for the cluster of the current context"):
        Cluster().version()


def test_a_proxy_between_kubectl_and_the_cluster_is_reported_with_its_variable(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "Unable to connect to the server: proxyconnect tcp: dial tcp 127.0.0.1:9: connect: connection refused"
    programs.answer("kubectl", "version", out={"clientVersion": {}}, err=said, status=1)
    unset(monkeypatch, "https_proxy", "NO_PROXY", "no_proxy")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hidden@127.0.0.1:9")
    with pytest.raises(InstallerError, match="cannot be reached") as caught:
        Cluster().version()
    assert "fix HTTPS_PROXY" in caught.value.fix
    assert "hidden" not in str(caught.value)


def test_every_call_names_the_chosen_context(programs: Programs) -> None:
    programs.answer("kubectl", "get", out={"items": []})
    Cluster("kind").list("pods", "web", "a=b")
    (call,) = programs.calls("kubectl")
    assert {"--context=kind", "--namespace=web", "--selector=a=b"} < set(call["arguments"])


def test_one_of_two_objects_is_found_by_its_kind(programs: Programs) -> None:
    programs.answer("kubectl", "get", out={"kind": "AppProject", "metadata": {"name": "web"}})
    assert set(Cluster().get_many(["appprojects/web", "applications/web"], "argocd")) == {"AppProject"}
    programs.answer("kubectl", "get", out="")
    assert Cluster().get_many(["appprojects/web"], "argocd") == {}


def test_rights_are_yes_or_no_whatever_the_exit_status(programs: Programs) -> None:
    programs.answer("kubectl", "auth can-i create namespaces", out="no\n", status=1)
    programs.answer("kubectl", "auth can-i get pods", out="yes\n")
    programs.answer("kubectl", "auth can-i create secrets", out="no - RBAC: not in this namespace\n", status=1)
    assert not Cluster().allowed("create", "secrets")
    assert not Cluster().allowed("create", "namespaces")
    assert Cluster().allowed("get", "pods", "web")


def test_the_private_kubeconfig_is_private_has_the_namespace_and_is_gone_afterwards(programs: Programs) -> None:
    programs.answer("kubectl", "config view", out=VIEW)
    with Cluster().private_kubeconfig("argocd") as path:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        tree = json.loads(path.read_text())
    assert tree["contexts"][0]["context"] == {"cluster": "kind", "user": "me", "namespace": "argocd"}
    assert not path.exists()


def test_a_cluster_is_described_by_context_and_server(programs: Programs) -> None:
    programs.answer("kubectl", "config view", out=VIEW)
    assert Cluster().describe() == "kind (https://127.0.0.1:6443)"


@pytest.mark.parametrize(
    ("found", "address"),
    [
        ({"kind": "Ingress", "spec": {"rules": [{"host": "web.example.com"}], "tls": [{}]}}, "https://web.example.com"),
        ({"kind": "Ingress", "spec": {"rules": [{"host": "web.example.com"}]}}, "http://web.example.com"),
        (
            {
                "kind": "Service",
                "spec": {"ports": [{"port": 80}]},
                "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.9"}]}},
            },
            "http://10.0.0.9:80",
        ),
        ({"kind": "Service", "spec": {"ports": [{"port": 80}]}, "status": {"loadBalancer": {}}}, ""),
    ],
)
def test_an_address_is_the_ingress_or_the_load_balancer(programs: Programs, found: object, address: str) -> None:
    programs.answer("kubectl", "get", out={"items": [found]})
    assert Cluster().address("web", "web-dev") == address


PATHS = ["/api/v1/namespaces/web-dev/pods/web-1.a:8000/proxy/version", "/api/v1/namespaces/web-dev/pods/b:8000/proxy/x"]


def proxied(programs: Programs, server: str = "https://127.0.0.1:6443") -> dict[str, str]:
    """Have a proxy started that does not start; return the flags that it was given."""
    cluster = {"name": "kind", "cluster": {"server": server}}
    programs.answer("kubectl", "config view", out={**VIEW, "clusters": [cluster]})
    programs.answer("kubectl", "proxy", err="error: unknown flag: --unix-socket\n", status=1)
    refused = pytest.raises(InstallerError, match="did not start: error: unknown flag: --unix-socket")
    with refused, Cluster("kind").proxied(PATHS):
        raise AssertionError
    (call,) = programs.calls("kubectl", "proxy")
    return dict(each.removeprefix("--").partition("=")[::2] for each in call["arguments"][1:])


def test_the_proxy_takes_requests_for_these_very_paths_and_no_other(programs: Programs) -> None:
    flags = proxied(programs)
    accepted = [re.compile(each) for each in flags["accept-paths"].split(",")]  # kubectl splits there, and searches
    assert all(any(each.search(path) for each in accepted) for path in PATHS)
    for other in (
        "/api/v1/secrets",
        PATHS[0] + "/../../secrets",
        PATHS[0].replace("web-1.a", "web-1xa"),
        "/x" + PATHS[1],
    ):
        assert not any(each.search(other) for each in accepted), other
    assert not re.search(flags["reject-paths"], PATHS[0])
    refused = [verb for verb in ("GET", "POST", "PUT", "PATCH", "DELETE") if re.search(flags["reject-methods"], verb)]
    assert refused == ["POST", "PUT", "PATCH", "DELETE"]
    assert flags["context"] == "kind"
    assert "port" not in flags, "nobody else on this machine may ask"
    assert not Path(flags["unix-socket"]).parent.exists(), "what was lent is gone"
    assert "append-server-path" not in flags


def test_an_api_server_below_a_path_is_found_there(programs: Programs) -> None:
    assert "append-server-path" in proxied(programs, "https://rancher.example.com/k8s/clusters/c-1")


def test_where_there_are_no_sockets_of_ones_own_no_proxy_is_opened_for_all(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("socket.AF_UNIX")
    with pytest.raises(InstallerError, match="no sockets"), Cluster().proxied(PATHS):
        raise AssertionError
    assert programs.calls("kubectl") == []
