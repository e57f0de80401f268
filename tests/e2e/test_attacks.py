"""Somebody who may push to `env/dev` attacks the cluster: what is refused, and what is told of it."""

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml

from installer.support.errors import InstallerError

from .actors import eventually
from .ground import DEPLOYMENT, IMAGE
from .test_cluster_half import A, B, Half, half, kubectl

__all__ = ["half"]
pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(600)]
POD = "chart/templates/pod.yaml"
PRIVILEGED = "securityContext: {privileged: true}"


def template(*objects: dict[str, Any]) -> str:
    return yaml.safe_dump_all(objects)


def thing(api: str, kind: str, namespace: str = "clu-web-dev", **more: Any) -> dict[str, Any]:
    head = {"name": "planted", **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api, "kind": kind, "metadata": head, **more}


def privileged() -> list[str]:
    """Name the pods that were given their node."""
    pods = json.loads(kubectl("get", "pods", "-n", "clu-web-dev", "-o", "json"))["items"]
    return [
        pod["metadata"]["name"]
        for pod in pods
        if any((c.get("securityContext") or {}).get("privileged") for c in pod["spec"]["containers"])
    ]


def told(half: Half, *words: str) -> list[str]:
    """Wait until the report of the service's problems has these words, and return it."""

    def lines() -> list[str]:
        found = half.live.problems()
        return found if all(any(word in line for line in found) for word in words) else []

    found: list[str] = eventually(f"{words} in the report", lines, 60)
    return found


def test_a_privileged_pod_does_not_run(half: Half) -> None:
    half.wait(half.repository.deploy(A))
    attacker = thing("v1", "Pod", spec={"containers": [
        {"name": "x", "image": IMAGE, "command": ["sleep", "1000"], "securityContext": {"privileged": True}},
    ]})  # fmt: skip
    half.repository.deploy(A, pushed={POD: template(attacker)})
    half.live.refresh()
    told(half, 'violates PodSecurity "restricted:latest": privileged')
    assert privileged() == []
    assert {answer.revision for answer in half.live.answers()} == {A}


def test_a_service_that_becomes_privileged_does_not_run_and_the_old_pods_answer(half: Half) -> None:
    half.wait(half.repository.deploy(A))
    own = "securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}"
    assert own in DEPLOYMENT
    half.repository.deploy(B, pushed={"chart/templates/deployment.yaml": DEPLOYMENT.replace(own, PRIVILEGED)})
    half.live.refresh()
    told(half, "Deployment clu-web creates no pods: ", 'violates PodSecurity "restricted:latest": privileged')
    assert privileged() == []
    assert {answer.revision for answer in half.live.answers()} == {A}


RULES = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
ACCOUNT = {"kind": "ServiceAccount", "name": "default", "namespace": "clu-web-dev"}
RBAC = "rbac.authorization.k8s.io"
PLANTED = {
    f"roles.{RBAC}": thing(f"{RBAC}/v1", "Role", rules=RULES),
    f"rolebindings.{RBAC}": thing(
        f"{RBAC}/v1", "RoleBinding", roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
        subjects=[ACCOUNT],
    ),
    f"clusterrolebindings.{RBAC}": thing(
        f"{RBAC}/v1", "ClusterRoleBinding", namespace="", subjects=[ACCOUNT],
        roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
    ),
    "secrets": thing("v1", "Secret", type="kubernetes.io/service-account-token"),
    "configmaps": thing("v1", "ConfigMap", data={"a": "b"}),
    "applications.argoproj.io": thing("argoproj.io/v1alpha1", "Application", spec={
        "project": "default", "destination": {"namespace": "kube-system", "server": "https://kubernetes.default.svc"},
        "source": {"repoURL": "https://github.com/evil/web.git", "path": "."},
    }),
}  # fmt: skip


@pytest.mark.parametrize("kind", PLANTED)
def test_a_kind_that_the_chart_does_not_have_is_refused_by_name(half: Half, kind: str) -> None:
    half.wait(half.repository.deploy(A))
    half.repository.deploy(A, pushed={POD: template(PLANTED[kind])})
    half.live.refresh()
    told(half, PLANTED[kind]["kind"], "is not permitted in project clu-web-dev")
    assert "planted" not in kubectl("get", kind, "--all-namespaces", "-o", "name")
    assert {answer.revision for answer in half.live.answers()} == {A}


def test_a_service_in_another_namespace_is_refused(half: Half) -> None:
    half.wait(half.repository.deploy(A))
    half.repository.deploy(A, pushed={POD: template(thing("v1", "ServiceAccount", namespace="default"))})
    half.live.refresh()
    told(half, "namespace default is not permitted in project 'clu-web-dev'")
    assert "planted" not in kubectl("get", "serviceaccounts", "-n", "default", "-o", "name")


def test_a_kind_that_gitops_yaml_adds_is_deployed(half: Half) -> None:
    allowed = replace(half.settings, extra_kinds=("ConfigMap",))
    pushed = {POD: template(PLANTED["configmaps"])}
    for settings in (allowed, half.settings):
        application = half.resources(settings)[3]
        seen = application.observe()
        change = application.diff(seen)
        assert change
        assert [field.name for field in change.fields] == ["AppProject.spec.namespaceResourceWhitelist"]
        application.apply(seen, change)
        if settings is allowed:
            half.wait(half.repository.deploy(A, pushed=pushed))
            assert "planted" in kubectl("get", "configmaps", "-n", "clu-web-dev", "-o", "name")
            half.wait(half.repository.deploy(A))  # it goes while Argo CD may still touch it
    assert half.plan() == {}


def test_a_file_beside_the_chart_can_name_another_image_and_that_is_reported(half: Half) -> None:
    """Argo CD has no switch against `.argocd-source.yaml`; who may push may deploy anyway, but nobody unseen."""
    half.wait(half.repository.deploy(A))
    digest = f"sha256:{'1' * 64}"
    override = "helm: {parameters: [{name: image, value: " + IMAGE + "}]}"
    pushed = {"chart/.argocd-source.yaml": override}
    record = half.repository.deploy(B, image=f"docker.io/acme/web@{digest}", pushed=pushed)
    with pytest.raises(InstallerError, match=f"runs {IMAGE}, while {digest[:19]} is recorded"):
        half.wait(record)


def test_an_application_of_the_default_project_deploys_nothing(half: Half) -> None:
    attacker = thing("argoproj.io/v1alpha1", "Application", "argocd", spec={
        "project": "default", "destination": {"namespace": "default", "server": "https://kubernetes.default.svc"},
        "source": half.spec()["source"], "syncPolicy": {"automated": {}},
    })  # fmt: skip
    assert half.plan() == {}
    kubectl("apply", "-f", "-", stdin=json.dumps(attacker))
    try:

        def refused() -> str:
            planted = json.loads(kubectl("get", "application", "planted", "-n", "argocd", "-o", "json"))
            return " ".join(each["message"] for each in planted.get("status", {}).get("conditions") or [])

        assert "is not permitted in project 'default'" in eventually("a refusal", refused, 60)
    finally:
        kubectl("delete", "application", "planted", "-n", "argocd")
