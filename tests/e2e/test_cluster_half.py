"""The installer's cluster half against a real cluster: Argo CD, namespace, credential, Application, and back."""

import base64
import gzip
import json
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from installer.cluster.argocd import ArgoCD
from installer.cluster.helm import OBJECTS, Helm, objects
from installer.cluster.kubectl import Cluster
from installer.engine.resource import Change, Field, Resource
from installer.forges.base import fingerprint
from installer.resources.application import Application
from installer.resources.argocd import CRDS, ArgoCDInstallation
from installer.resources.namespace import Namespace
from installer.resources.repository_credential import RepositoryCredential
from installer.status.rollout import RunningService
from installer.support.errors import DeadlinePassed, InstallerError
from tests.canaries import Canaries, Wrappers

from .actors import eventually
from .audit import Audit
from .ground import Away, DeploymentRecord, Keys, Repository, sshd
from .proxy import on_the_way

pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(900)]
A, B, C = "a" * 40, "b" * 40, "c" * 40


def kubectl(*arguments: str, stdin: str = "") -> str:
    return subprocess.run(["kubectl", *arguments], check=True, capture_output=True, text=True, input=stdin).stdout


def helm(*arguments: str) -> str:
    return subprocess.run(["helm", *arguments], check=True, capture_output=True, text=True).stdout


@dataclass
class Half:
    """The cluster's half of one project, and the git repository that it follows."""

    settings: Away
    repository: Repository
    keys: Keys

    def __post_init__(self) -> None:
        self.cluster = Cluster()
        self.helm = Helm(self.cluster)
        """Nobody's: it sees every release and marks none."""
        self.live = RunningService(self.cluster, self.settings)

    def resources(self, settings: Away | None = None, patience: float = 180) -> list[Resource[Any]]:
        settings = settings or self.settings
        argocd, helm = ArgoCD(self.cluster, settings.argocd_namespace), Helm(self.cluster, settings)
        application = Application(settings, self.cluster, helm, argocd)
        application.patience = patience
        return [
            ArgoCDInstallation(settings, self.cluster, helm, remove_it=True),
            Namespace(settings, self.cluster, helm),
            RepositoryCredential(settings, self.cluster, helm, self.keys),
            application,
        ]

    def plan(self) -> dict[str, Change]:
        looked = {resource.key: resource.diff(resource.observe()) for resource in self.resources()}
        return {key: change for key, change in looked.items() if change}

    def apply(self) -> list[str]:
        done = []
        for resource in self.resources():
            seen = resource.observe()
            change = resource.diff(seen)
            if change and change.effective:
                resource.apply(seen, change)
                done.append(resource.key)
        return done

    def remove(self) -> list[str]:
        return [resource.remove() for resource in reversed(self.resources())]

    def spec(self, kind: str = "application") -> dict[str, Any]:
        name = self.settings.application
        tree: dict[str, Any] = json.loads(kubectl("get", kind, name, "-n", "argocd", "-o", "json"))["spec"]
        return tree

    def wait(self, record: DeploymentRecord, seconds: float = 90) -> list[str]:
        return [answer.revision for answer in self.live.wait_for_rollout(lambda: record, seconds)]


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Half]:
    if not (shutil.which("sshd") or Path("/usr/sbin/sshd").exists()):
        pytest.skip("needs sshd (openssh-server), to serve a private repository")
    folder = tmp_path_factory.mktemp("ground")
    found = Cluster().list("deployments", selector="app.kubernetes.io/part-of=argocd")
    assert not found, "these tests begin with a cluster without Argo CD"
    with sshd(folder) as (where, host_key, keys):
        repository = Repository(folder / "web.git")
        settings = Away(
            name="Clu web", slug="clu-web", description="", host="github.com", owner="acme", visibility="private",
            registry="docker.io", account="acme", namespace="clu-web-dev",
            argocd_values={"configs": {"ssh": {"extraHosts": host_key}}}, remote=f"ssh://{where}{repository.path}",
        )  # fmt: skip
        half = Half(settings, repository, keys)
        try:
            half.apply()
            yield half
        finally:
            half.remove()
            clean_up()


