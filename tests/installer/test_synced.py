from typing import Any

import pytest

from installer.synced import read, refusals, rolled_out


def application(**status: Any) -> dict[str, Any]:
    sync = {"revision": "abc", "status": "Synced"}
    return {"status": {"sync": sync, "health": {"status": "Healthy"}, **status}}


def test_a_commit_is_there_when_synced_and_healthy() -> None:
    assert read(application()).has("abc")
    assert read(application(operationState={"phase": "Succeeded"})).has("abc")
    assert not read(application()).has("def")


@pytest.mark.parametrize(
    "status",
    [
        {"sync": {"revision": "abc", "status": "OutOfSync"}},
        {"health": {"status": "Progressing"}},
        {"operationState": {"phase": "Running"}},
        {"sync": {}},
    ],
)
def test_anything_less_is_not(status: dict[str, Any]) -> None:
    assert not read(application(**status)).has("abc")


def test_an_application_that_nobody_looked_at_yet_is_unknown() -> None:
    assert str(read({})) == "Argo CD is at no commit, Unknown, Unknown"


def test_conditions_and_a_failed_sync_are_told() -> None:
    failed = {"phase": "Failed", "message": "one or more objects failed to apply"}
    condition = {"type": "ComparisonError", "message": "authentication required"}
    assert read(application(conditions=[condition], operationState=failed)).conditions == (
        "ComparisonError: authentication required",
        "last sync failed: one or more objects failed to apply",
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}, True),
        ({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}, False),
        ({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "readyReplicas": 2}, False),
        ({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "readyReplicas": 2}, False),
        ({}, False),
    ],
)
def test_a_rollout_is_complete_when_no_old_pod_is_left(status: dict[str, int], *, expected: bool) -> None:
    assert rolled_out({"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status}) is expected


REFUSED = "resource rbac.authorization.k8s.io:Role is not permitted in project web-dev"


@pytest.mark.parametrize("phase", ["Running", "Failed", "Error"])
def test_what_could_not_be_written_is_named_though_argo_cd_tries_again_for_ever(phase: str) -> None:
    results = [
        {"kind": "Service", "name": "web", "status": "Synced", "message": "unchanged"},
        {"kind": "Role", "name": "planted", "status": "SyncFailed", "message": REFUSED},
    ]
    operation = {"phase": phase, "retryCount": 2, "message": "not valid", "syncResult": {"resources": results}}
    assert read(application(operationState=operation)).conditions == (f"Role planted: {REFUSED}",)


def test_a_sync_that_is_tried_again_without_a_result_is_told_in_its_own_words() -> None:
    operation = {"phase": "Running", "retryCount": 2, "message": "one or more tasks are not valid. Retrying"}
    told = read(application(operationState=operation)).conditions
    assert told == ("last sync failed: one or more tasks are not valid. Retrying",)
    assert read(application(operationState={"phase": "Running"})).conditions == ()
    assert read(application(operationState={"phase": "Succeeded", "retryCount": 1})).conditions == ()


def test_pods_that_kubernetes_does_not_admit_are_told() -> None:
    said = 'pods "web-1" is forbidden: violates PodSecurity "restricted:latest": privileged'
    failing = {"type": "ReplicaFailure", "status": "True", "message": said}
    deployment = {"metadata": {"name": "web"}, "status": {"conditions": [failing]}}
    assert refusals(deployment) == [f"Deployment web creates no pods: {said}"]
    assert refusals({"metadata": {"name": "web"}, "status": {"conditions": [{**failing, "status": "False"}]}}) == []
