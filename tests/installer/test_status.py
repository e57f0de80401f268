"""`status`: each part against what `env/dev` records, once or until all is well."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from installer.ci import registry
from installer.ci.base import Run
from installer.cluster.workloads import PodAnswer
from installer.commands import status
from installer.engine.resource import Change, Finding
from installer.forges.base import Commit
from installer.forges.github.repository import _ACTIVE as ACTIVE
from installer.status import report as status_report
from installer.status.report import Report, Row
from installer.status.rollout import RunningService
from installer.status.service import DeploymentRecord, DeploymentState, SyncState
from installer.support.errors import InstallerError
from installer.support.secret import Secret
from installer.ui import json_documents
from tests.documents import valid
from tests.installer.pods import runs
from tests.installer.things import things

RECORD = DeploymentRecord("c" * 40, "r" * 40, "", "docker.io/acme/web", "sha256:" + "1" * 64)


@pytest.fixture(autouse=True)
def running(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The pods, which run the recorded image until a test says otherwise."""
    pods = [runs(f"docker.io/acme/web:tag@{RECORD.digest}")]
    monkeypatch.setattr(RunningService, "pods", lambda _: pods)
    return pods


class Place:
    """A project as far as the parts look at it."""

    class settings:  # noqa: N801
        branch, environment = "env/dev", "dev"
        url = "https://github.com/acme/web"
        namespace = argocd_namespace = slug = application = "web"
        registry, registry_ca, registry_token_server = "docker.io", "", ""
        image_repository = "docker.io/acme/web"
        scm = lane = "github"
        environment, source, environments = "dev", "", ()
        local = own_registry = registry_in_cluster = False

    class forge:  # noqa: N801
        @staticmethod
        def commits(_: str) -> Iterator[Commit]:
            by = "Argocd-reference-commit-subject: Mend it\nDeployed-by: octo (break-glass: CI is down)"
            yield Commit("b" * 40, f"Deploy bbbbbbb: Mend it\n\n{by}", "2026-01-01")

        count = staticmethod(lambda *_: 0)

    class credentials:  # noqa: N801
        registry_username, registry_token = "acme", Secret("")

    class cluster:  # noqa: N801
        describe = staticmethod(lambda: "kind")

    class ci:  # noqa: N801
        title = "GitHub Actions"
        no_token = False
        unseen = ""
        newest = staticmethod(lambda _: None)
        failing_logs = staticmethod(lambda *_, lines: f"job image:\n    denied, the last of {lines}")


PROJECT: Any = Place()
SECRETS = status_report.Row("secrets", "Actions secrets", healthy=True, state="REGISTRY_TOKEN")


def state(row: status_report.Row) -> tuple[bool, str]:
    return row.healthy, row.state


@pytest.mark.parametrize(
    ("image", "digest"),
    [
        ("{elsewhere}/acme/web", RECORD.digest),
        ("{elsewhere}/web", RECORD.digest),
        ("docker.io@{elsewhere}/acme/web", RECORD.digest),
        ("docker.io/acme/web/../../{elsewhere}", RECORD.digest),
        ("docker.io/acme/other", RECORD.digest),
        ("docker.io/acme/web", "../../../token"),
        ("docker.io/acme/web", ""),
        ("", ""),
    ],
)
def test_whoever_writes_the_record_cannot_have_the_registrys_login_sent_elsewhere(
    monkeypatch: pytest.MonkeyPatch, image: str, digest: str
) -> None:
    monkeypatch.setattr(PROJECT.credentials, "registry_token", Secret("a-token-that-pushes"))
    monkeypatch.setenv("NO_PROXY", "*")
    asked: list[str] = []
    monkeypatch.setattr("requests.sessions.Session.request", lambda _, verb, url, **__: asked.append(f"{verb} {url}"))
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.setblocking(False)
        recorded = replace(
            RECORD, image=image.format(elsewhere=f"localhost:{elsewhere.getsockname()[1]}"), digest=digest
        )
        healthy, told = state(status_report._image(PROJECT, recorded))
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    assert asked == []
    assert not healthy
    assert told.startswith("env/dev records ")
    assert told.endswith(", which is no image of docker.io/acme/web: it was not looked for")