def clean_up() -> None:
    """Leave the cluster as it was found: the installer keeps definitions and namespaces, and says so."""
    kubectl("delete", "crd", *CRDS, "--ignore-not-found")
    kubectl("delete", "namespace", "argocd", "clu-web-dev", "--ignore-not-found")


@pytest.fixture
def audit(half: Half) -> Audit:
    return Audit()


def test_what_was_applied_is_not_written_again(half: Half, audit: Audit) -> None:
    assert half.plan() == {}
    assert half.apply() == []
    assert audit.changes() == []


def test_a_deployed_revision_goes_live_by_the_deploy_key(half: Half) -> None:
    assert half.wait(half.repository.deploy(A)) == [A, A]
    secret = json.loads(kubectl("get", "secret", "clu-web-repo", "-n", "argocd", "-o", "json"))
    assert secret["metadata"]["annotations"]["gitops-flask/fingerprint"] == fingerprint(half.keys.registered[0].key)


def test_the_next_deployment_replaces_every_pod(half: Half) -> None:
    half.wait(half.repository.deploy(A))
    assert half.wait(half.repository.deploy(B)) == [B, B]
    assert {answer.revision for answer in half.live.answers()} == {B}


def test_looking_at_a_live_service_writes_nothing(half: Half) -> None:
    record = half.repository.deploy(A)
    half.wait(record)
    audit = Audit()
    half.wait(record)
    assert audit.changes() == []


def test_a_service_that_settled_on_another_revision_fails_at_once(half: Half) -> None:
    with pytest.raises(InstallerError, match=f"answers revision {C}, while {B} is recorded") as caught:
        half.wait(half.repository.deploy(B, baked=C), seconds=300)
    assert not isinstance(caught.value, DeadlinePassed)


def test_an_image_that_cannot_be_pulled_is_named(half: Half) -> None:
    with pytest.raises(DeadlinePassed, match=r"(?s)clu-web live at .*(ImagePullBackOff|ErrImagePull)"):
        half.wait(half.repository.deploy(C, image="docker.io/acme/no-such-image:1"), seconds=25)


def test_an_image_that_is_not_there_ends_the_wait_with_the_reason(half: Half) -> None:
    image = f"docker.io/acme/no-such-image@sha256:{'0' * 64}"
    with pytest.raises(InstallerError, match=r"cannot come up: image pull: (ImagePullBackOff|ErrImagePull)") as caught:
        half.wait(half.repository.deploy(C, image=image), seconds=300)
    assert not isinstance(caught.value, DeadlinePassed)


def test_a_field_that_kubernetes_drops_ends_the_wait_with_the_resource_and_the_reason(half: Half) -> None:
    """Argo CD calls each sync a success, heals after 0, 2 and 6 seconds, and then ever more seldom."""
    head = {"name": "more", "namespace": "clu-web-dev"}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": head, "spec": {"ports": [{"port": 80}], "prots": 1}}
    more = {"chart/templates/more.yaml": json.dumps(service)}
    told = "Service more is OutOfSync again after each sync: Kubernetes drops a field"
    with pytest.raises(InstallerError, match=f"cannot come up: sync: {told}") as caught:
        half.wait(half.repository.deploy(A, pushed=more), seconds=300)
    assert not isinstance(caught.value, DeadlinePassed)
    eventually("status to name it", lambda: any(line.startswith(told) for line in half.live.problems()), 60)


def test_a_chart_that_does_not_render_ends_the_wait_with_helms_words(half: Half) -> None:
    more = {"chart/templates/more.yaml": '{{ fail "no digest" }}'}
    with pytest.raises(InstallerError, match=r"(?s)cannot come up: chart: ComparisonError: .*no digest"):
        half.wait(half.repository.deploy(A, pushed=more), seconds=300)


