import json
from pathlib import Path
from typing import Any

import pytest

from installer.cluster.helm import OBJECTS, Helm, Release, objects
from installer.cluster.kubectl import Cluster
from installer.cluster.objects import digest
from installer.support.errors import CommandFailed, InstallerError
from installer.support.file_lock import machine
from installer.support.secret import Secret

from .cluster import SETTINGS
from .programs import Programs, release, with_helm

OURS = digest(SETTINGS.url)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    programs = with_helm(tmp_path, monkeypatch)
    for verb in ("upgrade", "rollback", "uninstall"):
        programs.answer("helm", verb)
    return programs


def test_the_releases_of_a_whole_plan_are_read_once_by_their_labels_alone(programs: Programs) -> None:
    mark = {"repository": OURS, "project": "web", "argocd": "argocd", "namespace": "web-dev"}
    there = [release(name, **mark) for name in ("argocd", "web-dev", "web-repo")]
    programs.releases(
        *there, release("web-dev-database", home="web-dev", **mark), release("theirs", repository="other")
    )
    helm = Helm(Cluster(), SETTINGS)
    for name, home in (("web-dev", "argocd"), ("web-repo", "argocd"), ("web-dev-database", "web-dev")):
        assert (found := helm.release(name, home))
        assert found.ours
        assert helm.obstacle(name, home) is None
    assert helm.release("web-dev-pull", "argocd") is None
    assert [each.name for each in helm.ours("argocd")] == ["argocd", "web-dev", "web-repo"]
    assert len(helm.made()) == 4
    (call,) = programs.calls("kubectl")
    assert "--output=json" not in call["arguments"], "their values hold secrets"
    assert not programs.calls("helm")


@pytest.mark.parametrize("write", ["install", "uninstall"])
def test_after_a_write_they_are_read_again(programs: Programs, write: str) -> None:
    helm = Helm(Cluster(), SETTINGS)
    assert helm.release("web-dev", "argocd") is None
    programs.releases(release("web-dev", repository=OURS))
    assert helm.release("web-dev", "argocd") is None
    if write == "install":
        helm.install("web-repo", "argocd", objects())
    else:
        helm.uninstall("web-repo", "argocd")
    assert helm.release("web-dev", "argocd")


def test_whoever_writes_looks_again_at_what_somebody_else_may_have_written_meanwhile(programs: Programs) -> None:
    helm = Helm(Cluster(), SETTINGS)
    assert helm.obstacle("web-dev", "argocd") is None
    programs.releases(release("web-dev", repository="another"))
    programs.answer("helm", "get values", out={})
    programs.answer("helm", "history", out=[{"description": "https://github.com/octocat/web"}])
    with pytest.raises(InstallerError, match=r"belongs to https://github\.com/octocat/web"):
        helm.install("web-dev", "argocd", objects())
    assert helm.uninstall("web-dev", "argocd") is False
    assert not programs.calls("helm", "upgrade")


def test_a_release_is_as_its_newest_revision_is_and_as_old_as_what_helm_noted_last(programs: Programs) -> None:
    written = ("argocd", "10", "web-dev", "pending-upgrade", "", "1764000060", *[""] * 6)
    programs.releases(release("web-dev", revision=9), written)
    found = Helm(Cluster()).release("web-dev", "argocd")
    assert found
    assert (found.revision, found.status, found.age(1764000120)) == (10, "pending-upgrade", 60)
    assert found.age(1764000000) == 0, "its clock and ours disagree"
    assert Release.of(["argocd", "1", "x", "deployed", "1764000000", "1764000060", *[""] * 6]).written == 1764000060


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


def test_a_helm_that_is_too_old_is_named(programs: Programs) -> None:
    programs.answer("helm", "version", out="v3.9.4")
    with pytest.raises(InstallerError, match=r"v3.9.4; 3.13 is the oldest"):
        Helm(Cluster()).install("web-dev", "argocd", {})
    assert not programs.calls("helm", "upgrade")


@pytest.mark.parametrize(
    ("there", "target"),
    [
        (["pending-install"], "1"),
        (["deployed", "pending-upgrade"], "1"),
        (["deployed", "pending-upgrade", "pending-rollback"], "1"),
        (["deployed", "failed", "pending-upgrade"], "1"),
        (["superseded", "pending-upgrade"], "1"),
        (["pending-install", "pending-rollback"], "2"),
    ],
)
def test_a_half_made_release_is_first_brought_back_to_what_is_complete(
    programs: Programs, there: list[str], target: str
) -> None:
    programs.releases(*(release("web-dev", status, revision) for revision, status in enumerate(there, start=1)))
    Helm(Cluster()).install("web-dev", "argocd", {})
    verbs = [call["arguments"] for call in programs.calls("helm")]
    rollback, upgrade = (next(v for v in verbs if v[0] == verb) for verb in ("rollback", "upgrade"))
    assert verbs.index(rollback) < verbs.index(upgrade)
    assert rollback[:3] == ["rollback", "web-dev", target]
    assert "--no-hooks" in rollback
    assert not programs.calls("helm", "uninstall"), "an uninstall would take the Application's workloads along"


