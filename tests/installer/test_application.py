import copy
from typing import Any

import pytest

from installer.cluster.argocd import KINDS
from installer.engine.resource import Change
from installer.resources.application import FINALIZER, Application
from installer.support.errors import CommandFailed, DeadlinePassed, InstallerError

from .cluster import SETTINGS, Cluster, Helm, apply, at_once, change_of, release

WHEN = "2026-11-23T20:00:00Z"


class ArgoCD:
    """Notes what it is asked to write whole, and to let go, as which it drops a finalizer of its own."""

    namespace = "argocd"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.healed: list[str] = []
        self.let_go_of: list[str] = []

    def let_go(self, name: str) -> None:
        self.let_go_of.append(name)
        found = self._cluster.objects[KINDS[1], name]["metadata"]
        found["finalizers"] = [each for each in found["finalizers"] if each != FINALIZER]
        found["deletionTimestamp"] = WHEN
        sweep(self._cluster)
        raise CommandFailed("argocd app delete", 20, "applications.argoproj.io not found")

    def remove_foreign_fields(self, manifest: dict[str, Any]) -> None:
        self.healed.append(manifest["kind"])


def sweep(cluster: Cluster) -> None:
    """Do as the API server and Argo CD do: what nobody holds goes, and an AppProject with its last Application."""
    if (found := cluster.objects.get((KINDS[1], "web-dev"))) and found["metadata"]["finalizers"] == []:
        del cluster.objects[KINDS[1], "web-dev"]
    if (KINDS[1], "web-dev") not in cluster.objects and "deletionTimestamp" in stored(cluster, KINDS[0])["metadata"]:
        del cluster.objects[KINDS[0], "web-dev"]


def application(cluster: Cluster, helm: Helm) -> tuple[Application, ArgoCD]:
    argocd: Any = ArgoCD(cluster)
    edges: Any = (cluster, helm)
    return at_once(Application(SETTINGS, *edges, argocd)), argocd