def test_after_such_faults_the_next_deployment_goes_live(half: Half) -> None:
    assert half.wait(half.repository.deploy(B)) == [B, B]
    gone = ("get", "service", "more", "-n", "clu-web-dev", "--ignore-not-found", "-o", "name")
    assert kubectl(*gone) == "", "what is recorded no more is pruned"


def test_pods_are_asked_through_a_port_forward_where_the_proxy_is_refused(
    half: Half, monkeypatch: pytest.MonkeyPatch
) -> None:
    half.wait(half.repository.deploy(A))
    monkeypatch.setattr("installer.cluster.pods.PROXY", "/api/v1/namespaces/{namespace}/nonsense/{pod}/{port}")
    assert {answer.revision for answer in half.live.answers()} == {A}


def test_a_changed_field_is_set_back(half: Half) -> None:
    patch = '{"spec": {"source": {"targetRevision": "main"}}}'
    kubectl("patch", "application", "clu-web-dev", "-n", "argocd", "--type=merge", f"--patch={patch}")
    assert [field.name for field in half.plan()["application"].fields] == ["Application.spec.source.targetRevision"]
    assert half.apply() == ["application"]
    assert half.spec()["source"]["targetRevision"] == "env/dev"
    assert half.plan() == {}


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("application", {"source": {"helm": {"parameters": [{"name": "image", "value": "evil"}]}}}),
        ("appproject", {"namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}]}),
    ],
)
def test_a_field_that_someone_added_is_removed(half: Half, kind: str, patch: dict[str, Any]) -> None:
    before = set_fields(half.spec(kind))
    kubectl("patch", kind, "clu-web-dev", "-n", "argocd", "--type=merge", f"--patch={json.dumps({'spec': patch})}")
    assert set_fields(half.spec(kind)) != before
    assert half.apply() == ["application"]
    assert half.plan() == {}
    assert set_fields(half.spec(kind)) == before


def set_fields(spec: dict[str, Any]) -> dict[str, Any]:
    """Leave out empty lists: argocd drops them when it writes."""
    return {name: value for name, value in spec.items() if value != []}


@contextmanager
def without_controller() -> Iterator[None]:
    """Take Argo CD's controller away, which alone can end an Application, and give it back."""
    scale = ("scale", "statefulset/argocd-application-controller", "--namespace=argocd")
    pod = ("pod", "argocd-application-controller-0", "--namespace=argocd")
    kubectl(*scale, "--replicas=0")
    kubectl("wait", *pod, "--for=delete", "--timeout=60s")
    try:
        yield
    finally:
        kubectl(*scale, "--replicas=1")
        kubectl("rollout", "status", *scale[1:], "--timeout=60s")


def delete(*kinds: str) -> None:
    for kind in kinds:
        kubectl("delete", kind, "clu-web-dev", "--namespace=argocd", "--wait=false")


def pods(half: Half) -> set[str]:
    found = half.cluster.list("pods", "clu-web-dev", "app.kubernetes.io/name=clu-web")
    return {each["metadata"]["uid"] for each in found if "deletionTimestamp" not in each["metadata"]}


def test_a_controller_that_is_gone_is_brought_back_and_ends_the_application_that_hung(half: Half) -> None:
    half.wait(record := half.repository.deploy(A))
    with without_controller():
        delete("application", "appproject")
        planned = half.plan()
        assert planned["argocd"].fields == (Field("application-controller.replicas", 0, 1),)
        assert planned["application"].note == "once the present AppProject and Application, being deleted, is gone"
        assert half.apply() == ["argocd", "application"]
    assert half.plan() == {}
    assert half.wait(record) == [A, A]


def test_an_application_that_no_controller_ends_is_let_go_and_its_pods_stay(half: Half) -> None:
    half.wait(record := half.repository.deploy(A))
    before = pods(half)
    with without_controller():
        delete("application", "appproject")
        application = half.resources(patience=3)[3]
        seen = application.observe()
        change = application.diff(seen)
        assert change
        with pytest.raises(DeadlinePassed, match="AppProject clu-web-dev is still there, held by resources-finalizer"):
            application.apply(seen, change)  # an AppProject's end is the controller's alone
    assert half.apply() == ["application"]
    assert half.plan() == {}
    assert half.wait(record) == [A, A]
    assert pods(half) == before


