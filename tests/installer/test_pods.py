from typing import Any

import pytest

from installer.answers import PodAnswer, is_ready, parse
from installer.pods import ailments, answers, problems
from installer.shell import Result


def pod(name: str, *, ready: bool = True, **status: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}, *status.pop("more", [])]
    return {"metadata": {"name": name}, "status": {"phase": "Running", "conditions": conditions, **status}}


class Cluster:
    """A cluster whose pods answer what a test says."""

    def __init__(self, said: dict[str, Result], objects: dict[str, list[dict[str, Any]]] | None = None) -> None:
        self.said, self.objects = said, objects or {}

    def raw(self, path: str) -> Result:
        return self.said[path.split("/pods/")[1].partition(":")[0]]

    def list(self, kind: str, *_: str) -> "list[dict[str, Any]]":
        return self.objects[kind]

    def logs(self, pod: str, namespace: str, container: str, *, previous: bool = False) -> str:
        return f"Traceback\nKeyError: '{container}'" if previous else ""


def test_every_ready_pod_is_asked_and_the_others_are_not() -> None:
    cluster: Any = Cluster({"a": Result(0, '{"name": "web", "revision": "abc"}', "")})
    asked = answers(cluster, "web-dev", [pod("a"), pod("b", ready=False)])
    assert asked == [PodAnswer("a", ready=True, revision="abc"), PodAnswer("b", ready=False, error="not ready")]


def test_a_pod_that_is_being_deleted_is_none_of_the_services() -> None:
    leaving = pod("a")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-23T20:00:00Z"
    assert is_ready(pod("a"))
    assert not is_ready(leaving)


@pytest.mark.parametrize("said", ["", "<html>", "[]", '{"name": "web"}', '{"revision": ""}', '{"revision": 7}'])
def test_an_answer_without_a_revision_is_an_error(said: str) -> None:
    answer = parse("a", said)
    assert answer.revision == ""
    assert "names no revision" in answer.error


def test_a_pod_tells_why_it_waits_with_its_newest_warning() -> None:
    waiting = {"name": "web", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}}
    events = [
        {"type": "Warning", "reason": "Old", "message": "x", "involvedObject": {"name": "a"}, "lastTimestamp": "1"},
        {"type": "Warning", "reason": "Failed", "message": "no\n such", "involvedObject": {"name": "a"},
         "lastTimestamp": "2"},
        {"type": "Normal", "reason": "Pulled", "message": "x", "involvedObject": {"name": "a"}, "lastTimestamp": "3"},
        {"type": "Warning", "reason": "Other", "message": "x", "involvedObject": {"name": "b"}, "lastTimestamp": "4"},
    ]  # fmt: skip
    told = ailments(pod("a", ready=False, containerStatuses=[waiting]), events)
    assert told == ["pod a: ImagePullBackOff: not found", "pod a: Failed: no such"]


def test_a_pod_that_fits_nowhere_says_so() -> None:
    unscheduled = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes: insufficient cpu"}
    assert ailments(pod("a", ready=False, more=[unscheduled]), []) == [
        "pod a: not scheduled: 0/1 nodes: insufficient cpu"
    ]


def test_a_crashing_pod_shows_the_end_of_its_log() -> None:
    crashing = {"name": "web", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    pods = [pod("a", ready=False, containerStatuses=[crashing]), pod("b")]
    cluster: Any = Cluster({}, {"pods": pods, "events": []})
    told = problems(cluster, "web-dev", "x=y")
    assert told == ["pod a: CrashLoopBackOff", "    Traceback", "    KeyError: 'web'"]


def test_a_pod_whose_migration_keeps_failing_shows_the_end_of_that_log() -> None:
    done = {"name": "first", "restartCount": 1, "ready": True, "state": {"terminated": {"exitCode": 0}}}
    failing = {"name": "migrate", "restartCount": 2, "ready": False, "state": {"terminated": {"exitCode": 1}}}
    waiting = {"name": "web", "restartCount": 0, "state": {"waiting": {"reason": "PodInitializing"}}}
    ailing = pod("a", ready=False, initContainerStatuses=[done, failing], containerStatuses=[waiting])
    cluster: Any = Cluster({}, {"pods": [ailing], "events": []})
    told = problems(cluster, "web-dev", "x=y")
    assert told == ["pod a: migrate ended with 1 (None)", "    Traceback", "    KeyError: 'migrate'"]


def test_ready_pods_have_no_problems() -> None:
    cluster: Any = Cluster({}, {"pods": [pod("a")]})
    assert problems(cluster, "web-dev", "x=y") == []


def test_an_image_that_nobody_may_pull_is_explained() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image docker.io/acme/web: 401 Unauthorized"}
    found = ailments(pod("a", ready=False, containerStatuses=[{"name": "web", "state": {"waiting": waiting}}]), [])
    assert "ImagePullBackOff" in found[0]
    assert "registry.visibility: private" in found[-1]
