"""What was made under former settings: found by the repository's mark, shown, and removed once the new is live."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from installer.cluster.helm import Helm as RealHelm
from installer.cluster.helm import Release
from installer.cluster.kubectl import Cluster as RealCluster
from installer.cluster.objects import ENVIRONMENT, MOVES_FROM, digest, metadata, placed
from installer.config.environments import Environment
from installer.config.settings import Settings
from installer.resources.application import Application, Wired
from installer.resources.former import Former, names
from installer.resources.namespace import Namespace
from installer.support.errors import CommandFailed

from . import cluster as fakes
from .cluster import SETTINGS, SEVERAL, apply, at_once, change_of, release
from .programs import put_on_path
from .programs import release as programs_release

MOVED = replace(SETTINGS, namespace="web-new")


class ArgoCD:
    namespace = "argocd"


@dataclass
class Helm(fakes.Helm):
    """helm with releases of ours in the whole cluster."""

    everywhere: list[Release] = field(default_factory=list)

    def made(self) -> list[Release]:
        return self.everywhere


def made(settings: Settings, *releases: tuple[str, str]) -> list[Release]:
    return [Release(name, home, 1, "deployed", labels=placed(settings)) for home, name in releases]


def application(settings: Settings, cluster: Any, helm: Any) -> Application:
    argocd: Any = ArgoCD()
    return at_once(Application(settings, cluster, helm, argocd))


def former(settings: Settings, cluster: fakes.Cluster, helm: Helm) -> Former:
    edges: Any = (cluster, helm)
    applications = [application(each, cluster, helm) for each in settings.of_each()]
    return Former(settings, *edges, applications)


def wired(settings: Settings, moving: Sequence[str] = ()) -> dict[tuple[str, str], Any]:
    edges: Any = (fakes.Cluster(), fakes.Helm())
    project, made_ = application(settings, *edges).manifests(Wired(moving=tuple(moving)))
    return {("appprojects.argoproj.io", "web-dev"): project, ("applications.argoproj.io", "web-dev"): made_}


def a_namespace(settings: Settings) -> dict[tuple[str, str], Any]:
    thing = {"kind": "Namespace", "metadata": metadata(settings, settings.namespace), "status": {"phase": "Active"}}
    return {("namespaces", settings.namespace): thing}


def test_where_the_settings_never_changed_there_is_nothing() -> None:
    helm = Helm(everywhere=made(SETTINGS, *names(SETTINGS), ("argocd", "argocd")))
    assert change_of(former(SETTINGS, fakes.Cluster({**wired(SETTINGS), **a_namespace(SETTINGS)}), helm)) is None


@pytest.mark.parametrize("settings", [SETTINGS, SEVERAL], ids=["alone", "with test"])
def test_a_release_that_names_no_environment_is_of_dev(settings: Settings) -> None:
    older = made(SETTINGS, *names(SETTINGS))
    for each in older:
        del each.labels[ENVIRONMENT]  # type: ignore[attr-defined]  # as releases were labelled before
    found = former(settings, fakes.Cluster({**wired(SETTINGS), **a_namespace(SETTINGS)}), Helm(everywhere=older))
    assert change_of(found) is None


def test_an_environment_that_was_taken_out_is_found_whole_and_one_that_is_there_is_left() -> None:
    test = SEVERAL.of("test")
    its = [each for each in sorted(names(SEVERAL)) if each not in names(SETTINGS)]
    assert [name for _, name in its] == [
        *("web-test", "web-test-namespace", "web-test-pull", "web-test-repo", "web-test-reporter"),
        "web-test-database",
    ]
    there = {**wired(SETTINGS), **a_namespace(SETTINGS), **a_namespace(test)}
    helm = Helm(everywhere=[*made(SETTINGS, *names(SETTINGS)), *made(test, *its)])
    assert change_of(former(SEVERAL, fakes.Cluster(there), helm)) is None
    gone = former(SETTINGS, fakes.Cluster(there), helm)
    change = change_of(gone)
    assert [each.name for each in change.fields] == [
        "environment test",
        *(f"release {name} in {home}" for home, name in its),
        "namespace web-test",
    ]
    assert gone.removal(gone.observe()).startswith("goes")


def test_an_environment_under_another_name_leaves_its_namespace_to_the_new_one() -> None:
    renamed = replace(SETTINGS, environments=(SEVERAL.environments[0], Environment("stage", "web-test", "dev")))
    test = SEVERAL.of("test")
    helm = Helm(everywhere=made(test, ("argocd", "web-test")))
    found = former(renamed, fakes.Cluster({**wired(SETTINGS), **a_namespace(test)}), helm)
    assert [each.name for each in found.observe().releases] == ["web-test"]
    assert not found.observe().namespaces


@pytest.mark.parametrize(
    "before",
    [{"slug": "shop"}, {"argocd_namespace": "gitops"}, {"slug": "shop", "namespace": "shop-dev"}],
    ids=str,
)
def test_releases_of_a_former_slug_or_argo_cd_are_found_and_shown(before: dict[str, str]) -> None:
    old = replace(SETTINGS, **before)  # type: ignore[arg-type]
    shown = [each for each in sorted(names(old)) if each not in names(SETTINGS)]
    change = change_of(former(SETTINGS, fakes.Cluster(), Helm(everywhere=made(old, *shown))))
    assert change.effective
    assert [field.name for field in change.fields] == [f"release {name} in {home}" for home, name in shown]
    assert {field.new for field in change.fields} == {"goes once the new one is live"}


@pytest.mark.parametrize(
    "now",
    [{"registry": "ghcr.io"}, {"account": "another"}, {"visibility": "public"}, {"image_visibility": "private"}],
    ids=str,
)
def test_another_registry_or_visibility_changes_the_same_objects_and_leaves_none_behind(now: dict[str, str]) -> None:
    settings = replace(SETTINGS, **now)  # type: ignore[arg-type]
    helm = Helm(everywhere=made(SETTINGS, *names(SETTINGS)))
    assert change_of(former(settings, fakes.Cluster({**wired(SETTINGS), **a_namespace(SETTINGS)}), helm)) is None
    assert names(settings) == names(SETTINGS)
    assert placed(settings) == placed(SETTINGS)


@pytest.mark.parametrize("before", ["https://github.com/octocat/web", "https://gitlab.com/acme/web"])
def test_what_was_made_for_a_former_owner_or_host_is_found_where_the_settings_name_that(before: str) -> None:
    _, _, host, owner, slug = before.split("/")
    there = replace(SETTINGS, host=host, owner=owner, slug=slug, namespace="old-dev")
    now = replace(SETTINGS, slug="shop", formerly=(before,))
    asked: list[str] = []

    class Cluster(fakes.Cluster):
        def list(self, kind: str, namespace: str | None = None, selector: str = "") -> list[Any]:
            asked.append(selector)
            return super().list(kind, namespace, selector)

    change = change_of(former(now, Cluster(a_namespace(there)), Helm(everywhere=made(there, ("argocd", "web-dev")))))
    assert [(field.name, field.old) for field in change.fields] == [
        ("release web-dev in argocd", "for web in old-dev"),
        ("namespace old-dev", there.url),
    ]
    assert digest(before) in asked[0], "the cluster is asked for the former address too"


def test_a_release_that_was_written_for_todays_settings_is_never_a_former_one() -> None:
    helm = Helm(everywhere=made(SETTINGS, ("argocd", "a-release-that-is-new-in-some-later-version")))
    assert change_of(former(SETTINGS, fakes.Cluster(), helm)) is None


def test_a_former_argo_cd_of_ours_stays_because_others_may_use_it_and_the_plan_says_how_it_goes() -> None:
    settings = replace(SETTINGS, argocd_namespace="gitops")
    helm = Helm(everywhere=made(SETTINGS, ("argocd", "argocd"), ("argocd", "argocd-default-project")))
    found = former(settings, fakes.Cluster(), helm)
    change = change_of(found)
    assert change.action == "skipped"
    assert change.note == (
        "Argo CD in namespace argocd stays, other projects may use it "
        "(where none does: helm uninstall argocd argocd-default-project --namespace argocd --ignore-not-found)"
    )
    assert found.remove() == f"stays: {change.note}"
    assert "argocd" not in helm.uninstalled


def test_the_release_by_which_a_namespace_goes_is_finished_after_a_kill_and_takes_no_namespace_of_others() -> None:
    everywhere = made(SETTINGS, ("argocd", "web-dev-former"))
    there = a_namespace(replace(SETTINGS, namespace="web-old"))
    helm = Helm(everywhere=everywhere)
    found = former(SETTINGS, fakes.Cluster(there, content=["secret/precious"]), helm)
    assert change_of(found)
    assert found.remove() == "stays: namespace web-old stays, it still holds secret/precious"
    assert helm.uninstalled == []
    assert former(SETTINGS, fakes.Cluster(), helm).remove() == "removed"
    assert helm.uninstalled == ["web-dev-former"]


def test_who_may_not_list_namespaces_still_sees_what_the_settings_lead_to() -> None:
    class Forbids(fakes.Cluster):
        def list(self, kind: str, namespace: str | None = None, selector: str = "") -> list[Any]:
            if kind == "namespaces":
                said = 'Error from server (Forbidden): namespaces is forbidden: User "dev" cannot list resource'
                raise CommandFailed("kubectl get namespaces", 1, said)
            return super().list(kind, namespace, selector)

    change = change_of(former(MOVED, Forbids(wired(SETTINGS)), Helm()))
    assert [field.name for field in change.fields] == ["service in namespace web-dev"]


def test_another_namespace_is_shown_with_what_is_in_the_old_one() -> None:
    there = {**wired(SETTINGS), **a_namespace(SETTINGS)}
    found = former(MOVED, fakes.Cluster(there), Helm(everywhere=made(SETTINGS, ("web-dev", "web-dev-database"))))
    change = change_of(found)
    assert [field.name for field in change.fields] == [
        "release web-dev-database in web-dev",
        "service in namespace web-dev",
        "namespace web-dev",
    ]


def test_a_former_namespace_that_others_use_stays_and_is_no_fault() -> None:
    cluster = fakes.Cluster({**wired(MOVED), **a_namespace(SETTINGS)}, content=["secret/precious"])
    found = former(MOVED, cluster, helm := Helm())
    change = change_of(found)
    kept = "namespace web-dev stays, it still holds secret/precious"
    assert (change.action, change.note) == ("skipped", kept)
    assert found.remove() == f"stays: {kept}"
    assert helm.installed == []


def test_while_it_moves_argo_cd_may_touch_both_namespaces_and_prunes_last() -> None:
    project, manifest = (each for each in wired(MOVED, ["web-dev"]).values())
    assert [each["namespace"] for each in project["spec"]["destinations"]] == ["web-new", "web-dev"]
    assert project["metadata"]["annotations"][MOVES_FROM] == "web-dev"
    assert manifest["spec"]["destination"]["namespace"] == "web-new"
    assert "PruneLast=true" in manifest["spec"]["syncPolicy"]["syncOptions"]


def test_a_move_is_planned_until_nothing_is_left_to_leave() -> None:
    helm = fakes.Helm([release("web-dev")])
    change = change_of(application(MOVED, fakes.Cluster(wired(MOVED, ["web-dev"])), helm))
    assert change.note == "moves from namespace web-dev, where it runs on until the new one is live"
    assert change_of(application(MOVED, fakes.Cluster(wired(MOVED)), helm)) is None


def test_a_namespace_in_a_release_of_former_settings_is_taken_over() -> None:
    head = metadata(SETTINGS, "web-dev")
    head["annotations"] |= {
        "meta.helm.sh/release-name": "shop-dev-namespace",
        "meta.helm.sh/release-namespace": "argocd",
    }

    class Displaces(fakes.Helm):
        def displace(self, thing: Any, name: str, namespace: str) -> bool:
            assert thing["metadata"] is head
            return True

    helm = Displaces()
    edges: Any = (fakes.Cluster({("namespace", "web-dev"): {"kind": "Namespace", "metadata": head}}), helm)
    namespace = Namespace(SETTINGS, *edges)
    apply(namespace)
    assert helm.options == [{"take_ownership": True}]


def test_releases_are_found_in_the_whole_cluster_by_the_labels_of_their_newest_revision_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = put_on_path(tmp_path, monkeypatch)
    mark = {"repository": digest(SETTINGS.url), "project": "web", "argocd": "argocd"}
    ours = [programs_release("web-dev", revision=revision, namespace=there, **mark) for revision, there in PLACES]
    theirs = programs_release("web-dev", home="cd", **{**mark, "repository": "another"}, namespace="web-dev")
    half_gone = programs_release("web-pull", namespace="web-dev", **mark)
    programs.releases(*ours, theirs, half_gone, programs_release("web-pull", "uninstalling", 2))
    found = [(each.namespace, each.name, each.place) for each in RealHelm(RealCluster(), SETTINGS).made()]
    assert found == [("argocd", name, ("web", "argocd", "web-dev", "dev")) for name in ("web-dev", "web-pull")]


PLACES = [(10, "web-dev"), (9, "web-before")]


def test_who_may_not_look_everywhere_looks_where_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = put_on_path(tmp_path, monkeypatch)
    mark = {"repository": digest(SETTINGS.url), "project": "web", "argocd": "argocd", "namespace": "web-dev"}
    programs.releases(*(programs_release("x", home=home, **mark) for home in ("argocd", "web-dev", "elsewhere")))
    refused = 'Error from server (Forbidden): secrets is forbidden: User "dev" cannot list'
    programs.answer("kubectl", "get secrets --all-namespaces", err=refused, status=1)
    helm = RealHelm(RealCluster(), SETTINGS)
    assert [each.namespace for each in helm.made()] == ["argocd", "web-dev"]
    assert helm.release("x", "web-dev")
    asked = len(programs.calls("kubectl"))
    assert helm.release("x", "argocd")
    assert len(programs.calls("kubectl")) == asked, "each place is looked at once"
    programs.answer("kubectl", "get secrets --namespace=closed", err=refused, status=1)
    with pytest.raises(CommandFailed, match="secrets is forbidden"):
        helm.release("x", "closed")