@pytest.fixture
def there() -> tuple[Cluster, Helm]:
    """Return a cluster as it is after an installation, with what Argo CD and helm add themselves."""
    cluster, helm = Cluster(), Helm([release("web-dev")])
    manifests = application(cluster, helm)[0].manifests()
    for kind, manifest in zip(KINDS, manifests, strict=True):
        stored = copy.deepcopy(manifest)
        stored["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "Helm"
        stored["metadata"]["annotations"]["argocd.argoproj.io/refresh"] = "normal"
        stored["status"] = {"sync": {"status": "Synced"}}
        cluster.objects[kind, "web-dev"] = stored
    return cluster, helm


def stored(cluster: Cluster, kind: str) -> dict[str, Any]:
    return cluster.objects[kind, "web-dev"]


def test_the_project_allows_one_repository_one_namespace_and_nothing_of_the_whole_cluster() -> None:
    project, _ = application(Cluster(), Helm())[0].manifests()
    assert project["spec"]["sourceRepos"] == ["ssh://git@github.com/acme/web.git"]
    assert project["spec"]["destinations"] == [{"server": "https://kubernetes.default.svc", "namespace": "web-dev"}]
    assert project["spec"]["clusterResourceWhitelist"] == []
    assert project["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]


def test_the_application_follows_env_dev_and_lets_the_image_win() -> None:
    _, manifest = application(Cluster(), Helm())[0].manifests()
    source = manifest["spec"]["source"]
    assert (source["targetRevision"], source["path"]) == ("env/dev", "chart")
    assert source["helm"] == {"releaseName": "web", "valueFiles": ["../deploy/dev.yaml", "../image.yaml"]}
    assert manifest["spec"]["syncPolicy"]["automated"] == {"prune": True, "selfHeal": True}
    assert manifest["spec"]["syncPolicy"]["retry"]["refresh"] is True


def test_an_empty_list_that_argo_cd_dropped_is_no_difference(there: tuple[Cluster, Helm]) -> None:
    del stored(there[0], KINDS[0])["spec"]["clusterResourceWhitelist"]
    resource, _ = application(*there)
    assert change_of(resource) is None


@pytest.mark.parametrize(
    ("kind", "spec", "name"),
    [
        (1, {"syncPolicy": {"automated": {"prune": True}}}, "Application.spec.syncPolicy.automated.selfHeal"),
        (1, {"ignoreDifferences": [{"kind": "Secret"}]}, "Application.spec.ignoreDifferences"),
        (0, {"sourceRepos": ["*"]}, "AppProject.spec.sourceRepos"),
        (0, {"clusterResourceWhitelist": [{"group": "*", "kind": "*"}]}, "AppProject.spec.clusterResourceWhitelist"),
        (0, {"roles": [{"name": "backdoor"}]}, "AppProject.spec.roles"),
    ],
)
def test_every_change_and_every_addition_is_seen(
    there: tuple[Cluster, Helm], kind: int, spec: dict[str, Any], name: str
) -> None:
    stored(there[0], KINDS[kind])["spec"].update(spec)
    resource, _ = application(*there)
    change = change_of(resource)
    assert name in [field.name for field in change.fields]


@pytest.mark.parametrize("key", ["labels", "finalizers"])
def test_a_lost_label_or_finalizer_is_seen(there: tuple[Cluster, Helm], key: str) -> None:
    found = stored(there[0], KINDS[1])
    del found["metadata"][key]
    found["metadata"]["annotations"] |= {
        "meta.helm.sh/release-name": "web-dev",
        "meta.helm.sh/release-namespace": "argocd",
    }
    resource, _ = application(*there)
    change = change_of(resource)
    assert change.action == "change"
    assert [field.name.split(".")[2] for field in change.fields] == [key]


@pytest.mark.parametrize("gone", [True, False])
def test_one_that_was_gone_before_the_cli_began_to_watch_is_gone(
    there: tuple[Cluster, Helm], monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    resource, argocd = application(*there)

    def waits_for_news(*_: Any) -> None:
        for kind in KINDS if gone else ():
            del there[0].objects[kind, "web-dev"]
        raise DeadlinePassed("argocd app delete", 180, "")

    monkeypatch.setattr(argocd, "delete_application", waits_for_news, raising=False)
    if gone:
        assert resource.remove() == "removed"
    else:
        with pytest.raises(InstallerError, match="web-dev could not be deleted"):
            resource.remove()


def delete(cluster: Cluster, *kinds: str, held_by: str = FINALIZER) -> None:
    for kind in kinds:
        stored(cluster, kind)["metadata"].update(deletionTimestamp=WHEN, finalizers=[held_by])


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (KINDS, "once the present AppProject and Application, being deleted, is gone"),
        (KINDS[1:], "once the present Application, being deleted, is gone"),
        (KINDS[:1], "once the present AppProject, being deleted, is gone"),
    ],
)
def test_an_end_that_is_under_way_is_planned(there: tuple[Cluster, Helm], kinds: tuple[str, ...], told: str) -> None:
    delete(there[0], *kinds)
    resource, _ = application(*there)
    assert change_of(resource) == Change("create", note=told)


@pytest.mark.parametrize("kinds", [KINDS, KINDS[:1]], ids=["both", "the project alone"])
def test_what_argo_cd_cannot_finish_it_lets_go_before_anything_is_written(
    there: tuple[Cluster, Helm], kinds: tuple[str, ...]
) -> None:
    delete(there[0], *kinds)
    resource, argocd = application(*there)
    with pytest.raises(InstallerError, match=r"something else keeps changing"):
        apply(resource)  # it got as far as the new ones, which this helm does not make
    assert argocd.let_go_of == ["web-dev"]
    assert there[0].objects == {}
    assert [name for name, _ in there[1].installed] == ["web-dev"]


def test_what_nobody_can_finish_is_reported_with_who_holds_it_and_nothing_is_written(
    there: tuple[Cluster, Helm],
) -> None:
    delete(there[0], *KINDS, held_by="example.com/hold")
    stored(there[0], KINDS[1])["status"]["conditions"] = [{"type": "DeletionError", "message": "no way"}]
    resource, argocd = application(*there)
    with pytest.raises(DeadlinePassed) as caught:
        apply(resource)
    for words in (
        "Application web-dev is still there, held by example.com/hold (DeletionError: no way)",
        "argocd app delete",
        "kubectl patch appprojects.argoproj.io/web-dev applications.argoproj.io/web-dev --namespace argocd",
    ):
        assert words in str(caught.value)
    assert argocd.let_go_of == ["web-dev"]
    assert there[1].installed == []


def test_an_end_that_comes_is_waited_for_and_nothing_is_let_go(
    there: tuple[Cluster, Helm], monkeypatch: pytest.MonkeyPatch
) -> None:
    delete(there[0], *KINDS)
    resource, argocd = application(*there)
    monkeypatch.setattr("installer.resources.application.clear", lambda *_, **__: there[0].objects.clear())
    with pytest.raises(InstallerError, match="something else keeps changing"):
        apply(resource)
    assert argocd.let_go_of == []
    assert [name for name, _ in there[1].installed] == ["web-dev"]


def test_an_application_that_ends_without_its_project_is_given_it_back(there: tuple[Cluster, Helm]) -> None:
    delete(there[0], KINDS[1], held_by="example.com/hold")
    del there[0].objects[KINDS[0], "web-dev"]
    resource, _ = application(*there)
    with pytest.raises(DeadlinePassed):
        apply(resource)
    ((_, values),) = there[1].installed
    assert [each["kind"] for each in values["objects"]] == ["AppProject", "Application"]


def test_what_helm_leaves_is_removed_by_argocd_and_asserted(there: tuple[Cluster, Helm]) -> None:
    stored(there[0], KINDS[1])["spec"]["ignoreDifferences"] = [{"kind": "Secret"}]
    resource, argocd = application(*there)
    with pytest.raises(InstallerError, match=r"something else keeps changing Application\.spec\.ignoreDifferences"):
        apply(resource)  # this cluster changes nothing, so it is still there
    assert argocd.healed == ["Application"]
    assert [name for name, _ in there[1].installed] == ["web-dev"]
