from dataclasses import dataclass, field
from typing import Any

import pytest

from installer.answers import PodAnswer, disagreement
from installer.errors import DeadlinePassed, InstallerError
from installer.live import _SURE, _SURE_OF_SILENCE, Live, _Waiter
from installer.settings import Settings
from installer.synced import Synced


@dataclass(frozen=True)
class Record:
    commit: str
    revision: str
    digest: str = ""


GOOD = Synced("c2", "Synced", "Healthy", "Succeeded")
OLD = Synced("c1", "Synced", "Healthy", "Succeeded")
NEW = [PodAnswer("a", ready=True, revision="r2"), PodAnswer("b", ready=True, revision="r2")]
MIXED = [PodAnswer("a", ready=True, revision="r1"), PodAnswer("b", ready=True, revision="r2")]


@dataclass
class Service:
    """A service that shows one picture after another, the last one for ever."""

    pictures: list[tuple[Synced | None, list[PodAnswer], bool]]
    refreshed: int = 0
    there: list[Any] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def synced(self) -> Synced | None:
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

    def refresh(self) -> str:
        self.refreshed += 1
        return ""


def waiter(*pictures: tuple[Synced | None, list[PodAnswer], bool]) -> tuple[Any, Service]:
    service: Any = Service(list(pictures))
    return _Waiter(service, lambda: Record("c2", "r2"), service.said.append), service


def test_live_is_when_every_ready_pod_answers_the_recorded_revision() -> None:
    look, service = waiter((OLD, MIXED, True), (GOOD, MIXED, False), (GOOD, NEW, True))
    assert [look.look(), look.look(), look.look()] == [False, False, True]
    assert look.answered == NEW
    assert service.refreshed == 1


def test_pods_that_are_not_ready_are_not_asked_about() -> None:
    look, _ = waiter((GOOD, [*NEW, PodAnswer("c", ready=False, error="not ready")], False))
    assert look.look()


def test_argo_cd_is_refreshed_once_for_a_commit_and_not_where_it_has_it() -> None:
    look, service = waiter((OLD, [], True))
    assert [look.look(), look.look()] == [False, False]
    assert service.refreshed == 1
    look, service = waiter((GOOD, NEW, True))
    assert look.look()
    assert service.refreshed == 0


def test_the_wait_says_what_keeps_the_pods_from_being_ready_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    look, service = waiter((Synced("c2", "Synced", "Progressing", "Succeeded"), [], False))
    service.troubles.append("pod a: ImagePullBackOff: not found")
    assert not look.look()
    assert service.said == ["Argo CD is at c2, Synced, Progressing"]
    monkeypatch.setattr("installer.live._LOOK_AGAIN", -1.0)
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
    look, _ = waiter((GOOD, [PodAnswer("a", ready=True, error="refused")], True))
    assert not any(look.look() for _ in range(_SURE_OF_SILENCE - 1))
    with pytest.raises(InstallerError, match="pod a refused"):
        look.look()


def test_a_service_without_a_pod_is_not_live() -> None:
    assert disagreement([], "r2") == "no pod is Ready"


def test_an_application_that_vanishes_ends_the_wait() -> None:
    look, _ = waiter((None, [], True))
    with pytest.raises(InstallerError, match="The Application is gone"):
        look.look()


def test_the_deadline_tells_what_was_seen_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings("Web", "web", "", "github.com", "acme", "private", "docker.io", "acme", "web-dev")
    cluster: Any = None
    monkeypatch.setattr(Live, "synced", lambda _: OLD)
    monkeypatch.setattr(Live, "refresh", lambda _: "no repo-server")
    monkeypatch.setattr(Live, "problems", lambda _: ["pod a: ImagePullBackOff"])
    with pytest.raises(DeadlinePassed) as caught:
        Live(cluster, settings).wait_live(lambda: Record("c2", "r2"), seconds=0)
    assert "Argo CD is at c1, Synced, Healthy; no repo-server" in str(caught.value)
    assert "pod a: ImagePullBackOff" in str(caught.value)


def runs(image: str) -> dict[str, Any]:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": {"name": "a"}, "spec": {"containers": [{"image": image}]}, "status": ready}


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
