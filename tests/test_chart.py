"""The generated chart, rendered by helm: what reaches the cluster, and what never does."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import BakedProject

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "sha256:" + "1" * 64


class Helm:
    """One of the helms of this machine, on the chart of the project with default answers."""

    def __init__(self, program: str, project: BakedProject, folder: Path) -> None:
        self._program, self._project = program, project
        self._image = folder / "image.yaml"
        image = {"repository": "docker.io/acme/hello-api", "tag": COMMIT, "digest": DIGEST}
        self._image.write_text(json.dumps({"image": image, "revision": COMMIT}))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._program, *arguments], cwd=self._project.path, capture_output=True, text=True, check=False
        )

    def template(self, **values: Any) -> subprocess.CompletedProcess[str]:
        given = [f"--set-json={name.replace('__', '.')}={json.dumps(value)}" for name, value in values.items()]
        files = ["--values", "deploy/dev.yaml", "--values", str(self._image)]
        return self.run("template", "hello-api", "chart", "--namespace", "hello-api-dev", *files, *given)

    def objects(self, **values: Any) -> dict[str, dict[str, Any]]:
        """Return what is rendered, by kind."""
        ended = self.template(**values)
        assert ended.returncode == 0, ended.stderr
        return {object_["kind"]: object_ for object_ in yaml.safe_load_all(ended.stdout) if object_}

    def lint(self) -> subprocess.CompletedProcess[str]:
        return self.run("lint", "--strict", "chart", "--values", "deploy/dev.yaml", "--values", str(self._image))


@pytest.fixture(params=["helm", "helm3"])
def helm(request: pytest.FixtureRequest, project: BakedProject, tmp_path: Path) -> Helm:
    if not shutil.which(request.param):
        pytest.skip(f"{request.param} is not installed")
    return Helm(request.param, project, tmp_path)


def pod(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = objects["Deployment"]["spec"]["template"]["spec"]
    return spec


def container(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    (only,) = pod(objects)["containers"]
    return dict(only)


def test_the_chart_has_no_fault(helm: Helm) -> None:
    ended = helm.lint()

    assert ended.returncode == 0, ended.stdout
    assert "WARNING" not in ended.stdout + ended.stderr


def test_ways_in_are_off_by_default(helm: Helm) -> None:
    assert set(helm.objects()) == {"Deployment", "Service", "ServiceAccount"}


def test_every_object_names_its_namespace_and_the_revision(helm: Helm) -> None:
    everything = helm.objects(
        ingress={"enabled": True, "host": "a.example.com"}, httpRoute={"enabled": True, "parentRefs": [{"name": "gw"}]}
    )

    assert set(everything) == {"Deployment", "Service", "ServiceAccount", "Ingress", "HTTPRoute"}
    for object_ in everything.values():
        assert object_["metadata"]["namespace"] == "hello-api-dev"
        assert object_["metadata"]["name"] == "hello-api"
        assert object_["metadata"]["labels"]["app.kubernetes.io/version"] == COMMIT


def test_pods_carry_only_labels_that_never_change(helm: Helm) -> None:
    deployment = helm.objects()["Deployment"]

    labels = {"app.kubernetes.io/name": "hello-api", "app.kubernetes.io/instance": "hello-api"}
    assert deployment["spec"]["template"]["metadata"] == {"labels": labels}
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert helm.objects()["Service"]["spec"]["selector"] == labels


def test_the_image_is_named_by_tag_and_digest(helm: Helm) -> None:
    assert container(helm.objects())["image"] == f"docker.io/acme/hello-api:{COMMIT}@{DIGEST}"
    assert container(helm.objects())["name"] == "hello-api"


def test_a_chart_without_a_delivered_image_does_not_render(helm: Helm) -> None:
    ended = helm.run("template", "hello-api", "chart", "--values", "deploy/dev.yaml")

    assert ended.returncode != 0
    assert "image.digest is not set" in ended.stderr
    assert "image.yaml" in ended.stderr


def test_pods_have_no_rights_they_do_not_need(helm: Helm) -> None:
    objects = helm.objects()

    assert pod(objects)["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container(objects)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod(objects)["automountServiceAccountToken"] is False
    assert objects["ServiceAccount"]["automountServiceAccountToken"] is False
    assert pod(objects)["enableServiceLinks"] is False
    (volume,) = pod(objects)["volumes"]
    assert volume["emptyDir"]["sizeLimit"]
    assert container(objects)["volumeMounts"] == [{"name": volume["name"], "mountPath": "/tmp"}]


def test_probes_ask_different_questions(helm: Helm) -> None:
    only = container(helm.objects())

    assert only["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert only["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert only["startupProbe"]["httpGet"] == {"path": "/livez", "port": "http"}


def test_requests_and_limits_are_complete_and_canonical(helm: Helm) -> None:
    resources = container(helm.objects())["resources"]

    for part in ("requests", "limits"):
        assert set(resources[part]) == {"cpu", "memory", "ephemeral-storage"}
        assert all(isinstance(quantity, str) for quantity in resources[part].values())


def test_a_rollout_leaves_no_gap(helm: Helm) -> None:
    objects = helm.objects(shutdown={"drainSeconds": 7, "requestSeconds": 30})

    update = objects["Deployment"]["spec"]["strategy"]["rollingUpdate"]
    assert update == {"maxUnavailable": 0, "maxSurge": 1}
    assert container(objects)["lifecycle"]["preStop"] == {"sleep": {"seconds": 7}}
    assert {"name": "SHUTDOWN_SECONDS", "value": "30"} in container(objects)["env"]
    assert pod(objects)["terminationGracePeriodSeconds"] > 7 + 30


def test_the_service_leads_to_the_servers_port(helm: Helm) -> None:
    objects = helm.objects(service={"port": 8080, "targetPort": 9000})

    (port,) = objects["Service"]["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (8080, "http")
    assert container(objects)["ports"] == [{"name": "http", "containerPort": 9000, "protocol": "TCP"}]
    assert {"name": "PORT", "value": "9000"} in container(objects)["env"]


def test_variables_and_pull_secrets_arrive_as_they_are(helm: Helm) -> None:
    objects = helm.objects(
        env={"GREETING": 'a "b": {c}', "NUMBER": "08"},
        envFrom=[{"secretRef": {"name": "database"}}],
        imagePullSecrets=[{"name": "login"}],
    )

    variables = {variable["name"]: variable["value"] for variable in container(objects)["env"]}
    assert (variables["GREETING"], variables["NUMBER"]) == ('a "b": {c}', "08")
    assert container(objects)["envFrom"] == [{"secretRef": {"name": "database"}}]
    assert pod(objects)["imagePullSecrets"] == [{"name": "login"}]


def test_ways_in_lead_to_the_service(helm: Helm) -> None:
    objects = helm.objects(
        ingress={"enabled": True, "host": "a.example.com", "className": "nginx", "tlsSecretName": "cert"},
        httpRoute={"enabled": True, "parentRefs": [{"name": "gw"}], "hostnames": ["a.example.com"]},
    )

    ingress, route = objects["Ingress"]["spec"], objects["HTTPRoute"]["spec"]
    assert ingress["ingressClassName"] == "nginx"
    assert ingress["tls"] == [{"hosts": ["a.example.com"], "secretName": "cert"}]
    (path,) = ingress["rules"][0]["http"]["paths"]
    assert path["backend"]["service"] == {"name": "hello-api", "port": {"name": "http"}}
    assert route["hostnames"] == ["a.example.com"]
    assert route["rules"][0]["backendRefs"] == [{"name": "hello-api", "port": 80}]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"replicas": "two"}, "at '/replicas': got string, want integer"),
        ({"colour": "red"}, "additional properties 'colour' not allowed"),
        ({"image": {"digest": "latest"}}, "at '/image/digest': 'latest' does not match pattern"),
        ({"revision": "main"}, "at '/revision': 'main' does not match pattern"),
        ({"env": {"PORT": "1"}}, "at '/env/PORT': value must be 'not here: the chart sets it"),
        ({"env": {"A-B": "1"}}, "at '/env': additional properties 'A-B' not allowed"),
        ({"env": {"DEBUG": True}}, "at '/env/DEBUG': got boolean, want string"),
        ({"resources": {"limits": {"cpu": "0.5"}}}, "at '/resources/limits/cpu': '0.5' does not match pattern"),
        ({"resources": {"limits": {"memory": "1024M"}}}, "at '/resources/limits/memory'"),
        ({"service": {"targetPort": 80}}, "at '/service/targetPort': minimum: got 80, want 1,024"),
        ({"ingress": {"enabled": True}}, "at '/ingress/host': minLength"),
        ({"httpRoute": {"enabled": True}}, "at '/httpRoute/parentRefs': minItems"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_a_wrong_value_is_refused_by_name(helm: Helm, values: dict[str, Any], message: str) -> None:
    ended = helm.template(**values)

    assert ended.returncode != 0
    assert message in ended.stderr
