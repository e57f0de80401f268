"""The outcome of a deployment: certain or not said, and only of its own pods and its own commit."""

from dataclasses import replace
from typing import Any

import pytest

from installer.cluster.workloads import PodAnswer, Trouble
from installer.status import service as running_service
from installer.status.service import LONGEST, DeploymentRecord, DeploymentState, SyncState, assess

DIGEST = "sha256:" + "1" * 64
RECORD = DeploymentRecord("c2", "r2" * 20, "", "docker.io/acme/web", DIGEST)
GOOD = SyncState("c2", "Synced", "Healthy", "Succeeded")
ROLLING = SyncState("c2", "Synced", "Progressing", "Succeeded")
NEW, OLD = (PodAnswer("a", revision=revision * 20) for revision in ("r2", "r1"))


class Service:
    """A service as `assess` reads it."""

    def __init__(self, synced: SyncState | None, *answers: PodAnswer, **more: Any) -> None:
        self.looks = 0
        self._synced, self._answers = synced, list(answers)
        more = {"deployments": [], **more}
        self._more = {"rolled_out": True, "operation": {}, "pods": [], "events": [], **more}

    def sync_state(self) -> SyncState | None:
        self.looks += 1
        return self._synced

    def answers(self) -> list[PodAnswer]:
        return self._answers

    def __getattr__(self, name: str) -> Any:
        return lambda: self._more[name]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_service, "pause", lambda _: None)


def judged(*given: Any, **more: Any) -> DeploymentState | None:
    service: Any = Service(*given, **more)
    return assess(service, RECORD)


def pod(state: dict[str, Any], *, digest: str = DIGEST, **status: Any) -> dict[str, Any]:
    """A pod that is not ready, whose container is in this state."""
    return {
        "metadata": {"name": "web-1", "labels": {"app.kubernetes.io/name": "web"}},
        "spec": {"containers": [{"name": "web", "image": f"docker.io/acme/web:x@{digest}"}]},
        "status": {"containerStatuses": [{"name": "web", "state": state, **status}]},
    }


def unhealthy(message: str, count: int) -> dict[str, Any]:
    return {
        "type": "Warning",
        "reason": "Unhealthy",
        "message": message,
        "count": count,
        "involvedObject": {"name": "web-1"},
    }


def test_success_is_when_every_ready_pod_answers_the_recorded_revision() -> None:
    assert judged(GOOD, NEW, NEW) == DeploymentState("success", "all 2 pods answer r2r2r2r2r2r2")
    assert judged(GOOD, NEW) == DeploymentState("success", "its pod answers r2r2r2r2r2r2")


@pytest.mark.parametrize(
    "given",
    [
        [None],
        [SyncState("c1", "Synced", "Healthy", "Succeeded"), NEW],
        [ROLLING, NEW],
        [GOOD],
        [GOOD, NEW, PodAnswer("b", error="refused")],
    ],
)
def test_nothing_is_said_while_it_is_under_way_or_cannot_be_known(given: list[Any]) -> None:
    assert judged(*given) is None


def test_another_revision_is_a_failure_only_where_it_is_rolled_out_and_stays_so() -> None:
    service: Any = Service(GOOD, NEW, OLD)
    assert assess(service, RECORD) == DeploymentState("failure", "rolled out, but pods answer r1r1r1r1r1r1", "revision")
    assert service.looks == 3
    assert judged(GOOD, NEW, OLD, rolled_out=False) is None


