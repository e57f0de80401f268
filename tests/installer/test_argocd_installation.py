import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from installer.cluster.argocd import SMALL, merged, values
from installer.cluster.objects import metadata
from installer.config.settings import Settings
from installer.engine.resource import Field
from installer.resources.argocd import CHART_VERSION, CRDS, ArgoCDInstallation
from installer.support.errors import DeadlinePassed, InstallerError
from tests.github.authority import Authority

from .argo_cd import WORKING, component, knowing
from .cluster import SETTINGS, Cluster, Helm, apply, at_once, change_of, reconcile, release

with tempfile.TemporaryDirectory() as _folder:
    CA = Authority(Path(_folder)).certificate.read_text()
OURS = release("argocd")


DEFAULT = ("appprojects.argoproj.io", "default")
DEFAULT_CLOSED = {DEFAULT: {"spec": {"namespaceResourceBlacklist": [{"group": "*", "kind": "*"}]}}}
EVERYTHING = {"spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}}


def argo_cd(
    components: list[dict[str, Any]], helm: Helm | None = None, settings: Settings = SETTINGS, **more: Any
) -> ArgoCDInstallation:
    cluster = Cluster({("deployments", str(number)): each for number, each in enumerate(components)})
    cluster.objects.update(DEFAULT_CLOSED | more.pop("objects", {}))
    edges: Any = (cluster, helm or Helm())
    return at_once(ArgoCDInstallation(settings, *edges, **more))


def test_where_there_is_none_it_is_installed_with_our_labels() -> None:
    helm = Helm()
    resource = argo_cd([], helm)
    change = change_of(resource)
    assert change.action == "create"
    with pytest.raises(DeadlinePassed, match="application-controller, redis, repo-server"):
        apply(resource)  # this cluster starts nothing
    assert helm.installed == [("argocd", SMALL)]
    assert helm.options[0]["version"] == CHART_VERSION
    assert helm.options[0]["take_ownership"] is False


def test_ours_as_it_should_be_is_left_alone() -> None:
    assert change_of(argo_cd(WORKING, Helm([OURS], SMALL))) is None


def test_the_users_values_win_over_ours() -> None:
    settings = replace(SETTINGS, argocd_values={"dex": {"enabled": True}, "configs": {"cm": {"x": "y"}}})
    change = change_of(argo_cd(WORKING, Helm([OURS], SMALL), settings))
    assert [(field.name, field.new) for field in change.fields] == [
        ("values.dex.enabled", True),
        ("values.configs.cm.x", "y"),
    ]


def test_who_calls_its_webhook_is_known_by_a_secret_that_is_in_no_value() -> None:
    settings = replace(SETTINGS, argocd_url="https://argocd.example.com")
    change = change_of(argo_cd(WORKING, Helm([OURS], SMALL), settings))
    reference = {"githubSecret": "$web-webhook:secret"}
    assert [(f.name, f.new) for f in change.fields] == [("values.configs.secret", reference)]
    theirs = replace(settings, argocd_values={"configs": {"secret": {"githubSecret": "$their-own:key"}}})
    change = change_of(argo_cd(WORKING, Helm([OURS], SMALL), theirs))
    assert [field.new for field in change.fields] == [{"githubSecret": "$their-own:key"}]


def test_a_value_that_was_taken_back_is_a_difference_too() -> None:
    change = change_of(argo_cd(WORKING, Helm([OURS], merged(SMALL, {"server": {"replicas": 3}}))))
    assert [(field.name, field.new) for field in change.fields] == [("values.server.replicas", None)]


@pytest.mark.parametrize(("chart", "changes"), [("argo-cd-9.9.9", True), ("argo-cd-11.0.0", False)])
def test_an_older_chart_is_upgraded_and_a_newer_one_is_left(chart: str, *, changes: bool) -> None:
    made = [component(name, labels={"helm.sh/chart": chart}) for name in ("application-controller", "redis")]
    change = change_of(argo_cd([*made, component("repo-server")], Helm([OURS], SMALL)))
    assert bool(change) == changes
    if change:
        assert change.fields == (Field("chart", "9.9.9", CHART_VERSION),)


def test_a_repair_leaves_a_newer_chart_too() -> None:
    made = [component(name, labels={"helm.sh/chart": "argo-cd-11.0.0"}) for name in PARTS_OF_ONE]
    resource = argo_cd(made, helm := Helm([replace(OURS, status="failed")], SMALL))
    reconcile(resource)
    assert helm.options[0]["version"] == "11.0.0"


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "failed"])
def test_a_half_made_release_of_ours_is_repaired(status: str) -> None:
    change = change_of(argo_cd(WORKING, Helm([replace(OURS, status=status)], SMALL)))
    assert [field.name for field in change.fields] == ["release"]


