"""What keeps pods from running: the reason by its name, once, and whether to wait longer could help."""

from typing import Any

import pytest

from installer.cluster.pods import ailments
from installer.cluster.workloads import Trouble, of_deployment, of_pod, rolled_out

UID = "1b671a64-40d5-491e-99b0-da01ff1f3341"
BACK_OFF = f"back-off 40s restarting failed container=web pod=web-1_web-dev({UID})"
Tree = dict[str, Any]


def pod(*containers: Tree, limit: str = "") -> Tree:
    web: Tree = {"name": "web", "resources": {"limits": {"memory": limit}} if limit else {}}
    return {
        "metadata": {"name": "web-1"},
        "spec": {"containers": [web]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "web", "ready": False, **c} for c in containers]},
    }


def waits(reason: str, message: str = "", **more: Any) -> Tree:
    return {"state": {"waiting": {"reason": reason, "message": message}}, **more}


def ended(code: int, reason: str, **more: Any) -> Tree:
    return {"lastState": {"terminated": {"exitCode": code, "reason": reason, **more}}}


def event(reason: str, message: str, count: int = 1, time: str = "2026-11-28T21:00:00Z") -> Tree:
    return {
        "type": "Warning", "reason": reason, "message": message, "count": count, "lastTimestamp": time,
        "involvedObject": {"name": "web-1"},
    }  # fmt: skip


def test_a_crash_loop_is_reported_once_and_without_names_that_only_kubernetes_uses() -> None:
    crashing = pod(waits("CrashLoopBackOff", BACK_OFF, restartCount=4, **ended(3, "Error")))
    noted = event("BackOff", f"Back-off restarting failed container web in pod web-1_web-dev({UID})", 9)
    told = ailments(crashing, [noted])
    assert told == ["pod web-1: CrashLoopBackOff: web ended with exit code 3 (Error), again and again"]


def test_a_container_that_took_too_much_memory_is_called_so_with_its_limit() -> None:
    killed = pod(waits("CrashLoopBackOff", BACK_OFF, restartCount=3, **ended(137, "OOMKilled")), limit="128Mi")
    told = ailments(killed, [event("BackOff", "Back-off restarting failed container web")])
    assert told == [
        "pod web-1: CrashLoopBackOff: web was OOMKilled: it took more memory than its limit of 128Mi, again and again"
    ]


@pytest.mark.parametrize(("restarts", "certain"), [(0, False), (2, False), (3, True)])
def test_what_ends_once_or_twice_may_be_waiting_for_its_database(restarts: int, *, certain: bool) -> None:
    crashed = waits("CrashLoopBackOff", BACK_OFF, restartCount=restarts, **ended(1, "Error"))
    (found,) = of_pod(pod(crashed), [])
    assert (found.kind, found.certain) == ("crash", certain)


def test_a_program_that_is_not_there_is_named() -> None:
    said = 'exec: "gunicron": executable file not found in $PATH'
    (found,) = of_pod(pod({"state": {}, "restartCount": 3, **ended(128, "StartError", message=said)}), [])
    assert found.text == f"web ended with exit code 128 (StartError): {said}, again and again"


IMAGE = f"docker.io/acme/orders-of-the-whole-company@sha256:{'1' * 64}"
MISSING = (  # as containerd 2 says it
    f'rpc error: code = NotFound desc = failed to pull and unpack image "{IMAGE}": '
    f'failed to resolve reference "{IMAGE}": {IMAGE}: not found'
)
DENIED = (
    "failed to resolve reference docker.io/acme/web:1: pull access denied, repository does not exist or may require "
    "authorization: server message: insufficient_scope: authorization failed"
)


@pytest.mark.parametrize("said", [MISSING, DENIED, "reading manifest 1 in docker.io/acme/web: manifest unknown"])
@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
def test_an_image_that_the_registry_refuses_does_not_come_by_waiting(reason: str, said: str) -> None:
    (found,) = of_pod(pod(waits(reason, said)), [])
    assert found.kind == "image pull"
    assert found.certain


