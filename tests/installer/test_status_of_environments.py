"""`status` where there are several environments: each in one line, and one of them whole with --env."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from installer.cluster.workloads import PodAnswer
from installer.config.settings import Settings
from installer.engine.reconcile import Planned
from installer.engine.resource import Change
from installer.forges.base import Commit
from installer.status import report as status_report
from installer.status.report import Report, Row
from installer.status.rollout import RunningService
from installer.status.service import DeploymentRecord, SyncState
from installer.support.errors import InstallerError
from installer.ui import json_documents
from tests.documents import valid
from tests.installer.cluster import SEVERAL

IMAGE = ("docker.io/acme/web", "sha256:" + "1" * 64)
RECORDS = {
    "env/dev": DeploymentRecord("d" * 40, "a" * 40, "", *IMAGE),
    "env/test": DeploymentRecord("e" * 40, "b" * 40, "", *IMAGE),
}


class Forge:
    """The branches, and how many commits lie between two."""

    between: int | None = 2

    def commits(self, branch: str) -> Iterator[Commit]:
        yield Commit(RECORDS[branch].commit, "Deploy", "2026-01-01T10:00:00Z")

    def count(self, newer: str, older: str) -> int:
        if self.between is None:
            raise InstallerError("GitHub answered 404")
        return 0 if newer == "main" else self.between

    def head(self, _: str) -> str:
        return "m" * 40


@dataclass
class Project:
    """A project with `dev` and `test`."""

    settings: Settings = SEVERAL
    forge: Forge = field(default_factory=Forge)
    folder: Path = field(default_factory=Path)
    ci: Any = field(
        default_factory=lambda: SimpleNamespace(
            title="GitHub Actions", no_token=False, unseen="the same here", page="https://ci", newest=lambda: None
        )
    )
    cluster: Any = field(default_factory=lambda: SimpleNamespace(describe=lambda: "kind"))

    def of(self, environment: str) -> "Project":
        return replace(self, settings=self.settings.of(environment))


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> dict[str, DeploymentRecord | None]:
    """What each branch records, all of it live, until a test says otherwise."""
    found: dict[str, DeploymentRecord | None] = {**RECORDS}
    newest = lambda project: found[project.settings.branch]  # noqa: E731
    monkeypatch.setattr(status_report.deployment_record, "newest", newest)
    monkeypatch.setattr(RunningService, "sync_state", lambda its: at(found, its))
    monkeypatch.setattr(RunningService, "answers", lambda its: [answers(found, its)])
    monkeypatch.setattr(RunningService, "pods", lambda _: [])
    monkeypatch.setattr(RunningService, "refresh", lambda _: "")
    monkeypatch.setattr(RunningService, "problems", lambda _: ["pod web-0 cannot be scheduled"])
    for name in ("_secrets", "_image"):
        monkeypatch.setattr(status_report, name, lambda *_, name=name: Row(name, name, healthy=True, state="there"))
    for name in ("_architecture", "_deployment"):
        monkeypatch.setattr(status_report, name, lambda *_: [])
    monkeypatch.setattr(status_report, "report_outcome", lambda *_: None)
    return found


def at(found: dict[str, DeploymentRecord | None], its: RunningService) -> SyncState | None:
    record = found[its.place.branch]
    return SyncState(record.commit, "Synced", "Healthy", "Succeeded") if record else SyncState()


def answers(found: dict[str, DeploymentRecord | None], its: RunningService) -> PodAnswer:
    record = found[its.place.branch]
    return PodAnswer("web-0", revision=record.revision if record else "")


def look(environment: str = "dev", planned: Any = (), **forge: Any) -> Report:
    project: Any = Project().of(environment)
    for name, value in forge.items():
        setattr(project.forge, name, value)
    return status_report.examine(project, [], lambda: planned)


def lines(report: Report) -> dict[str, str]:
    return {row.key: row.state for row in report.rows if row.key.startswith("environment-")}


@pytest.mark.usefixtures("records")
def test_each_environment_has_a_line_with_revision_distance_and_time() -> None:
    report = look()
    assert lines(report) == {
        "environment-dev": "aaaaaaaaaaaa, since 2026-01-01T10:00:00Z, healthy",
        "environment-test": "bbbbbbbbbbbb, 2 commits behind dev, since 2026-01-01T10:00:00Z, healthy",
    }
    assert report.healthy
    document = valid("status", json.dumps(json_documents.status(Project(), report)))  # type: ignore[arg-type]
    assert [(e["name"], e["revision"], e["behind"], e["hold"]) for e in document["environments"]] == [
        ("dev", "a" * 40, 0, None),
        ("test", "b" * 40, 2, None),
    ]


def test_before_its_first_promotion_an_environment_is_healthy(records: dict[str, DeploymentRecord | None]) -> None:
    records["env/test"] = None
    report = look()
    assert (report.healthy, lines(report)["environment-test"]) == (True, "nothing promoted yet")
    whole = look("test")
    (branch,) = (row for row in whole.rows if row.key == "branch")
    assert branch.state.startswith("nothing promoted yet\n→ ")
    assert branch.state.endswith("promote --project . test") or branch.state.endswith("promote test")
    assert whole.healthy
    assert not {"sync", "service", "run"} & {row.key for row in whole.rows}, "Argo CD has nothing to read"
    document = valid("status", json.dumps(json_documents.status(Project(), report)))  # type: ignore[arg-type]
    assert document["environments"][1]["revision"] is None


def test_a_hold_is_said_and_a_distance_that_is_unknown_is_left_out(
    records: dict[str, DeploymentRecord | None],
) -> None:
    records["env/test"] = replace(RECORDS["env/test"], hold="octo, since today: it burns")
    report = look(between=None)
    assert lines(report)["environment-test"] == (
        "bbbbbbbbbbbb, since 2026-01-01T10:00:00Z, held by octo, since today: it burns"
    )
    assert report.healthy


def test_what_is_wrong_in_another_environment_makes_the_whole_unhealthy(
    records: dict[str, DeploymentRecord | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = PodAnswer("web-0", revision="c" * 40)
    monkeypatch.setattr(
        RunningService, "answers", lambda i: [answers(records, i) if i._settings.environment == "dev" else wrong]
    )
    report = look()
    assert not report.healthy
    assert [row.key for row in report.rows if not row.healthy] == ["environment-test"]
    first, why = lines(report)["environment-test"].split("\n")
    assert "healthy" not in first
    assert why.startswith("service: ")
    whole = look("test")
    assert {row.key for row in whole.rows if not row.healthy} == {"service", "environment-test"}


@pytest.mark.usefixtures("records")
def test_drift_of_another_environment_is_in_its_line_and_in_its_own_report() -> None:
    missing = SimpleNamespace(key="application-test", title="Application web-test", environment="test", lane="cluster")
    shared = SimpleNamespace(key="repository", title="repository", environment="", lane="github")
    planned: Any = [Planned(missing, Change("change", note="another")), Planned(shared, None)]  # type: ignore[arg-type]
    report = look(planned=planned)
    assert "application-test" not in {row.key for row in report.rows}
    assert lines(report)["environment-test"].endswith("\nApplication web-test: change: another")
    whole = {row.key: row.healthy for row in look("test", planned).rows}
    assert (whole["application-test"], whole["repository"]) == (False, True)


@pytest.mark.usefixtures("records")
def test_with_one_environment_there_are_no_such_lines() -> None:
    project: Any = replace(Project(), settings=replace(SEVERAL, environments=()))
    report = status_report.examine(project, [], list)
    assert (lines(report), list(report.environments)) == ({}, [])