def test_an_app_project_that_waits_for_its_application_is_repaired_and_the_pods_stay(half: Half) -> None:
    half.wait(record := half.repository.deploy(A))
    before = pods(half)
    delete("appproject")
    assert half.plan()["application"].note == "once the present AppProject, being deleted, is gone"
    assert half.apply() == ["application"]
    assert half.plan() == {}
    assert half.wait(record) == [A, A]
    assert pods(half) == before


def test_an_application_that_others_hold_is_reported_with_their_name(half: Half) -> None:
    held = ("patch", "application", "clu-web-dev", "--namespace=argocd", "--type=merge")
    kubectl(*held, '--patch={"metadata": {"finalizers": ["example.com/hold"]}}')
    delete("application")
    application = half.resources(patience=3)[3]
    seen = application.observe()
    change = application.diff(seen)
    assert change
    with pytest.raises(DeadlinePassed, match=r"held by example\.com/hold") as caught:
        application.apply(seen, change)
    (command,) = re.findall(r"kubectl (patch .*)", str(caught.value))
    kubectl(*shlex.split(command))
    assert half.apply() == ["application"]
    assert half.plan() == {}


def test_a_namespace_that_was_deleted_comes_back_with_its_service(half: Half) -> None:
    half.wait(record := half.repository.deploy(A))
    kubectl("delete", "namespace", "clu-web-dev", "--wait=false")
    assert half.plan()["namespace"].action == "create"
    assert "namespace" in half.apply()
    assert half.plan() == {}
    assert half.wait(record) == [A, A]


@pytest.mark.parametrize("nth", range(1, 19, 4))
def test_an_api_server_that_is_restarted_in_between_is_waited_for_or_reported_and_the_next_run_reconciles(
    half: Half, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    half.keys.remove(half.keys.registered[0])
    patch = '{"spec": {"ignoreDifferences": [{"kind": "Secret"}]}}'
    kubectl("patch", "application", "clu-web-dev", "-n", "argocd", "--type=merge", f"--patch={patch}")
    with on_the_way(tmp_path / "kubeconfig") as proxy, monkeypatch.context() as led:
        led.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        here = Half(half.settings, half.repository, half.keys)
        proxy.restart(nth, seconds=4)
        try:
            done = here.apply()
        except InstallerError as error:
            told = str(error)
        else:
            told = ""
            assert done == ["credential", "application"]
        assert proxy.count >= nth, "the restart came too late"
    print(f"{proxy.count} connections, {told or 'waited for'}")
    assert told.count("→") == (1 if told else 0), told
    assert "Traceback" not in told
    half.apply()
    assert half.plan() == {}
    assert len(half.keys.registered) == 1


def test_an_upgrade_killed_in_the_middle_is_recovered(half: Half) -> None:
    project, application = half.resources()[3].manifests()  # type: ignore[attr-defined]
    kill_helm_in_the_middle("clu-web-dev", project, application, never_ready("clu-web-dev"))
    assert half.plan()["application"].fields[-1].old == "pending-upgrade"
    assert half.apply() == ["application"]
    assert half.plan() == {}
    assert not half.cluster.list("pods", "clu-web-dev", "never=ready")


def test_an_installation_killed_in_the_middle_is_recovered(half: Half) -> None:
    kill_helm_in_the_middle("clu-probe", never_ready("clu-web-dev"))
    assert (release := half.helm.release("clu-probe", "argocd"))
    assert release.status == "pending-install"
    half.helm.install("clu-probe", "argocd", objects())
    assert (release := half.helm.release("clu-probe", "argocd"))
    assert release.status == "deployed"
    assert half.helm.uninstall("clu-probe", "argocd")


def never_ready(namespace: str) -> dict[str, Any]:
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "x", "image": "docker.io/acme/no-such-image:1", "securityContext": restricted}
    metadata = {"name": "never-ready", "namespace": namespace, "labels": {"never": "ready"}}
    identity = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0, "securityContext": identity}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def kill_helm_in_the_middle(name: str, *manifests: dict[str, Any]) -> None:
    command = ["helm", "upgrade", "--install", name, OBJECTS, "-n", "argocd", "--wait", "--values=-", "--history-max=1"]
    helm = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert helm.stdin
    helm.stdin.write(json.dumps(objects(*manifests)).encode())
    helm.stdin.close()
    cluster = Cluster()
    eventually("helm in the middle", lambda: cluster.list("pods", "clu-web-dev", "never=ready"), 30)
    helm.send_signal(signal.SIGKILL)
    helm.wait()


