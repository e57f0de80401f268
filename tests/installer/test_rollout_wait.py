from dataclasses import dataclass, field
from typing import Any

import pytest

from installer.cluster.workloads import PodAnswer, Trouble, wrong_revision
from installer.status.rollout import _SURE, _SURE_OF_SILENCE, RunningService, _RolloutWaiter
from installer.status.service import SyncState
from installer.support.errors import DeadlinePassed, InstallerError

from .cluster import SETTINGS
from .pods import runs


@dataclass(frozen=True)
class Record:
    commit: str
    revision: str
    digest: str = ""


GOOD = SyncState("c2", "Synced", "Healthy", "Succeeded")
OLD = SyncState("c1", "Synced", "Healthy", "Succeeded")
NEW = [PodAnswer("a", revision="r2"), PodAnswer("b", revision="r2")]
MIXED = [PodAnswer("a", revision="r1"), PodAnswer("b", revision="r2")]


@dataclass
class Service:
    """A service that shows one picture after another, the last one for ever."""

    pictures: list[tuple[SyncState | None, list[PodAnswer], bool]]
    refreshed: int = 0
    there: list[Any] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    noted: list[Any] = field(default_factory=list)
    rollouts: list[Any] = field(default_factory=list)
    last_sync: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def sync_state(self) -> SyncState | None:
        self._now = self.pictures.pop(0) if len(self.pictures) > 1 else self.pictures[0]
        return self._now[0]

    def answers(self) -> list[PodAnswer]:
        return self._now[1]

    def rolled_out(self) -> bool:
        return self._now[2]

    def pods(self) -> list[Any]:
        return self.there

    def problems(self) -> list[str]:
        return self.troubles

    def events(self) -> list[Any]:
        return self.noted

    def deployments(self) -> list[Any]:
        return self.rollouts

    def operation(self) -> dict[str, Any]:
        return self.last_sync

    def refresh(self) -> str:
        self.refreshed += 1
        return ""


def waiter(*pictures: tuple[SyncState | None, list[PodAnswer], bool]) -> tuple[Any, Service]:
    service: Any = Service(list(pictures))
    return _RolloutWaiter(service, lambda: Record("c2", "r2"), service.said.append), service


def test_live_is_when_every_ready_pod_answers_the_recorded_revision() -> None:
    look, service = waiter((OLD, MIXED, True), (GOOD, MIXED, False), (GOOD, NEW, True))
    assert [look.look(), look.look(), look.look()] == [False, False, True]
    assert look.answered == NEW
    assert service.refreshed == 1


def test_pods_that_are_not_ready_are_not_asked_about() -> None:
    look, _ = waiter((GOOD, NEW, False))
    assert look.look()


def test_argo_cd_is_refreshed_once_for_a_commit_and_not_where_it_has_it() -> None:
    look, service = waiter((OLD, [], True))
    assert [look.look(), look.look()] == [False, False]
    assert service.refreshed == 1
    look, service = waiter((GOOD, NEW, True))
    assert look.look()
    assert service.refreshed == 0


def test_the_wait_says_what_keeps_the_pods_from_being_ready_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    look, service = waiter((SyncState("c2", "Synced", "Progressing", "Succeeded"), [], False))
    service.troubles.append("pod a: ImagePullBackOff: not found")
    assert not look.look()
    assert service.said == ["Argo CD is at c2, Synced, Progressing"]
    monkeypatch.setattr("installer.status.rollout._LOOK_AGAIN", -1.0)
    assert not look.look()
    assert service.said[1] == "Argo CD is at c2, Synced, Progressing; pod a: ImagePullBackOff: not found"


def test_a_settled_service_with_another_revision_is_called_wrong_only_when_it_stays_so() -> None:
    look, _ = waiter((GOOD, MIXED, True))
    assert [look.look() for _ in range(_SURE - 1)] == [False] * (_SURE - 1)
    with pytest.raises(InstallerError, match="pod a answers revision r1, while r2 is recorded"):
        look.look()


def test_a_rollout_in_progress_is_never_called_wrong() -> None:
    look, _ = waiter((GOOD, MIXED, False))
    assert not any(look.look() for _ in range(_SURE_OF_SILENCE + 1))


def test_silence_is_given_more_time_than_a_wrong_answer() -> None:
    look, _ = waiter((GOOD, [PodAnswer("a", error="refused")], True))
    assert not any(look.look() for _ in range(_SURE_OF_SILENCE - 1))
    with pytest.raises(InstallerError, match="pod a refused"):
        look.look()


def test_a_service_without_a_pod_is_not_live() -> None:
    assert wrong_revision([], "r2") == "no pod is Ready"


def test_an_application_that_vanishes_ends_the_wait() -> None:
    look, _ = waiter((None, [], True))
    with pytest.raises(InstallerError, match="The Application is gone"):
        look.look()


def test_the_deadline_reports_what_was_seen_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster: Any = None
    monkeypatch.setattr(RunningService, "sync_state", lambda _: OLD)
    monkeypatch.setattr(RunningService, "refresh", lambda _: "no repo-server")
    monkeypatch.setattr(RunningService, "problems", lambda _: ["pod a: ImagePullBackOff"])
    with pytest.raises(DeadlinePassed) as caught:
        RunningService(cluster, SETTINGS).wait_for_rollout(lambda: Record("c2", "r2"), seconds=0)
    assert "Argo CD is at c1, Synced, Healthy; no repo-server" in str(caught.value)
    assert "pod a: ImagePullBackOff" in str(caught.value)