@pytest.mark.parametrize(
    "said",
    [
        "failed to do request: Head https://registry-1.docker.io/v2/acme/web: dial tcp: i/o timeout",
        "unexpected status from HEAD request: 503 Service Unavailable",
        "toomanyrequests: You have reached your pull rate limit",
        "lookup registry-1.docker.io: no such host",
        "",
    ],
)
def test_a_registry_out_of_order_is_waited_for_but_not_for_ever(said: str) -> None:
    (found,) = of_pod(pod(waits("ErrImagePull", said)), [])
    assert not found.certain
    tried = event("Failed", f"Failed to pull image docker.io/acme/web:1: {said}", 5)
    (found,) = of_pod(pod(waits("ErrImagePull", said)), [tried])
    assert found.certain


def test_why_an_image_was_not_pulled_is_taken_from_the_event_where_the_kubelet_is_an_older_one() -> None:
    waiting = pod(waits("ImagePullBackOff", 'Back-off pulling image "docker.io/acme/web:1"'))
    noted = event("Failed", f'Failed to pull image "{IMAGE}": {MISSING}')
    (found,) = of_pod(waiting, [noted])
    assert found == Trouble("image pull", f"ImagePullBackOff: {IMAGE}: not found", certain=True)
    assert ailments(waiting, [noted]) == [f"pod web-1: {found.text}"], "once"


def test_the_name_of_an_image_is_said_once_and_what_is_wrong_with_it_is_not_cut_off() -> None:
    waiting = pod(waits("ImagePullBackOff", f'Back-off pulling image "{IMAGE}": ErrImagePull: {MISSING}'))
    (found,) = of_pod(waiting, [])
    assert found == Trouble("image pull", f"ImagePullBackOff: {IMAGE}: not found", certain=True)


@pytest.mark.parametrize(
    "lacking", ['secret "web-db" not found', "couldn't find key URL in ConfigMap web-dev/settings"]
)
def test_a_missing_secret_or_configmap_is_certain(lacking: str) -> None:
    assert of_pod(pod(waits("CreateContainerConfigError", lacking)), []) == [
        Trouble("start", f"CreateContainerConfigError: {lacking}", certain=True)
    ]


def test_a_missing_secret_that_is_a_volume_is_reported_as_well() -> None:
    waiting = pod(waits("ContainerCreating"))
    said = 'MountVolume.SetUp failed for volume "tls" : secret "web-tls" not found'
    (found,) = of_pod(waiting, [event("FailedMount", said, 3)])
    assert found == Trouble("start", f"FailedMount: {said}", certain=True)
    (found,) = of_pod(waiting, [event("FailedMount", said, 1)])
    assert not found.certain
    begun = pod({"state": {"running": {}}})
    assert of_pod(begun, [event("FailedMount", said, 9)]) == [], "it came"


def test_a_pod_that_fits_nowhere_may_fit_once_a_node_comes() -> None:
    waiting = {**pod(), "status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": "no node"}]}}
    assert of_pod(waiting, []) == [Trouble("schedule", "not scheduled: no node")]


def test_pods_that_kubernetes_does_not_admit_are_reported() -> None:
    said = 'pods "web-1" is forbidden: violates PodSecurity "restricted:latest": privileged'
    failing = {"type": "ReplicaFailure", "status": "True", "message": said}
    deployment = {"metadata": {"name": "web"}, "status": {"conditions": [failing]}}
    assert of_deployment(deployment) == [Trouble("admission", f"Deployment web creates no pods: {said}", certain=True)]
    assert (
        of_deployment({"metadata": {"name": "web"}, "status": {"conditions": [{**failing, "status": "False"}]}}) == []
    )


def test_a_rollout_that_kubernetes_gave_up_is_reported_with_its_words() -> None:
    said = 'ReplicaSet "web-5d8" has timed out progressing.'
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": said}
    (found,) = of_deployment({"metadata": {"name": "web"}, "status": {"conditions": [condition]}})
    assert found == Trouble("rollout", f"Deployment web is given up by Kubernetes: {said}", certain=True)


def test_a_container_that_did_what_it_was_there_for_is_no_trouble() -> None:
    done = {"name": "migrate", "ready": True, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
    waiting = pod(waits("PodInitializing"))
    waiting["status"]["initContainerStatuses"] = [done]
    assert of_pod(waiting, []) == []


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