def test_one_that_is_still_starting_is_waited_for_without_writing() -> None:
    helm = Helm([OURS], SMALL)
    resource = argo_cd([WORKING[0], component("repo-server", status={}), WORKING[1]], helm)
    change = change_of(resource)
    assert change.note == "wait for repo-server"
    with pytest.raises(DeadlinePassed, match="repo-server"):
        apply(resource)
    assert helm.installed == []


def switched_off() -> list[dict[str, Any]]:
    off = component("application-controller", status={"observedGeneration": 2})
    off["spec"]["replicas"] = 0
    return [off, *WORKING[1:]]


def test_one_that_was_switched_off_is_written_anew() -> None:
    helm = Helm([OURS], SMALL)
    resource = argo_cd(switched_off(), helm)
    change = change_of(resource)
    assert change.fields == (Field("application-controller.replicas", 0, 1),)
    with pytest.raises(DeadlinePassed, match="application-controller"):
        apply(resource)  # this cluster starts nothing
    assert [name for name, _ in helm.installed] == ["argocd"]


def test_one_of_others_that_was_switched_off_is_reported_with_the_command() -> None:
    change = change_of(argo_cd(switched_off(), objects=knowing("github.com")))
    assert change.action == "blocked"
    assert change.note == "its application-controller is scaled to 0"
    assert change.fix.startswith("kubectl scale --namespace argocd --replicas=1")