@pytest.mark.parametrize(
    ("ailing", "text"),
    [
        (
            pod({"waiting": {"reason": "ErrImagePull", "message": "not  found"}}),
            "image pull: ErrImagePull: not found",
        ),
        (
            pod({"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}}),
            'start: CreateContainerConfigError: secret "x" not found',
        ),
        (
            pod(
                {"waiting": {"reason": "CrashLoopBackOff"}},
                restartCount=3,
                lastState={"terminated": {"exitCode": 3, "reason": "Error"}},
            ),
            "crash: CrashLoopBackOff: web ended with exit code 3 (Error), again and again",
        ),
        (
            pod({"running": {}}, restartCount=3, lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
            "crash: web was OOMKilled: it took more memory than its limit, again and again",
        ),
    ],
)
def test_a_failure_has_its_reason(ailing: dict[str, Any], text: str) -> None:
    found = judged(ROLLING, pods=[ailing], events=[unhealthy("Startup probe failed", 1)])
    assert found
    assert (found.state, found.text) == ("failure", text)


def test_a_probe_that_kills_the_container_or_fails_for_long_is_the_reason() -> None:
    told = DeploymentState("failure", "Readiness probe failed: 503", "probe")
    event = unhealthy("Readiness probe  failed: 503", 15)
    assert judged(ROLLING, pods=[pod({"running": {}})], events=[event]) == told
    killed = pod({"running": {}}, restartCount=3, lastState={"terminated": {"exitCode": 0, "reason": "Completed"}})
    assert judged(ROLLING, pods=[killed], events=[{**event, "count": 2}]) == told
    assert judged(ROLLING, pods=[pod({"running": {}})], events=[{**event, "count": 14}]) is None, "it may be starting"


def test_pods_of_another_image_are_no_part_of_this_deployment() -> None:
    state = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    assert judged(ROLLING, pods=[pod(state, digest="sha256:" + "2" * 64)]) is None
    before = SyncState("c1", "Synced", "Progressing", "Succeeded")
    assert judged(before, pods=[pod(state)]) is None, "the same image, deployed before and broken then"
    leaving = pod(state)
    leaving["metadata"]["deletionTimestamp"] = "2026-11-23T20:00:00Z"
    assert judged(ROLLING, pods=[leaving]) is None
    ready = pod({"running": {}})
    ready["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    assert judged(ROLLING, pods=[ready], events=[unhealthy("Liveness probe failed", 99)]) is None


def test_what_argo_cd_cannot_apply_of_this_commit_is_a_failure_after_some_attempts() -> None:
    resources = [{"kind": "Service", "name": "web", "status": "Synced"},
                 {"kind": "Deployment", "name": "web", "status": "SyncFailed", "message": "is invalid"}]  # fmt: skip
    operation = {"phase": "Running", "retryCount": 3, "syncResult": {"revision": "c2", "resources": resources}}
    out = SyncState("c2", "OutOfSync", "Healthy", "Running")
    assert judged(out, operation=operation) == DeploymentState("failure", "Deployment web: is invalid", "sync")
    assert judged(out, operation={**operation, "retryCount": 2}) is None
    assert judged(out, operation={**operation, "syncResult": {"revision": "c1", "resources": resources}}) is None


def test_a_reason_is_no_longer_than_github_takes_and_has_a_kind_that_stays() -> None:
    told = judged(ROLLING, pods=[pod({"waiting": {"reason": "ImagePullBackOff", "message": "not found" * 50}})])
    assert told is not None
    assert (len(told.text), told.kind) == (LONGEST, "image pull")


def test_a_service_that_claims_the_revision_but_runs_another_image_has_failed() -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    other = {**pod({}, digest="sha256:2"), "status": ready}
    said = judged(GOOD, NEW, pods=[other])
    assert said
    assert (said.state, said.kind) == ("failure", "image")
    assert "@sha256:2, while sha256:111111111111 is recorded" in said.text
    assert judged(GOOD, NEW, pods=[other], rolled_out=False) is None
    assert judged(GOOD, NEW, pods=[{**pod({}), "status": ready}])


def test_an_image_that_may_be_pulled_next_time_is_no_failure_yet() -> None:
    said = "failed to do request: dial tcp 203.0.113.1:443: i/o timeout"
    assert judged(ROLLING, pods=[pod({"waiting": {"reason": "ErrImagePull", "message": said}})]) is None


def test_pods_that_kubernetes_does_not_admit_are_a_failure() -> None:
    failing = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}
    deployment = {"metadata": {"name": "web"}, "status": {"conditions": [failing]}}
    found = judged(ROLLING, deployments=[deployment])
    assert found
    assert found.text == "admission: Deployment web creates no pods: exceeded quota: small"
    before = SyncState("c2", "OutOfSync", "Healthy", "Running")
    assert judged(before, deployments=[deployment]) is None, "it may be the deployment's before this one"


def test_a_chart_that_does_not_render_is_a_failure_of_what_was_deployed_before_argo_cd_looked() -> None:
    said = "ComparisonError: helm template: no digest"
    seen = SyncState("", "Unknown", "Healthy", "Succeeded", (said,), said, "2026-11-28T21:05:00Z")
    service: Any = Service(seen)
    found = assess(service, RECORD, "2026-11-28T22:00:00+02:00")
    assert found == DeploymentState("failure", said, "chart")
    assert assess(service, RECORD, "2026-11-28T21:04:30Z") is None, "clocks differ: it may be that of the one before"
    assert assess(service, RECORD) is None


def test_what_argo_cd_cannot_heal_is_a_failure_of_the_commit_that_it_is_at() -> None:
    said = "Service more is OutOfSync again after each sync: something else changes it"
    seen = SyncState(
        "c2", "OutOfSync", "Healthy", "Succeeded", (said,), unhealed=(Trouble("sync", said, certain=True),)
    )
    assert judged(seen, NEW) == DeploymentState("failure", said, "sync")
    assert judged(replace(seen, revision="c1"), NEW) is None
