from dataclasses import replace
from typing import Any

import pytest

from installer.cluster.objects import ADDRESS, metadata
from installer.resources.namespace import Namespace, kept_by
from installer.support.errors import DeadlinePassed

from .cluster import SETTINGS, Cluster, Helm, apply, at_once, change_of, release


def namespace(cluster: Cluster, helm: Helm) -> Namespace:
    edges: Any = (cluster, helm)
    return at_once(Namespace(SETTINGS, *edges))


LEVEL = "pod-security.kubernetes.io/enforce"


def holding(slug: str | None, level: str = "restricted", **more: Any) -> Cluster:
    head = metadata(replace(SETTINGS, slug=slug), "web-dev") if slug else {"name": "web-dev"}
    head["labels"] = {**head.get("labels", {}), **({LEVEL: level} if level else {})}
    found = {"kind": "Namespace", "metadata": {**head, **more}, "status": {"phase": "Active"}}
    return Cluster({("namespace", "web-dev"): found})


def test_a_missing_namespace_is_made_with_our_labels_and_kept_from_a_manual_uninstall() -> None:
    helm = Helm()
    resource = namespace(Cluster(), helm)
    apply(resource)
    ((name, values),) = helm.installed
    (made,) = values["objects"]
    assert name == "web-dev-namespace"
    keep = {"helm.sh/resource-policy": "keep"}
    assert made["metadata"] == metadata(SETTINGS, "web-dev", labels={LEVEL: "restricted"}, annotations=keep)


@pytest.mark.parametrize("slug", ["web", None])
def test_a_namespace_that_is_there_is_used_where_no_other_project_made_it(slug: str | None) -> None:
    resource = namespace(holding(slug), Helm([release("web-dev-namespace")]))
    assert change_of(resource) is None
    assert ("unmanaged" in resource.title) == (slug != "web")


def test_a_namespace_that_is_being_deleted_is_waited_for() -> None:
    helm = Helm()
    resource = namespace(holding("web", deletionTimestamp="2026-11-23T20:00:00Z"), helm)
    with pytest.raises(DeadlinePassed, match="The end of namespace web-dev"):
        apply(resource)
    assert helm.installed == []


@pytest.mark.parametrize("slug", ["other", None])
def test_anothers_namespace_is_never_removed(slug: str | None) -> None:
    helm = Helm()
    assert "stays" in namespace(holding(slug), helm).remove()
    assert helm.installed == []


def test_a_namespace_with_others_things_in_it_stays_and_names_them() -> None:
    helm, cluster = Helm(), holding("web")
    cluster.content = ["configmap/kube-root-ca.crt", "secret/precious"]
    assert namespace(cluster, helm).remove() == "stays, it still holds secret/precious"
    assert helm.installed == helm.uninstalled == []


def test_the_guard_is_taken_off_before_the_namespace_goes() -> None:
    helm, cluster = Helm(), holding("web")
    with pytest.raises(DeadlinePassed):  # this cluster never lets it go
        namespace(cluster, helm).remove()
    assert helm.installed[0][1]["objects"][0]["metadata"]["annotations"] == {ADDRESS: SETTINGS.url}
    assert helm.uninstalled == ["web-dev-namespace"]


def test_what_kubernetes_puts_into_a_namespace_is_nobodys() -> None:
    cluster: Any = Cluster(content=["serviceaccount/default", "configmap/kube-root-ca.crt", "event/x", "endpoints/x"])
    assert kept_by(cluster, "web-dev") == ""
    cluster.content += ["serviceaccount/robot", "pod/x"]
    assert kept_by(cluster, "web-dev") == "it still holds serviceaccount/robot, pod/x"


@pytest.mark.parametrize("level", ["", "baseline", "privileged"])
def test_ours_admits_no_pod_that_asks_for_more_than_the_chart_does(level: str) -> None:
    helm = Helm([release("web-dev-namespace")])
    resource = namespace(holding("web", level), helm)
    change = apply(resource)
    assert [(f.name, f.old, f.new) for f in change.fields] == [(f"labels.{LEVEL}", level or None, "restricted")]
    assert helm.installed[0][1]["objects"][0]["metadata"]["labels"][LEVEL] == "restricted"


@pytest.mark.parametrize(("level", "told"), [("", True), ("privileged", True), ("baseline", False)])
def test_another_namespace_that_admits_privileged_pods_is_reported_and_left(level: str, *, told: bool) -> None:
    helm = Helm()
    change = change_of(namespace(holding(None, level), helm))
    assert bool(change) == told
    if change:
        assert (change.action, change.effective) == ("skipped", False)
        assert f"kubectl label namespace web-dev {LEVEL}=restricted" in change.note
