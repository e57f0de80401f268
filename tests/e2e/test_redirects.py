"""Pods that lead whoever asks them elsewhere: with the real kubectl, API server and reporter, no token goes along."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from installer.cluster.kubectl import Cluster
from installer.cluster.pods import answers
from installer.cluster.workloads import PodAnswer, wrong_revision
from installer.config.settings import Settings
from installer.resources.reporter import Reporter, Running
from tests.elsewhere import REVISION, Elsewhere, elsewhere

from .actors import eventually
from .ground import IMAGE, SERVER, address_for_pods
from .proxy import on_the_way
from .test_cluster_half import kubectl

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
NAMESPACE, SLUG = "leads-dev", "leads"
LEADS = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/livez" else 302)
        self.send_header("Location", os.environ["THERE"] + self.path)
        self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""


def service(name: str, program: str, probed: str, **env: str) -> dict[str, Any]:
    """Return a pod of the service that answers by a program."""
    labels = {"app.kubernetes.io/name": SLUG, "app.kubernetes.io/instance": SLUG}
    container = {
        "name": "web", "image": IMAGE, "command": ["python", "-c", program],
        "env": [{"name": each, "value": value} for each, value in env.items()],
        "readinessProbe": {"httpGet": {"path": probed, "port": 8000}, "periodSeconds": 1},
    }  # fmt: skip
    spec = {"terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


@dataclass
class Ground:
    """A namespace with a pod that answers and one that leads elsewhere, and people who may ask them in two ways."""

    there: Elsewhere
    place: str
    kubeconfigs: dict[str, Path]

    def answers(self) -> dict[str, PodAnswer]:
        """Ask the pods as whoever KUBECONFIG is."""
        pods = Cluster().list("pods", NAMESPACE, f"app.kubernetes.io/name={SLUG}")
        return {answer.pod: answer for answer in answers(Cluster(), NAMESPACE, pods)}


def person(folder: Path, name: str, *rights: str) -> Path:
    """Return the kubeconfig of somebody with a token who may list pods and do these things."""
    account = f"--serviceaccount={NAMESPACE}:{name}"
    kubectl("create", "serviceaccount", name, "-n", NAMESPACE)
    for right in ("list pods", "get pods", *rights):
        verb, _, what = right.partition(" ")
        role = f"{name}-{verb}-{what}".replace("/", "-")
        kubectl("create", "role", role, f"--verb={verb}", f"--resource={what}", "-n", NAMESPACE)
        kubectl("create", "rolebinding", role, f"--role={role}", account, "-n", NAMESPACE)
    config = json.loads(kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
    config["users"][0]["user"] = {"token": kubectl("create", "token", name, "-n", NAMESPACE).strip()}
    kubeconfig = folder / name
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(json.dumps(config))
    return kubeconfig


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("leads")
    address = address_for_pods()
    with elsewhere(address) as there:
        place = f"http://{address}:{there.port}"
        leads = service("leads", LEADS, "/livez", THERE=place)
        pods = [service("answers", SERVER, "/version", REVISION=REVISION), leads]
        try:
            kubectl("create", "namespace", NAMESPACE)
            applied(*pods)
            people = {
                "asks": person(folder, "asks", "get pods/proxy"),
                "forwards": person(folder, "forwards", "create pods/portforward"),
            }
            kubectl("wait", "pod", "--all", "--for=condition=Ready", "--timeout=90s", "-n", NAMESPACE)
            yield Ground(there, place, people)
        finally:
            kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")


def applied(*objects: dict[str, Any]) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": objects}
    kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(items))


@pytest.fixture
def asks(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """Return the ground, where kubectl is that of who may ask pods through the API server."""
    monkeypatch.setenv("KUBECONFIG", str(ground.kubeconfigs["asks"]))
    ground.there.heard.clear()
    return ground


@pytest.mark.parametrize("who", ["asks", "forwards"])
def test_a_pod_that_leads_elsewhere_is_unhealthy_and_the_operators_token_stays(
    ground: Ground, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(ground.kubeconfigs[who]))
    ground.there.heard.clear()
    found = ground.answers()
    assert found["answers"].revision == REVISION
    assert found["leads"].revision == ""
    told = f"answered 302 Found, which leads to {ground.place}/version and is not followed"
    assert found["leads"].error == told
    assert told in wrong_revision([*found.values()], REVISION)
    assert ground.there.heard == [], "nobody went there, with a token or without"


def test_what_is_lent_for_a_pods_version_lets_nothing_else_through(asks: Ground) -> None:
    base = f"/api/v1/namespaces/{NAMESPACE}/pods"
    allowed = f"{base}/answers:8000/proxy/version"
    others = [base, f"{base}/leads:8000/proxy/version", f"{base}/answers:8000/proxy/other", f"{allowed}/", "/version"]
    with Cluster().proxied([allowed]) as client:
        assert client.get(f"http://localhost{allowed}", 10).ok
        assert [client.get(f"http://localhost{path}", 10).status for path in others] == [403] * len(others)


def test_an_api_server_below_a_path_is_asked_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/answers:8000/proxy/version"
    with elsewhere() as rancher:
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{rancher.port}/k8s/clusters/c-1"}}],
            "users": [{"name": "c", "user": {}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        }  # fmt: skip
        (tmp_path / "kubeconfig").write_text(json.dumps(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        with Cluster().proxied([path]) as client:
            assert REVISION in client.get(f"http://localhost{path}", 10).text
    assert rancher.heard[-1].startswith(f"GET /k8s/clusters/c-1{path} HTTP/1.1\n")


def test_an_api_server_that_is_restarted_while_pods_are_asked_is_waited_for(
    asks: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pods = Cluster().list("pods", NAMESPACE, f"app.kubernetes.io/name={SLUG}")
    with on_the_way(tmp_path / "kubeconfig") as proxy:
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        proxy.restart(1, seconds=3)
        found = {answer.pod: answer for answer in answers(Cluster(), NAMESPACE, pods)}
        assert proxy.count > 1
    assert found["answers"].revision == REVISION
    assert found["leads"].error.startswith("answered 302 Found")
    assert asks.there.heard == []


def test_the_reporter_trusts_no_pod_that_leads_elsewhere_and_keeps_its_token(ground: Ground) -> None:
    ground.there.heard.clear()
    settings = Settings(
        "Leads", SLUG, "", "github.com", "acme", "private", "docker.io", "acme", NAMESPACE, reporter="app",
        argocd_namespace=NAMESPACE, reporter_image=IMAGE,
    )  # fmt: skip
    *others, deployment = Reporter(settings, *([Any] * 2)).manifests(Running(image=IMAGE))  # type: ignore[arg-type]
    spec = deployment["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    ask = (
        "import os, pathlib; from reporter.status.reporter_main import ACCOUNT, ApiServer\n"
        "from reporter.status.service import Place, Service\n"
        "server = ApiServer(pathlib.Path(ACCOUNT))\n"
        "service = Service(server, server.answers, Place.of(lambda name: os.environ[name.upper()]))\n"
        "for each in service.answers(): print(each.pod, each.revision, each.error, sep='|')\n"
    )
    container["command"] = ["python", "-c", ask]
    for unwanted in ("startupProbe", "readinessProbe", "livenessProbe"):
        container.pop(unwanted, None)
    spec["volumes"] = [each for each in spec["volumes"] if "secret" not in each]
    container["volumeMounts"] = [each for each in container["volumeMounts"] if each["name"] != "app"]
    spec["restartPolicy"] = "Never"
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "reporter"}, "spec": spec}
    roles = {each["metadata"]["name"] for each in others if each["kind"] == "Role"}
    assert roles == {f"{SLUG}-dev-reporter"}
    applied(*others, pod)

    def over() -> bool:
        phase = kubectl("get", "pod", "reporter", "-n", NAMESPACE, "-o", "jsonpath={.status.phase}")
        return phase in ("Succeeded", "Failed")

    eventually("its end", over, 90)
    said = kubectl("logs", "reporter", "-n", NAMESPACE)
    assert f"answers|{REVISION}|\n" in said, said
    assert "leads||The API server answered GET" in said, said
    assert "302 Found, which leads to http" in said
    assert ground.there.heard == [], "nobody went there, with a token or without"
