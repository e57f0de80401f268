"""Rules that polaris, kube-linter and trivy have by default, as assertions: those tools are not at hand here."""

from collections import Counter
from typing import Any

import pytest

from tests.bars.conftest import Judged

pytestmark = pytest.mark.bars

Object = dict[str, Any]


@pytest.fixture
def pod(judged: Judged, values: str) -> Object:
    return dict(judged.objects(values)["Deployment"]["spec"]["template"]["spec"])


def containers(pod: Object) -> list[Object]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def test_containers_may_do_nothing_but_compute(pod: Object) -> None:
    for container in containers(pod):
        security = container["securityContext"]
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["runAsNonRoot"] is True
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["privileged"] is False
        assert min(security["runAsUser"], security["runAsGroup"]) >= 10_000
        assert "procMount" not in security
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False


def test_pods_share_nothing_with_their_node(pod: Object) -> None:
    assert not {"hostNetwork", "hostPID", "hostIPC", "hostAliases", "nodeName", "serviceAccount"} & pod.keys()
    assert "sysctls" not in pod["securityContext"]
    assert [volume for volume in pod.get("volumes", []) if "hostPath" in volume] == []
    assert [port for c in containers(pod) for port in c.get("ports", []) if "hostPort" in port] == []


def test_images_are_named_by_digest_and_never_latest(pod: Object) -> None:
    for container in containers(pod):
        name, _, digest = container["image"].partition("@")
        assert digest.startswith("sha256:")
        assert name.rpartition(":")[2] not in ("", "latest")
        assert container["imagePullPolicy"] == "Always"


def test_every_container_says_what_it_needs_and_what_is_too_much(pod: Object) -> None:
    for container in containers(pod):
        for part in ("requests", "limits"):
            assert container["resources"][part].keys() == {"cpu", "memory", "ephemeral-storage"}


def test_no_variable_is_set_twice_or_holds_a_secret(pod: Object) -> None:
    for container in containers(pod):
        names = [variable["name"] for variable in container.get("env", [])]
        assert [name for name, times in Counter(names).items() if times > 1] == []
        secret = ("PASSWORD", "SECRET", "TOKEN", "KEY", "DATABASE_URL")
        values = [name for name in names if not name.endswith("_FILE")]  # which only says where one is
        assert [name for name in values if any(word in name for word in secret)] == []
        assert "envFrom" not in container
        assert [variable for variable in container.get("env", []) if "valueFrom" in variable] == []


def test_probes_and_services_lead_to_ports_that_are_there(judged: Judged, values: str) -> None:
    objects = judged.objects(values)
    ports = {port["name"] for port in objects.container["ports"]}

    assert 22 not in {port["containerPort"] for port in objects.container["ports"]}
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        assert objects.container[probe]["httpGet"]["port"] in ports
    services = [object_ for object_ in objects.everything if object_["kind"] == "Service"]
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    for service in services:
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
        assert service["spec"]["selector"].items() <= labels, "it dangles"
        assert service["spec"]["type"] == "ClusterIP"


def test_names_fit_together(judged: Judged, values: str) -> None:
    objects = judged.objects(values)

    for kind in ("Deployment", "Service", "ServiceAccount", "NetworkPolicy", "PodDisruptionBudget"):
        labels = objects[kind]["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == objects[kind]["metadata"]["name"]
    accounts = {o["metadata"]["name"] for o in objects.everything if o["kind"] == "ServiceAccount"}
    assert {objects.pod["serviceAccountName"]} == accounts
    for object_ in objects.everything:
        assert len(object_["metadata"]["name"]) <= 63
        assert all(len(value) <= 63 for value in object_["metadata"]["labels"].values())


def test_there_are_always_two_and_one_may_go(judged: Judged, values: str) -> None:
    objects = judged.objects(values)

    scaled = {"HorizontalPodAutoscaler"} & objects.kinds
    least = objects["HorizontalPodAutoscaler"]["spec"]["minReplicas"] if scaled else None
    assert (least or objects["Deployment"]["spec"]["replicas"]) >= 2
    budget = objects["PodDisruptionBudget"]["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")


def test_nothing_gives_rights_in_the_cluster(judged: Judged, values: str) -> None:
    assert [k for k in judged.objects(values).kinds if "Role" in k or "Secret" in k or "ConfigMap" in k] == []
