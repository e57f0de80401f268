"""How many pods there are: replicas, autoscaling and the disruption budget."""

from tests.chart.rendered import Helm


def test_two_pods_run_where_nothing_else_is_said(helm: Helm) -> None:
    assert helm.objects()["Deployment"]["spec"]["replicas"] == 2
    assert helm.objects(replicas=3)["Deployment"]["spec"]["replicas"] == 3


def test_with_autoscaling_nobody_else_says_how_many(helm: Helm) -> None:
    objects = helm.objects(autoscaling={"enabled": True, "minReplicas": 3, "maxReplicas": 7, "cpuPercent": 60})

    assert "replicas" not in objects["Deployment"]["spec"]
    spec = objects["HorizontalPodAutoscaler"]["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "hello-api"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 7)
    (metric,) = spec["metrics"]
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}


def test_a_drained_node_takes_one_pod_at_a_time_and_is_never_stuck_on_a_broken_one(helm: Helm) -> None:
    objects = helm.objects(podDisruptionBudget={"maxUnavailable": 1})

    assert objects["PodDisruptionBudget"]["spec"] == {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": objects["Deployment"]["spec"]["selector"]["matchLabels"]},
    }