def test_an_image_that_is_not_in_the_registry_is_unhealthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "has", lambda *_: True)
    assert state(status_report._image(PROJECT, RECORD)) == (True, "sha256:111111111111 is there")
    monkeypatch.setattr(registry, "has", lambda *_: False)
    told = "sha256:111111111111, which env/dev records, is not there"
    assert state(status_report._image(PROJECT, RECORD)) == (False, told)


def test_a_registry_that_does_not_answer_is_a_state_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bool:
        raise InstallerError("The registry docker.io does not answer.")

    monkeypatch.setattr(registry, "has", fail)
    assert state(status_report._image(PROJECT, RECORD)) == (False, "The registry docker.io does not answer.")


def test_argo_cd_must_be_where_env_dev_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunningService, "problems", lambda _: ["pod a: ImagePullBackOff: not found"])
    monkeypatch.setattr(RunningService, "sync_state", lambda _: SyncState("c" * 40, "Synced", "Healthy", "Succeeded"))
    assert state(status_report._argocd(PROJECT, RECORD)) == (True, "Synced and Healthy at ccccccc")
    monkeypatch.setattr(
        RunningService, "sync_state", lambda _: SyncState("b" * 40, "Synced", "Progressing", "Succeeded")
    )
    asked: list[str] = []
    monkeypatch.setattr(RunningService, "refresh", lambda _: asked.append("look") or "")
    healthy, told = state(status_report._argocd(PROJECT, RECORD))
    assert not healthy
    assert asked == ["look"]
    assert told.splitlines() == [
        "Synced and Progressing at bbbbbbb",
        "env/dev is at ccccccc",
        "pod a: ImagePullBackOff: not found",
    ]
    monkeypatch.setattr(RunningService, "sync_state", lambda _: None)
    assert state(status_report._argocd(PROJECT, RECORD)) == (False, "there is no Application")


def test_argo_cd_that_has_not_noticed_the_newest_deployment_is_made_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [SyncState(commit * 40, "Synced", "Healthy", "Succeeded") for commit in "bc"]
    monkeypatch.setattr(RunningService, "sync_state", lambda _: seen.pop(0))
    monkeypatch.setattr(RunningService, "refresh", lambda _: "")
    assert state(status_report._argocd(PROJECT, RECORD)) == (True, "Synced and Healthy at ccccccc")


def test_the_service_must_answer_what_env_dev_records(monkeypatch: pytest.MonkeyPatch) -> None:
    right, wrong = (PodAnswer("a", revision=revision * 40) for revision in "rs")
    monkeypatch.setattr(RunningService, "answers", lambda _: [right, right])
    assert state(status_report._service(PROJECT, RECORD)) == (True, "all 2 pods answer rrrrrrrrrrrr, as recorded")
    monkeypatch.setattr(RunningService, "answers", lambda _: [right, wrong])
    healthy, told = state(status_report._service(PROJECT, RECORD))
    assert not healthy
    assert f"pod a answers revision {'s' * 40}" in told
    monkeypatch.setattr(RunningService, "answers", lambda _: [])
    assert state(status_report._service(PROJECT, RECORD)) == (False, "no pod is Ready")