def by_an_operator(version: str = "v3.4.4", namespace: str = "openshift-gitops") -> list[dict[str, Any]]:
    """Return the parts as an operator makes them: names of its own, an image by digest, no version on them."""
    made = [component(name, namespace, f"registry.example.com/argocd@sha256:{64 * '0'}") for name in PARTS_OF_ONE]
    for each in made:
        part = each["metadata"]["labels"]["app.kubernetes.io/component"]
        each["metadata"]["name"] = each["metadata"]["labels"]["app.kubernetes.io/name"] = f"openshift-gitops-{part}"
        each["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "openshift-gitops"
        if version:
            each["metadata"]["labels"]["app.kubernetes.io/version"] = version
    return made


PARTS_OF_ONE = ("application-controller", "redis", "repo-server", "server")
HERE = replace(SETTINGS, argocd_namespace="openshift-gitops")
EXISTING = {
    "of an operator": (by_an_operator(), HERE, None),
    "of an operator, without a version": (by_an_operator(""), HERE, None),
    "of an operator, elsewhere": (
        by_an_operator(),
        SETTINGS,
        "there is one in namespace openshift-gitops Set argocd.namespace to that in gitops.yaml.",
    ),
    "too old": (by_an_operator("v3.1.16"), HERE, "it is v3.1.16 Upgrade it to 3.2 or newer."),
    "too old by its image": ([component("repo-server", image="quay.io/argoproj/argocd:v2.14.1")], SETTINGS, "v2.14.1"),
    "newer than ours": ([component("repo-server", image="quay.io/argoproj/argocd:v4.0.0")], SETTINGS, None),
    "one here and one elsewhere": ([*by_an_operator(), *WORKING], SETTINGS, None),
    "half of one, elsewhere": ([component("server", "half"), *WORKING], SETTINGS, None),
}


@pytest.mark.parametrize(("parts", "settings", "refused"), EXISTING.values(), ids=EXISTING)
def test_one_that_is_there_is_used_as_it_is_or_refused_with_the_reason(
    parts: list[dict[str, Any]], settings: Settings, refused: str | None
) -> None:
    helm = Helm()
    resource = argo_cd(parts, helm, settings, objects=knowing("github.com"))
    change = change_of(resource)
    if refused is None:
        assert change is None
        assert "(used as it is)" in resource.title
        assert "not made for this project" in resource.remove()
    else:
        assert (change.action, refused in f"{change.note} {change.fix}") == ("blocked", True)
        with pytest.raises(InstallerError, match="Argo CD"):
            reconcile(resource)
    assert (helm.installed, helm.uninstalled) == ([], [])


def test_a_host_that_it_does_not_know_is_reported_before_anything_is_written() -> None:
    change = change_of(argo_cd(WORKING, objects=knowing("gitlab.com")))
    assert change.action == "blocked"
    assert "ssh-keyscan github.com" in change.fix
    assert "ConfigMap argocd-ssh-known-hosts-cm in argocd" in change.fix
    ghes = replace(SETTINGS, host="ghe.example.com")
    assert "configs.ssh.extraHosts" in change_of(argo_cd([], settings=ghes)).fix
    entry = {"configs": {"ssh": {"extraHosts": "ghe.example.com ssh-ed25519 AAAA"}}}
    assert change_of(argo_cd([], settings=replace(ghes, argocd_values=entry))).action == "create"
    assert change_of(argo_cd([], settings=replace(ghes, visibility="public"))).action == "create"


def definition(**metadata: Any) -> dict[tuple[str, str], dict[str, Any]]:
    found = {"kind": "CustomResourceDefinition", "metadata": {"name": CRDS[0], **metadata}}
    return {("customresourcedefinitions", CRDS[0]): found}


@pytest.mark.parametrize(("owner", "taken"), [("argocd", False), ("argo", True), (None, True)])
def test_definitions_that_argo_cd_left_behind_are_adopted(owner: str | None, *, taken: bool) -> None:
    helm = Helm()
    annotations = {"meta.helm.sh/release-name": owner, "meta.helm.sh/release-namespace": "argocd"} if owner else None
    left = definition(labels={"app.kubernetes.io/part-of": "argocd"}, annotations=annotations)
    resource = argo_cd([], helm, objects=left)
    with pytest.raises(DeadlinePassed):
        apply(resource)
    assert helm.options[0]["take_ownership"] is taken


def test_definitions_of_something_else_are_not() -> None:
    resource = argo_cd([], objects=definition(labels={"app": "mine"}))
    with pytest.raises(InstallerError, match="is not Argo CD's"):
        apply(resource)


def test_our_own_application_which_goes_first_is_no_reason_for_argo_cd_to_stay() -> None:
    own = {("applications.argoproj.io", "web-dev"): {"metadata": metadata(SETTINGS, "web-dev")}}
    alone = argo_cd(WORKING, Helm([OURS], SMALL), remove_it=True, objects=own)
    assert alone.removal(alone.observe()).startswith(
        "goes, for all its users; its namespace and resource definitions stay: app"
    )


def test_ours_stays_unless_it_is_asked_to_go_and_nobody_uses_it() -> None:
    helm = Helm([OURS], SMALL)
    assert "stays, other projects may use it" in argo_cd(WORKING, helm).remove()
    used = {("applications.argoproj.io", "x"): {"metadata": {"name": "theirs"}}}
    shared = argo_cd(WORKING, helm, remove_it=True, objects=used)
    assert shared.removal(shared.observe()) == shared.remove() == "stays, Application theirs uses it"
    assert helm.uninstalled == []


def test_values_are_merged_deeply_and_neither_side_is_changed() -> None:
    base = {"a": {"b": 1, "c": 2}, "d": [1]}
    assert merged(base, {"a": {"c": 3}, "d": [2], "e": {}}) == {"a": {"b": 1, "c": 3}, "d": [2], "e": {}}
    assert base == {"a": {"b": 1, "c": 2}, "d": [1]}


COMPANY = replace(SETTINGS, host="ghe.example.com", access="https", ca=CA)


def trusting(*hosts: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {("configmap", "argocd-tls-certs-cm"): {"data": dict.fromkeys(hosts, CA)}}


@pytest.mark.parametrize("access", ["ssh", "https"])
def test_ours_is_given_the_companys_ca_and_a_plan_shows_only_its_fingerprint(access: str) -> None:
    keys = {"configs": {"ssh": {"extraHosts": "ghe.example.com ssh-ed25519 AAAA"}}}
    settings = replace(COMPANY, access=access, argocd_values=keys)
    helm = Helm()
    resource = argo_cd([], helm, settings=settings)
    with pytest.raises(DeadlinePassed):
        apply(resource)
    assert helm.installed[0][1]["configs"]["tls"] == {"certificates": {"ghe.example.com": CA}}
    given = values(replace(settings, ca=""))
    (field,) = change_of(argo_cd(WORKING, Helm([OURS], given), settings=settings)).fields
    assert field.name == "values.configs.tls"
    assert "BEGIN" not in str(field)
    assert "certificate SHA256:" in str(field.new)


def test_one_of_others_has_to_be_given_it_by_them() -> None:
    change = change_of(argo_cd(WORKING, settings=COMPANY))
    assert change.action == "blocked"
    for words in ("github.ca", "under the key ghe.example.com", "ConfigMap argocd-tls-certs-cm in argocd"):
        assert words in change.fix
    assert change_of(argo_cd(WORKING, settings=COMPANY, objects=trusting("other.example.com"))).action == "blocked"
    assert change_of(argo_cd(WORKING, settings=COMPANY, objects=trusting("ghe.example.com"))) is None


def test_without_a_ca_of_the_company_nobody_is_asked_for_one() -> None:
    assert change_of(argo_cd(WORKING, settings=replace(COMPANY, ca=""))) is None
    assert "tls" not in argo_cd([], settings=replace(COMPANY, ca=""))._values["configs"]


@pytest.mark.parametrize("there", [{DEFAULT: EVERYTHING}, {DEFAULT: None}], ids=["open", "not made yet"])
def test_the_default_project_of_ours_allows_nothing(there: dict[tuple[str, str], Any]) -> None:
    resource = argo_cd(WORKING, helm := Helm([OURS], SMALL), objects=there)
    change = apply(resource)
    assert change.fields == (Field("project default", "allows everything", "allows nothing"),)
    ((name, written),) = helm.installed  # Argo CD itself is not upgraded for it
    (project,) = written["objects"]
    assert (name, project["metadata"]["name"], helm.options[-1]["take_ownership"]) == (
        "argocd-default-project", "default", True
    )  # fmt: skip
    assert not any(project["spec"][each] for each in ("sourceRepos", "destinations", "clusterResourceWhitelist"))
    assert project["spec"]["namespaceResourceBlacklist"] == [{"group": "*", "kind": "*"}]


@pytest.mark.parametrize("project", ["default", ""])
def test_a_default_project_that_somebody_uses_stays_as_it_is_and_that_is_said(project: str) -> None:
    user = {"metadata": {"name": "theirs"}, "spec": {"project": project}}
    objects = {DEFAULT: EVERYTHING, ("applications.argoproj.io", "theirs"): user}
    resource = argo_cd(WORKING, helm := Helm([OURS], SMALL), objects=objects)
    change = change_of(resource)
    assert (change.action, change.note) == (
        "skipped", "its project default allows everything, because Application theirs uses it"
    )  # fmt: skip
    resource._close_default()
    assert helm.installed == []


def test_the_default_project_of_anothers_argo_cd_is_never_looked_at() -> None:
    assert change_of(argo_cd(WORKING, objects={DEFAULT: EVERYTHING} | knowing("github.com"))) is None
