"""What the verbs say of a project with a database, before anything is made."""

import base64
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from installer.commands import up
from installer.engine.reconcile import plan
from installer.project.project import Project
from installer.ui import console
from tests.documents import valid
from tests.github import GitHub as StandIn
from tests.installer.programs import Programs

from .typed import Run

pytestmark = pytest.mark.slow

ADDRESS = "postgresql://web:canary-of-the-verbs@db.example.com/web"
COMMAND = "kubectl create secret generic web-dev-database --namespace web-dev --from-file=DATABASE_URL=/dev/stdin"


@pytest.fixture
def project(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a database, in the shell of a developer who has one on the laptop."""
    file = project / "gitops.yaml"
    tree = yaml.safe_load(file.read_text())
    tree["project"]["database"] = "postgresql"
    file.write_text(yaml.safe_dump(tree))
    monkeypatch.setenv("REGISTRY_TOKEN", "dckr_pat_canary_verbs")
    monkeypatch.setattr("installer.ci.registry.check_login", lambda *_, **__: None)  # another test's matter
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@localhost/web")
    monkeypatch.delenv("CLUSTER_DATABASE_URL", raising=False)
    return project


def planned(run: Run) -> dict[str, Any]:
    done = run("plan", "--json")
    assert "canary" not in done.stdout + done.stderr
    (found,) = [r for r in valid("plan", done.stdout)["resources"] if r["key"] == "database-address"]
    return dict(found)


def findings(run: Run) -> list[dict[str, Any]]:
    return [f for f in valid("doctor", run("doctor", "--json").stdout)["findings"] if "database" in f["what"]]


def test_a_missing_address_is_reported_by_plan_doctor_and_up_before_anything_is_made(run: Run, github: StandIn) -> None:
    missing = planned(run)
    assert (missing["action"], missing["lane"]) == ("blocked", "cluster")
    assert COMMAND in missing["fix"]
    assert run("plan", "--exit-code").code == 1

    (found,) = findings(run)
    assert found["level"] == "problem"
    assert COMMAND in found["fix"]

    done = run("up", "--yes", code=1)
    assert "Nothing was changed." in done.stderr
    assert COMMAND in done.stderr
    assert github.changes == []


def test_a_plan_that_cannot_look_says_what_it_would_need(run: Run, programs: Programs) -> None:
    programs.answer("kubectl", "version", err="Unable to connect to the server: dial tcp", status=1)
    assert COMMAND in planned(run)["fix"]


def test_an_address_at_hand_would_be_written_and_is_not_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTER_DATABASE_URL", ADDRESS)
    found = planned(run)
    assert (found["action"], found["fields"]) == ("create", [{"name": "DATABASE_URL", "old": None, "new": "set"}])
    assert [f["level"] for f in findings(run)] == ["fine"]
    assert run("plan", "--exit-code").code == 3


def test_a_secret_that_somebody_made_is_enough(run: Run, programs: Programs) -> None:
    data = {"DATABASE_URL": base64.b64encode(ADDRESS.encode()).decode()}
    secret = {"kind": "Secret", "metadata": {"name": "web-dev-database"}, "data": data}
    programs.answer("kubectl", "get secret/web-dev-database", secret)
    found = planned(run)
    assert found["action"] == "keep"
    assert "unmanaged" in found["title"]
    assert [f["level"] for f in findings(run)] == ["fine"]


def test_who_may_not_write_the_secret_is_reported_before(
    run: Run, programs: Programs, github: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTER_DATABASE_URL", ADDRESS)
    programs.answer("kubectl", "auth can-i create secrets --namespace=web-dev", "no\n", status=1)
    done = run("up", "--yes", code=1)
    assert "You may not create secrets in namespace web-dev" in done.stderr
    assert github.changes == []


def test_at_a_terminal_the_address_is_asked_for_and_not_echoed(
    project: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(prompt: str, *, hide_input: bool, err: bool) -> str:
        assert (hide_input, err) == (True, True)
        asked.append(prompt)
        return f"{ADDRESS} "

    asked: list[str] = []
    monkeypatch.setattr(click, "prompt", answer)
    monkeypatch.setattr(console, "interactive", lambda: True)
    opened = Project.open(project)
    opened, planned = up._complete(opened, plan(opened.resources()))

    assert len(asked) == 1
    assert "as pods reach it" in asked[0]
    assert opened.credentials.database_of("dev").reveal() == ADDRESS
    (action,) = (p.change and p.change.action for p in planned if p.resource.key == "database-address")
    assert action == "create"


def test_a_project_without_a_database_has_nothing_of_this(project: Path) -> None:
    file = project / "gitops.yaml"
    file.write_text(file.read_text().replace("postgresql", "none"))
    assert "database-address" not in {resource.key for resource in Project.open(project).resources()}
