import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from installer.errors import CommandFailed, InstallerError
from installer.helm import OBJECTS, Helm, Release, objects
from installer.kubectl import Cluster
from installer.secret import Secret

from .programs import Programs, put_on_path

UPDATED = "2026-11-23 20:16:08.161461648 +0000 UTC"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    programs = put_on_path(tmp_path, monkeypatch)
    programs.answer("helm", "version", out="v4.3.1")
    for verb in ("upgrade", "rollback", "uninstall"):
        programs.answer("helm", verb)
    programs.answer("helm", "list", out=[])
    return programs


def listed(status: str, name: str = "web-dev", revision: int = 1) -> list[dict[str, Any]]:
    """Return what `helm list --output json` printed on 2026-11-23, with another status."""
    return [
        {
            "name": name,
            "namespace": "argocd",
            "revision": str(revision),
            "updated": UPDATED,
            "status": status,
            "chart": "argo-cd-10.1.1",
            "app_version": "",
        }
    ]


def test_a_release_tells_its_charts_version_and_its_age(programs: Programs) -> None:
    programs.answer("helm", "list", out=listed("deployed"))
    release = Helm(Cluster()).release("web-dev", "argocd")
    assert release
    assert release.chart_version == "10.1.1"
    assert release.age(datetime(2026, 11, 23, 20, 17, 8, tzinfo=UTC)) == 60
    assert Release("x", "y", 1, "deployed", "gitops-flask-objects-1.0.0", "no date").age(datetime.now(UTC)) == 0


def test_values_go_in_by_standard_input_only(programs: Programs) -> None:
    Helm(Cluster()).install("web-repo", "argocd", objects({"kind": "Secret", "data": {"key": "private-half"}}))
    (call,) = programs.calls("helm", "upgrade")
    assert json.loads(call["stdin"])["objects"][0]["data"]["key"] == "private-half"
    assert not any("private-half" in argument for argument in call["arguments"])
    assert OBJECTS in call["arguments"]
    assert "--history-max=1" in call["arguments"]


@pytest.mark.parametrize(("version", "by_server"), [("v4.3.1", True), ("v4.0.0", True), ("v3.22", False)])
def test_the_server_merges_where_helm_can_ask_it_to(programs: Programs, version: str, *, by_server: bool) -> None:
    programs.answer("helm", "version", out=version)
    Helm(Cluster()).install("web-dev", "argocd", {})
    (call,) = programs.calls("helm", "upgrade")
    assert ("--force-conflicts" in call["arguments"]) == by_server
    assert ("--server-side=true" in call["arguments"]) == by_server
    assert ("--all" in programs.calls("helm", "list")[0]["arguments"]) != by_server


def test_a_helm_that_is_too_old_is_named(programs: Programs) -> None:
    programs.answer("helm", "version", out="v3.9.4")
    with pytest.raises(InstallerError, match=r"v3.9.4; 3.13 is the oldest"):
        Helm(Cluster()).releases("argocd")


@pytest.mark.parametrize(
    ("status", "verb"),
    [
        ("pending-install", "uninstall"),
        ("uninstalling", "uninstall"),
        ("pending-upgrade", "rollback"),
        ("pending-rollback", "rollback"),
    ],
)
def test_a_half_made_release_is_recovered_first(programs: Programs, status: str, verb: str) -> None:
    programs.answer("helm", "list", out=listed(status))
    Helm(Cluster()).install("web-dev", "argocd", {})
    verbs = [call["arguments"][0] for call in programs.calls("helm")]
    assert verbs.index(verb) < verbs.index("upgrade")


@pytest.mark.parametrize("status", ["deployed", "failed"])
def test_what_helm_accepts_needs_no_recovery(programs: Programs, status: str) -> None:
    programs.answer("helm", "list", out=listed(status))
    assert Helm(Cluster()).recover("web-dev", "argocd") == ""
    assert {call["arguments"][0] for call in programs.calls("helm")} == {"version", "list"}


def test_removing_what_is_not_there_asks_nothing_of_helm(programs: Programs) -> None:
    assert Helm(Cluster()).uninstall("web-dev", "argocd") is False
    assert not programs.calls("helm", "uninstall")


def test_a_failure_names_the_release_and_blots_out_secrets(programs: Programs) -> None:
    Secret("super-private")
    programs.answer("helm", "upgrade", err="Error: invalid: super-private", status=1)
    with pytest.raises(CommandFailed, match="helm upgrade --install web-dev") as caught:
        Helm(Cluster()).install("web-dev", "argocd", {})
    assert "super-private" not in str(caught.value)


def test_another_helm_at_work_is_said(programs: Programs) -> None:
    busy = "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress"
    programs.answer("helm", "upgrade", err=busy, status=1)
    with pytest.raises(InstallerError, match="Another helm is changing web-dev"):
        Helm(Cluster()).install("web-dev", "argocd", {})