def test_a_key_that_github_lost_is_replaced(half: Half) -> None:
    old = half.keys.registered[0]
    half.keys.remove(old)
    assert half.apply() == ["credential"]
    (new,) = half.keys.registered
    assert new.key != old.key
    assert half.plan() == {}


def test_a_key_changed_in_the_cluster_is_replaced_and_the_old_one_dropped(half: Half) -> None:
    old = half.keys.registered[0]
    patch = '{"stringData": {"sshPrivateKey": "another"}}'
    kubectl("patch", "secret", "clu-web-repo", "-n", "argocd", f"--patch={patch}")
    assert half.apply() == ["credential"]
    assert [key.id for key in half.keys.registered] == [old.id + 1]
    assert half.plan() == {}


@pytest.fixture
def administrator(tmp_path: Path) -> Iterator[str]:
    """Make an account of the cluster's with every right; return its bearer token."""
    kubectl("create", "serviceaccount", "clu-canary", "--namespace=default")
    account = "--serviceaccount=default:clu-canary"
    kubectl("create", "clusterrolebinding", "clu-canary", "--clusterrole=cluster-admin", account)
    yield kubectl("create", "token", "clu-canary", "--namespace=default").strip()
    kubectl("delete", "clusterrolebinding/clu-canary")
    kubectl("delete", "serviceaccount", "clu-canary", "--namespace=default")


def as_(token: str, folder: Path) -> Path:
    """Write a kubeconfig whose user is nothing but this token."""
    tree = json.loads(kubectl("config", "view", "--minify", "--flatten", "--output=json"))
    tree["users"][0]["user"] = {"token": token}
    path = folder / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(tree))
    return path


def stored(release: dict[str, Any]) -> bytes:
    """Return what helm keeps of a release: chart, values and objects."""
    return gzip.decompress(base64.b64decode(base64.b64decode(release["data"]["release"])))


