from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from installer.cluster.pods import ailments, answers, problems
from installer.cluster.workloads import PodAnswer, is_ready, parse
from installer.support.errors import InstallerError
from installer.support.http_client import Answer
from tests.elsewhere import Elsewhere, leading


def pod(name: str, *, ready: bool = True, **status: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}, *status.pop("more", [])]
    return {"metadata": {"name": name}, "status": {"phase": "Running", "conditions": conditions, **status}}


class Cluster:
    """A cluster whose pods answer what a test says, through its proxy, and by port-forwards to real servers."""

    def __init__(
        self,
        said: dict[str, Answer | OSError],
        objects: dict[str, list[dict[str, Any]]] | None = None,
        forwards: dict[str, str] | None = None,
    ) -> None:
        self.said, self.objects, self.forwards = said, objects or {}, forwards or {}
        self.paths: list[str] = []
        self.asked: list[str] = []
        self.fixes: list[Answer] = []

    @contextmanager
    def proxied(self, paths: Sequence[str]) -> Iterator["Cluster"]:
        if not self.said:
            raise InstallerError("kubectl proxy did not start: no such thing")
        self.paths = [*paths]
        yield self

    def get(self, url: str, seconds: float) -> Answer:
        path = url.removeprefix("http://localhost")
        assert path in self.paths
        self.asked.append(path)
        name = path.split("/pods/")[1].partition(":")[0]
        found = self.said[name]
        if self.fixes:
            self.said[name] = self.fixes.pop(0)
        if isinstance(found, OSError):
            raise found
        return found

    @contextmanager
    def forwarded(self, target: str, namespace: str, port: int) -> Iterator[str]:
        name = target.removeprefix("pod/")
        if name not in self.forwards:
            raise InstallerError(f"{target} cannot be reached by a port-forward: you may not")
        yield self.forwards[name]

    def list(self, kind: str, *_: str) -> "list[dict[str, Any]]":
        return self.objects[kind]

    def logs(self, pod: str, namespace: str, container: str, *, previous: bool = False) -> str:
        return f"Traceback\nKeyError: '{container}'" if previous else ""


def ok(revision: str) -> Answer:
    return Answer(200, "OK", {}, f'{{"name": "web", "revision": "{revision}"}}')


FORBIDDEN = Answer(403, "Forbidden", {}, 'pods "a" is forbidden: cannot get resource "pods/proxy"')


def test_every_ready_pod_is_asked_and_the_others_are_not() -> None:
    cluster: Any = Cluster({"a": ok("abc")})
    asked = answers(cluster, "web-dev", [pod("a"), pod("b", ready=False)])
    assert asked == [PodAnswer("a", revision="abc")]


def test_only_the_paths_of_the_ready_pods_are_let_through_and_none_where_there_is_none() -> None:
    cluster: Any = Cluster({"a": ok("abc")})
    answers(cluster, "web-dev", [pod("a"), pod("b", ready=False)])
    assert cluster.paths == ["/api/v1/namespaces/web-dev/pods/a:8000/proxy/version"]
    idle: Any = Cluster({})
    assert answers(idle, "web-dev", [pod("b", ready=False)]) == []


def test_a_pod_that_leads_elsewhere_is_unhealthy_and_is_not_asked_again(there: Elsewhere) -> None:
    leads = Answer(302, "Found", {"location": f"{there.url}/version"}, "")
    cluster: Any = Cluster({"a": leads}, forwards={"a": there.url})
    (answer,) = answers(cluster, "web-dev", [pod("a")])
    assert answer.revision == ""
    assert answer.error == f"answered 302 Found, which leads to {there.url}/version and is not followed"
    assert there.heard == []


@pytest.mark.parametrize("proxy", [{"a": FORBIDDEN}, {"a": TimeoutError("timed out")}, {}])
def test_where_the_proxy_is_refused_a_port_forward_leads_to_the_pod_and_nowhere_else(
    there: Elsewhere, proxy: dict[str, Answer | OSError]
) -> None:
    cluster: Any = Cluster({**proxy}, forwards={"a": there.url})
    assert answers(cluster, "web-dev", [pod("a")]) == [PodAnswer("a", revision="a" * 40)]
    there.heard.clear()
    with leading(there.url) as host:
        cluster = Cluster({**proxy}, forwards={"a": f"http://{host}"})
        (answer,) = answers(cluster, "web-dev", [pod("a")])
    assert answer.error == f"answered 302 Found, which leads to {there.url}/version and is not followed"
    assert there.heard == []


def test_a_pod_that_nobody_lets_us_ask_is_reported_with_both_reasons() -> None:
    cluster: Any = Cluster({"a": FORBIDDEN})
    (answer,) = answers(cluster, "web-dev", [pod("a")])
    assert 'cannot get resource "pods/proxy"' in answer.error
    assert "port-forward: you may not" in answer.error


def test_an_api_server_that_is_restarted_is_asked_again_and_a_pod_that_is_silent_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("installer.cluster.kubectl.pause", pauses.append)
    away = Answer(500, "Internal Server Error", {}, "dial tcp 10.0.0.1:6443: connect: connection refused")
    cluster: Any = Cluster({"a": away})
    cluster.fixes = [away, ok("abc")]
    assert answers(cluster, "web-dev", [pod("a")])[0].revision == "abc"
    assert pauses == [1.0, 2.0]
    pauses.clear()
    silent = "error trying to reach service: dial tcp 10.1.0.7:8000: connect: connection refused"
    cluster = Cluster({"a": Answer(503, "Service Unavailable", {}, silent)})
    assert silent in answers(cluster, "web-dev", [pod("a")])[0].error
    assert pauses == []


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


def test_a_pod_reports_why_it_waits_with_its_newest_warning() -> None:
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
    assert told == ["pod a: migrate ended with exit code 1 (None)", "    Traceback", "    KeyError: 'migrate'"]


def test_ready_pods_have_no_problems() -> None:
    cluster: Any = Cluster({}, {"pods": [pod("a")]})
    assert problems(cluster, "web-dev", "x=y") == []


def test_an_image_that_nobody_may_pull_is_explained() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image docker.io/acme/web: 401 Unauthorized"}
    found = ailments(pod("a", ready=False, containerStatuses=[{"name": "web", "state": {"waiting": waiting}}]), [])
    assert "ImagePullBackOff" in found[0]
    assert "registry.visibility: private" in found[-1]