def test_a_service_that_claims_the_revision_but_runs_another_image_is_not_live() -> None:
    look, service = waiter((GOOD, NEW, True))
    look.want = Record("c2", "r2", "sha256:1")
    service.there = [runs("docker.io/evil/web@sha256:2")]
    assert [look.look() for _ in range(_SURE - 1)] == [False] * (_SURE - 1)
    with pytest.raises(InstallerError, match=r"pod a runs docker\.io/evil/web@sha256:2, while sha256:1 is recorded"):
        look.look()


def test_a_mirror_of_the_recorded_image_is_that_image() -> None:
    look, service = waiter((GOOD, NEW, True))
    look.want = Record("c2", "r2", "sha256:1")
    service.there = [runs("mirror.example.com/acme/web@sha256:1")]
    assert look.look()


ROLLING = SyncState("c2", "Synced", "Progressing", "Succeeded")


def ailing(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    status = {"containerStatuses": [{"name": "web", "ready": False, "state": state, **more}]}
    return {**runs("docker.io/acme/web@sha256:1"), "status": status}


def failing(
    monkeypatch: pytest.MonkeyPatch, pod: dict[str, Any] | None = None, seen: SyncState = ROLLING
) -> tuple[Any, Service]:
    """Wait for what does not come up, without the seconds between two looks at it."""
    monkeypatch.setattr("installer.status.rollout._LOOK_AGAIN", -1.0)
    look, service = waiter((seen, [], False))
    look.want = Record("c2", "r2", "sha256:1")
    service.there = [pod] if pod else []
    return look, service


def test_the_wait_ends_with_the_reason_once_the_service_cannot_come_up(monkeypatch: pytest.MonkeyPatch) -> None:
    crashed = {"terminated": {"exitCode": 1, "reason": "Error"}}
    pod = ailing({"waiting": {"reason": "CrashLoopBackOff"}}, restartCount=3, lastState=crashed)
    look, service = failing(monkeypatch, pod)
    service.troubles = ["    Traceback", "    KeyError: 'DATABASE_URL'"]
    assert not look.look(), "it must stay so"
    with pytest.raises(InstallerError) as caught:
        look.look()
    assert not isinstance(caught.value, DeadlinePassed)
    reason = "crash: CrashLoopBackOff: web ended with exit code 1 (Error), again and again"
    assert f"r2 cannot come up: {reason}" in str(caught.value)
    assert "KeyError: 'DATABASE_URL'" in str(caught.value)
    assert "rollback" in caught.value.fix


def test_a_failure_that_goes_away_does_not_end_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = ailing({"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}})
    look, service = failing(monkeypatch, bad)
    assert not look.look()
    service.there = [ailing({"running": {}})]
    assert not look.look()
    service.there = [bad]
    assert not look.look(), "counted anew"


def test_a_registry_out_of_order_does_not_end_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    look, _ = failing(monkeypatch, ailing({"waiting": {"reason": "ErrImagePull", "message": "dial tcp: i/o timeout"}}))
    assert not any(look.look() for _ in range(20))


def test_what_argo_cd_cannot_write_ends_the_wait_with_resource_and_message(monkeypatch: pytest.MonkeyPatch) -> None:
    look, service = failing(monkeypatch, seen=SyncState("c2", "OutOfSync", "Healthy", "Running"))
    said = 'strict decoding error: unknown field "spec.prots"'
    failed = [{"kind": "Service", "name": "web", "status": "SyncFailed", "message": said}]
    service.last_sync = {"phase": "Running", "retryCount": 3, "syncResult": {"revision": "c2", "resources": failed}}
    assert not look.look()
    with pytest.raises(InstallerError, match="r2 cannot come up: sync: Service web: strict decoding error: unknown"):
        look.look()


def test_what_argo_cd_applies_without_an_end_ends_the_wait_with_the_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = Trouble("sync", "Service more is OutOfSync again after each sync: x", certain=True)
    look, _ = failing(monkeypatch, seen=SyncState("c2", "OutOfSync", "Healthy", "Succeeded", unhealed=(trouble,)))
    assert not look.look(), "it must stay so"
    with pytest.raises(InstallerError, match="r2 cannot come up: sync: Service more is OutOfSync again") as caught:
        look.look()
    assert not isinstance(caught.value, DeadlinePassed)


def test_a_chart_that_does_not_render_ends_the_wait_once_argo_cd_has_looked_at_this_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = "ComparisonError: failed to execute helm template command: no digest"
    look, service = failing(monkeypatch, seen=SyncState("", "Unknown", "Healthy", "", (said,), said))
    assert not look.look()
    assert service.refreshed == 1
    with pytest.raises(InstallerError, match="r2 cannot come up: chart: ComparisonError: failed to execute helm"):
        look.look()


def test_degraded_has_its_reason_though_argo_cd_keeps_it_out_of_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    health = {"status": "Degraded", "message": "the HPA was unable to compute the replica count"}
    resources = [{"kind": "HorizontalPodAutoscaler", "name": "web", "status": "Synced", "health": health}]

    class Nothing:
        def list(self, *_: str) -> list[Any]:
            return []

    cluster: Any = Nothing()
    live = RunningService(cluster, SETTINGS)
    monkeypatch.setattr(RunningService, "sync_state", lambda _: SyncState("c1", "Synced", "Degraded", "Succeeded"))
    monkeypatch.setattr("installer.cluster.argocd.ArgoCD.resources", lambda *_: resources)
    told = "HorizontalPodAutoscaler web is Degraded: the HPA was unable to compute the replica count"
    assert live.problems() == [told]
