"""Which objects the chart renders, and which values it refuses."""

import json
from typing import Any

import pytest

from tests.chart.rendered import COMMIT, EVERYTHING, Helm

pytestmark = pytest.mark.combinations


def test_the_chart_has_no_fault(helm: Helm) -> None:
    ended = helm.lint()

    assert ended.returncode == 0, ended.stdout
    assert "WARNING" not in ended.stdout + ended.stderr


ALWAYS = {"Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount"}


@pytest.mark.parametrize(
    ("values", "more", "less"),
    [
        ({}, set(), set()),
        ({"autoscaling": EVERYTHING["autoscaling"]}, {"HorizontalPodAutoscaler"}, set()),
        ({"httpRoute": EVERYTHING["httpRoute"]}, {"HTTPRoute"}, set()),
        ({"ingress": EVERYTHING["ingress"]}, {"Ingress"}, set()),
        ({"networkPolicy": {"enabled": False}}, set(), {"NetworkPolicy"}),
        ({"podDisruptionBudget": {"enabled": False}}, set(), {"PodDisruptionBudget"}),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_a_switch_adds_or_takes_its_object_and_no_other(
    helm: Helm, values: dict[str, Any], more: set[str], less: set[str]
) -> None:
    assert helm.objects(**values).kinds == (ALWAYS | more) - less


def test_every_object_names_its_namespace_and_one_the_revision(helm: Helm) -> None:
    objects = helm.objects(**EVERYTHING)

    assert objects.kinds == ALWAYS | {"HTTPRoute", "HorizontalPodAutoscaler", "Ingress"}
    for object_ in objects.everything:
        assert object_["metadata"]["namespace"] == "hello-api-dev"
        assert object_["metadata"]["name"] == "hello-api"
        version = object_["metadata"]["labels"].get("app.kubernetes.io/version")
        assert version == (COMMIT if object_["kind"] == "Deployment" else None), "a new revision changes one object"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"replicaCount": "two"}, "at '/replicaCount': got string, want integer"),
        ({"replicas": 2}, "additional properties 'replicas' not allowed"),
        ({"colour": "red"}, "additional properties 'colour' not allowed"),
        ({"image": {"digest": "latest"}}, "at '/image/digest': 'latest' does not match pattern"),
        ({"revision": "main"}, "at '/revision': 'main' does not match pattern"),
        ({"env": {"PORT": "1"}}, "at '/env/PORT': value must be 'not here: the chart sets it"),
        ({"env": {"A-B": "1"}}, "at '/env': additional properties 'A-B' not allowed"),
        ({"env": {"LIST": ["a"]}}, "at '/env/LIST': got array, want boolean or number or string or object"),
        ({"env": {"KEY": {"secretKeyRef": {}}}}, "at '/env/KEY': missing property 'valueFrom'"),
        ({"secrets": {"API_KEY": "My Secret"}}, "at '/secrets/API_KEY': 'My Secret' does not match pattern"),
        ({"secrets": {"a-b": "one"}}, "at '/secrets': additional properties 'a-b' not allowed"),
        ({"secrets": {"LOG_LEVEL": "a-secret"}}, "LOG_LEVEL is in env and in secrets: the variable would win"),
        ({"secrets": {"API_KEY": {"key": "k"}}}, "at '/secrets/API_KEY': missing property 'name'"),
        ({"resources": {"limit": {"cpu": "1"}}}, "at '/resources': additional properties 'limit' not allowed"),
        ({"service": {"targetPort": 80}}, "at '/service/targetPort': minimum: got 80, want 1,024"),
        ({"service": {"port": 0}}, "at '/service/port': minimum: got 0, want 1"),
        ({"env": {"METRICS_PORT": "1"}}, "at '/env/METRICS_PORT': value must be 'not here: the chart sets it"),
        ({"image": {"pullPolicy": "Never"}}, "at '/image/pullPolicy': value must be one of 'Always', 'IfNotPresent'"),
        ({"autoscaling": {"minReplicas": "2"}}, "at '/autoscaling/minReplicas': got string, want integer"),
        ({"autoscaling": {"enabled": True, "minReplicas": 9}}, "autoscaling.maxReplicas is less than autoscaling.minR"),
        ({"podDisruptionBudget": {"maxUnavailable": 0}}, "at '/podDisruptionBudget/maxUnavailable': minimum: got 0"),
        ({"podDisruptionBudget": {"maxUnavailable": "0%"}}, "at '/podDisruptionBudget/maxUnavailable': '0%' does not"),
        ({"networkPolicy": {"ingress": []}}, "at '/networkPolicy': additional properties 'ingress' not allowed"),
        ({"metrics": {"namespace": "Monitoring"}}, "at '/metrics/namespace': 'Monitoring' does not match pattern"),
        ({"metrics": {"port": 80}}, "at '/metrics/port': minimum: got 80, want 1,024"),
        ({"service": {"type": "Loadbalancer"}}, "at '/service/type': value must be one of 'ClusterIP'"),
        ({"podLabels": {"app.kubernetes.io/name": "a"}}, "at '/podLabels/app.kubernetes.io~1name': value must be"),
        ({"commonLabels": {"app.kubernetes.io/instance": "a"}}, "'not here: Service and Deployment"),
        ({"livenessProbe": {"period": 1}}, "at '/livenessProbe': additional properties 'period' not"),
        ({"ingress": {"enabled": True}}, "at '/ingress/hosts': minItems"),
        ({"ingress": {"host": "a.example.com"}}, "at '/ingress': additional properties 'host' not allowed"),
        ({"ingress": {"hosts": [{"name": "a"}]}}, "at '/ingress/hosts/0': missing property 'host'"),
        ({"httpRoute": {"enabled": True}}, "at '/httpRoute/parentRefs': minItems"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_a_wrong_value_is_refused_by_name(helm: Helm, values: dict[str, Any], message: str) -> None:
    ended = helm.template(**values)

    assert ended.returncode != 0
    assert message in ended.stderr