def test_a_half_made_removal_is_ended_first(programs: Programs) -> None:
    programs.releases(release("web-dev", "uninstalling"))
    Helm(Cluster()).install("web-dev", "argocd", {})
    verbs = [call["arguments"][0] for call in programs.calls("helm")]
    assert verbs.index("uninstall") < verbs.index("upgrade")


def test_a_recovery_that_leaves_what_helm_accepts_need_not_succeed(programs: Programs) -> None:
    programs.releases(release("web-dev", "pending-upgrade"))
    programs.answer("helm", "rollback", err="Error: no matches for kind", status=1)
    with pytest.raises(CommandFailed, match="no matches for kind"):
        Helm(Cluster()).install("web-dev", "argocd", {})
    # helm's own word for a rollback that failed is `failed`, which an upgrade accepts: here it stayed pending
    assert not programs.calls("helm", "upgrade")


@pytest.mark.skipif(not machine(), reason="no locks to rely on here")
def test_what_a_helm_of_this_machine_left_is_recovered_at_once(programs: Programs) -> None:
    programs.releases(release("web-dev", "pending-upgrade", age=1, holder=machine()))
    Helm(Cluster()).install("web-dev", "argocd", {}, grace=3600)  # waited for, it would outlast the test
    assert programs.calls("helm", "rollback")


@pytest.mark.slow
def test_what_a_helm_elsewhere_may_be_working_on_is_given_time(programs: Programs) -> None:
    programs.releases(release("web-dev", "pending-upgrade", age=0, holder="another-machine"))
    Helm(Cluster()).install("web-dev", "argocd", {}, grace=1.5)
    assert len(programs.calls("kubectl", "secrets")) > 2, "it looked again"
    assert programs.calls("helm", "rollback")


def test_each_release_says_for_which_repository_and_place_and_on_which_machine_it_was_written(
    programs: Programs,
) -> None:
    Helm(Cluster(), SETTINGS).install("web-dev", "argocd", {})
    (call,) = programs.calls("helm", "upgrade")
    whose = f"gitops-flask/project=web,gitops-flask/repository={digest(SETTINGS.url)}"
    place = "gitops-flask/argocd=argocd,gitops-flask/namespace=web-dev,gitops-flask/environment=dev"
    assert f"--labels={whose},{place},gitops-flask/holder={machine()}" in call["arguments"]
    assert f"--description={SETTINGS.url}" in call["arguments"]


@pytest.mark.parametrize("status", ["deployed", "failed"])
def test_what_helm_accepts_needs_no_recovery(programs: Programs, status: str) -> None:
    programs.releases(release("web-dev", status))
    Helm(Cluster()).install("web-dev", "argocd", {})
    assert {call["arguments"][0] for call in programs.calls("helm")} == {"version", "upgrade"}


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


def held_by(release: str) -> dict[str, Any]:
    """Return our pull Secret, in whose annotations somebody has named a release."""
    annotations = {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": "argocd"}
    return {"kind": "Secret", "metadata": {"name": "web-pull", "namespace": "web-dev", "annotations": annotations}}


def test_an_object_that_names_a_release_which_does_not_hold_it_ends_no_release(programs: Programs) -> None:
    programs.releases(release("web-dev"))
    programs.answer("helm", "get values", out=objects({"kind": "Application", "metadata": {"name": "web-dev"}}))
    with pytest.raises(InstallerError, match=r"Secret web-pull says that the release web-dev in argocd holds it"):
        Helm(Cluster()).displace(held_by("web-dev"), "web-pull", "argocd")
    assert not programs.calls("helm", "uninstall")


def test_a_release_of_former_settings_that_holds_it_makes_way(programs: Programs) -> None:
    programs.releases(release("shop-pull"))
    programs.answer("helm", "get values", out=objects(held_by("shop-pull")))
    assert Helm(Cluster()).displace(held_by("shop-pull"), "web-pull", "argocd")
    (call,) = programs.calls("helm", "uninstall")
    assert "shop-pull" in call["arguments"]