def test_no_canary_sings_on_the_way_to_the_cluster(
    half: Half,
    administrator: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    record = half.repository.deploy(A)
    folders = {name: tmp_path / name for name in ("home", "tmp")}
    for folder in folders.values():
        folder.mkdir()
    kubeconfig = as_(administrator, tmp_path)
    wrappers = Wrappers.make(tmp_path / "bin", os.environ["PATH"])
    monkeypatch.setenv("PATH", str(wrappers.folder), prepend=os.pathsep)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setenv("HOME", str(folders["home"]))
    monkeypatch.setattr("tempfile.tempdir", str(folders["tmp"]))
    caplog.set_level(logging.DEBUG)
    half.keys.remove(half.keys.registered[0])
    patch = '{"spec": {"ignoreDifferences": [{"kind": "Secret"}]}}'
    kubectl("patch", "application", "clu-web-dev", "-n", "argocd", "--type=merge", f"--patch={patch}")
    here = Half(half.settings, half.repository, half.keys)
    assert here.apply() == ["credential", "application"]
    assert here.wait(record) == [A, A]

    secrets = json.loads(kubectl("get", "secrets", "--all-namespaces", "--output=json"))["items"]
    (kept,) = [each for each in secrets if each["metadata"]["name"] == "clu-web-repo"]
    key = base64.b64decode(kept["data"]["sshPrivateKey"]).decode()
    canaries = Canaries(bearer=administrator, key=key)
    calls = wrappers.calls()
    assert all(f"\n{program}\n" in calls for program in ("helm", "kubectl", "argocd"))
    assert canaries.in_text(calls) == set()
    assert "$ helm upgrade" in caplog.text
    assert canaries.in_text(caplog.text + "".join(capfd.readouterr())) == set()
    assert canaries.in_files(tmp_path, but=[kubeconfig]) == {}
    releases = [each for each in secrets if each["type"] == "helm.sh/release.v1"]
    held = {each["metadata"]["labels"]["name"]: canaries.in_text(stored(each)) for each in releases}
    assert {name: found for name, found in held.items() if found} == {"clu-web-repo": {"key"}}
    for name in held:
        values = helm("get", "values", name, "--namespace=argocd", "--output=json")
        assert canaries.in_text(values) == held[name]
    others = [each for each in secrets if each not in [kept, *releases]]
    assert canaries.in_text(json.dumps([*others, kubectl("get", "configmaps", "-A", "--output=json")])) == set()


def test_argo_cd_of_another_project_is_used_and_not_changed(half: Half) -> None:
    argocd = half.resources(replace(half.settings, slug="clu-other", argocd_values={"dex": {"enabled": True}}))[0]
    assert argocd.diff(argocd.observe()) is None
    assert "used as it is" in argocd.title
    assert argocd.remove().startswith("stays: release argocd in ")


def test_a_second_argo_cd_is_refused(half: Half) -> None:
    argocd = half.resources(replace(half.settings, argocd_namespace="clu-elsewhere"))[0]
    change = argocd.diff(argocd.observe())
    assert change
    assert change.action == "blocked"
    assert change.note == "there is one in namespace argocd"
    assert "Set argocd.namespace to that" in change.fix


def test_an_application_of_others_is_refused(half: Half) -> None:
    stranger = {
        **dict(zip(("project_", "manifest"), half.resources()[3].manifests(), strict=True))["manifest"],  # type: ignore[attr-defined]
        "metadata": {"name": "clu-other-dev", "namespace": "argocd"},
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(stranger))
    try:
        application = half.resources(replace(half.settings, slug="clu-other"))[3]
        change = application.diff(application.observe())
        assert change
        assert change.action == "blocked"
        assert "Application clu-other-dev in argocd is not ours" in change.note
        assert "stays" in application.remove()
    finally:
        kubectl("delete", "application", "clu-other-dev", "-n", "argocd")


def test_a_namespace_with_others_things_in_it_stays(half: Half) -> None:
    namespace = half.resources()[1]
    kubectl("create", "configmap", "precious", "-n", "clu-web-dev")
    assert "configmap/precious" in namespace.remove()
    assert half.cluster.get("configmap", "precious", "clu-web-dev")
    kubectl("delete", "configmap", "precious", "-n", "clu-web-dev")
    assert half.plan() == {}


def test_removing_leaves_nothing_but_what_it_says_and_can_be_undone(half: Half) -> None:
    half.wait(half.repository.deploy(A))
    application, credential, namespace, argocd = half.remove()
    assert application.endswith("removed")
    assert credential.endswith("removed")
    assert namespace.endswith("removed")
    assert "its namespace and resource definitions stay" in argocd
    assert not half.helm.releases("argocd")
    assert half.cluster.get("namespace", "clu-web-dev") is None
    assert not half.cluster.list("applications.argoproj.io,appprojects.argoproj.io", "argocd", "gitops-flask/project")
    assert not half.keys.registered
    assert [line for line in half.remove() if "was not there" not in line] == []

    assert half.apply() == ["argocd", "namespace", "credential", "application"]
    assert half.wait(half.repository.deploy(B)) == [B, B]
