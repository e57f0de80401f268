"""How many pods there are: replicas, autoscaling and the disruption budget."""

from typing import Any

import pytest

from tests.chart.rendered import Helm


def test_two_pods_run_where_nothing_else_is_said(helm: Helm) -> None:
    assert helm.objects()["Deployment"]["spec"]["replicas"] == 2
    assert helm.objects(replicaCount=3)["Deployment"]["spec"]["replicas"] == 3


def test_with_autoscaling_nobody_else_says_how_many(helm: Helm) -> None:
    objects = helm.objects(
        autoscaling={"enabled": True, "minReplicas": 3, "maxReplicas": 7, "targetCPUUtilizationPercentage": 60}
    )

    assert "replicas" not in objects["Deployment"]["spec"]
    spec = objects["HorizontalPodAutoscaler"]["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "hello-api"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 7)
    (metric,) = spec["metrics"]
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}


@pytest.mark.parametrize(
    ("values", "surge"),
    [
        ({}, "100%"),
        ({"replicaCount": 4}, "100%"),
        ({"replicaCount": 5}, "25%"),
        ({"autoscaling": {"enabled": True, "maxReplicas": 4}}, "100%"),
        ({"autoscaling": {"enabled": True, "maxReplicas": 5}, "replicaCount": 1}, "25%"),
    ],
)
def test_up_to_four_pods_are_replaced_at_once_and_of_more_a_quarter_at_a_time(
    helm: Helm, values: dict[str, Any], surge: str
) -> None:
    strategy = helm.objects(**values)["Deployment"]["spec"]["strategy"]

    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": surge}}


def test_a_strategy_of_ones_own_is_taken_whole(helm: Helm) -> None:
    assert helm.objects(strategy={"type": "Recreate"})["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}


def test_a_drained_node_takes_one_pod_at_a_time_and_is_never_stuck_on_a_broken_one(helm: Helm) -> None:
    objects = helm.objects(podDisruptionBudget={"maxUnavailable": 1})

    assert objects["PodDisruptionBudget"]["spec"] == {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": objects["Deployment"]["spec"]["selector"]["matchLabels"]},
    }