def test_containers_beside_the_services_are_no_other_image(
    monkeypatch: pytest.MonkeyPatch, running: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(RunningService, "answers", lambda _: [PodAnswer("a", revision="r" * 40)])
    running[0]["spec"]["containers"].insert(0, {"name": "proxy", "image": "docker.io/mesh/proxy:1"})
    assert state(status_report._service(PROJECT, RECORD))[0], "they are the cluster's matter"


def test_another_image_is_reported_though_an_idle_container_runs_the_recorded_one(
    monkeypatch: pytest.MonkeyPatch, running: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(RunningService, "answers", lambda _: [PodAnswer("a", revision="r" * 40)])
    decoy = {"name": "decoy", "image": f"x@{RECORD.digest}"}
    running[:] = [runs("docker.io/evil/web@sha256:2")]
    running[0]["spec"]["containers"].append(decoy)
    told = "pod a runs docker.io/evil/web@sha256:2, while sha256:111111111111 is recorded"
    assert state(status_report._service(PROJECT, RECORD)) == (False, told)
    running[0]["spec"]["containers"] = [{"name": "service", "image": "docker.io/evil/web"}, decoy]
    told = "pod a has no container web, while sha256:111111111111 is recorded"
    assert state(status_report._service(PROJECT, RECORD)) == (False, told)


def test_a_hold_is_shown_and_is_healthy() -> None:
    held = DeploymentRecord("c" * 40, "r" * 40, "octo, since noon: orders fail")
    assert state(status_report._branch(PROJECT, held)) == (
        True,
        "records rrrrrrrrrrrr, held by octo, since noon: orders fail",
    )


@pytest.mark.parametrize(("commits", "said"), [(1, "1 commit"), (2, "2 commits")])
def test_what_main_has_and_was_not_deployed_is_counted(
    monkeypatch: pytest.MonkeyPatch, commits: int, said: str
) -> None:
    record = DeploymentRecord("c" * 40, "r" * 40)
    monkeypatch.setattr(Place.forge, "count", lambda *between: commits if between == ("main", "r" * 40) else 99)
    assert state(status_report._branch(PROJECT, record)) == (True, f"records rrrrrrrrrrrr, {said} behind main")
    monkeypatch.setattr(Place.settings, "environments", ("dev", "test"))
    assert state(status_report._branch(PROJECT, record)) == (True, "records rrrrrrrrrrrr")  # its line counts them


def test_who_deployed_without_the_ci_is_shown_as_long_as_that_commit_is_the_newest() -> None:
    record = DeploymentRecord("b" * 40, "r" * 40)
    shown = "records rrrrrrrrrrrr, deployed by octo (break-glass: CI is down)"
    assert state(status_report._branch(PROJECT, record)) == (True, shown)
    assert state(status_report._branch(PROJECT, DeploymentRecord("c" * 40, "r" * 40))) == (True, "records rrrrrrrrrrrr")


def test_a_red_run_is_reported_with_the_end_of_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(1, "a" * 40, "https://x/runs/1", "failure", over=True)
    healthy, told = state(status_report._run(PROJECT, run))
    assert not healthy
    assert told == "failure for aaaaaaaaaaaa: https://x/runs/1\njob image:\n    denied, the last of 5"


@pytest.mark.parametrize("word", ACTIVE)
def test_a_deployment_under_way_is_said_and_is_healthy_as_long_as_what_was_deployed_answers(
    monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    run = Run(1, "a" * 40, "https://x/runs/1", word)
    monkeypatch.setattr(PROJECT.ci, "newest", lambda: run)
    monkeypatch.setattr(status_report.deployment_record, "newest", lambda _: RECORD)
    monkeypatch.setattr(RunningService, "sync_state", lambda _: SyncState("c" * 40, "Synced", "Healthy", "Succeeded"))
    monkeypatch.setattr(registry, "has", lambda *_: True)
    monkeypatch.setattr(status_report, "_secrets", lambda _: SECRETS)
    monkeypatch.setattr(status_report, "_deployment", lambda *_: [])
    monkeypatch.setattr(RunningService, "answers", lambda _: [PodAnswer("a", revision="r" * 40)])
    report = status_report.examine(PROJECT, [], list)
    assert (report.healthy, report.settled) == (True, False)
    assert f"under way ({word.replace('_', ' ')}) for aaaaaaaaaaaa: https://x/runs/1" in [r.state for r in report.rows]
    document = valid("status", json.dumps(json_documents.status(PROJECT, report)))
    assert document["deployment"] == {"revision": "a" * 40, "status": word, "url": "https://x/runs/1"}
    monkeypatch.setattr(RunningService, "answers", lambda _: [PodAnswer("a", revision="s" * 40)])
    assert not status_report.examine(PROJECT, [], list).healthy
    over = replace(run, state="success", over=True, green=True)
    monkeypatch.setattr(PROJECT.ci, "newest", lambda: over)
    monkeypatch.setattr(RunningService, "answers", lambda _: [PodAnswer("a", revision="r" * 40)])
    report = status_report.examine(PROJECT, [], list)
    assert report.settled
    assert json_documents.status(PROJECT, report)["deployment"] is None


def test_drift_is_unhealthy_and_what_cannot_be_had_here_is_not() -> None:
    first, second, third, *_ = things({})
    planned: Any = [(first, None), (second, Change("change", note="n")), (third, Change("skipped", note="plan"))]
    rows = status_report._resources([status_report.Planned(*each) for each in planned])
    assert [(row.healthy, row.state) for row in rows] == [
        (True, "as it should be"),
        (False, "change: n"),
        (True, "skipped: plan"),
    ]


def test_what_could_not_be_looked_at_is_unhealthy() -> None:
    assert Report([], []).healthy
    assert not Report([], [Finding("cluster", "It does not answer.", "Start it.")]).healthy


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """Reports that come one after another, without the ten seconds in between."""
    reports: list[Report] = []
    monkeypatch.setattr(status, "examine", lambda _: reports.pop(0))
    monkeypatch.setattr(status, "EVERY", 0.0)
    return reports


@pytest.fixture
def looks(seen: list[Report]) -> list[Report]:
    early, late = (Report([Row("run", "run", healthy=True, state="green"), Row("s", "service", well, word)], [])
                   for well, word in ((False, "starting"), (True, "live")))  # fmt: skip
    seen += [early, early, late]
    return seen


def test_watching_ends_when_all_is_well_and_a_log_gets_what_changed(
    looks: list[Report], capsys: pytest.CaptureFixture[str]
) -> None:
    assert status.status(PROJECT, watch=True)
    assert [line.split()[1:] for line in capsys.readouterr().out.splitlines() if line.strip()] == [
        ["run", "green"],
        ["service", "starting"],
        ["service", "live"],
    ]
    assert looks == []


def test_watching_goes_on_while_a_deployment_is_under_way(seen: list[Report]) -> None:
    row = Row("run", "run", healthy=True, state="green")
    seen += [Report([row], [], under_way={"status": "in_progress"}), Report([row], [])]
    assert status.status(PROJECT, watch=True)
    assert seen == []


def test_watching_gives_up_and_says_no(monkeypatch: pytest.MonkeyPatch, looks: list[Report]) -> None:
    monkeypatch.setattr(status, "DEADLINE", 0.0)
    assert not status.status(PROJECT, watch=True)
    assert len(looks) == 2


def test_watching_ends_once_two_looks_found_what_does_not_become_well_by_itself(seen: list[Report]) -> None:
    row = Row("service", "service", healthy=False, state="crashes")
    seen += [Report([row], [], failed=kind) for kind in ("crash", "", "image pull", "crash", "crash", "never seen")]
    assert not status.status(PROJECT, watch=True)
    assert len(seen) == 1


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Run:
    """A deployment that does not come up, by a run that is green."""
    monkeypatch.setattr(status_report.deployment_record, "newest", lambda _: RECORD)
    monkeypatch.setattr(
        RunningService, "sync_state", lambda _: SyncState("c" * 40, "Synced", "Progressing", "Succeeded")
    )
    monkeypatch.setattr(RunningService, "problems", lambda _: [])
    monkeypatch.setattr(RunningService, "answers", lambda _: [])
    monkeypatch.setattr(registry, "has", lambda *_: True)
    monkeypatch.setattr(status_report, "_secrets", lambda _: SECRETS)
    monkeypatch.setattr(status_report, "_deployment", lambda *_: [])
    run = Run(1, "a" * 40, "https://x/runs/1", "success", over=True, green=True)
    monkeypatch.setattr(PROJECT.ci, "newest", lambda: run)
    return run


def test_what_is_certain_to_fail_is_known_to_who_watches(monkeypatch: pytest.MonkeyPatch, failing: Run) -> None:
    said: list[DeploymentState | None] = [DeploymentState("failure", "exit code 1", "crash"), None]
    monkeypatch.setattr(status_report, "assess", lambda *_: said.pop(0))
    assert status_report.examine(PROJECT, [], list).failed == "crash"
    assert status_report.examine(PROJECT, [], list).failed == ""
    red = replace(failing, state="failure", green=False)
    monkeypatch.setattr(PROJECT.ci, "newest", lambda: red)
    assert status_report.examine(PROJECT, [], list).failed == "run"
    monkeypatch.setattr(PROJECT.ci, "newest", lambda: replace(red, over=False))
    assert status_report.examine(PROJECT, [], list).failed == "", "another deployment is under way"


def test_a_cluster_that_does_not_say_takes_nothing_from_the_report(
    monkeypatch: pytest.MonkeyPatch, failing: Run
) -> None:
    def away(*_: object) -> None:
        raise InstallerError("gone", "come back")

    monkeypatch.setattr(status_report, "assess", away)
    report = status_report.examine(PROJECT, [], list)
    assert (report.failed, failing.green, report.healthy) == ("", True, False)
