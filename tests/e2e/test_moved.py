"""Settings that change where things are: what the former ones made goes after the new is live."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import yaml

from installer.cluster.argocd import SMALL, merged
from installer.resources.argocd import CHART, CHART_VERSION

from .actors import Service
from .neighbours import Project, Street, live, street
from .test_cluster_half import kubectl

pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(900)]
SLUG, RENAMED, MOVED = "clu-move", "clu-renamed", "clu-moved"
ELSEWHERE = "clu-gitops"
"""The namespace of another Argo CD."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with street(tmp_path_factory.mktemp("street")) as opened:
        try:
            yield opened
        finally:
            opened.sweep((SLUG, RENAMED), f"{SLUG}-dev", MOVED)
            kubectl("delete", f"clusterrolebinding/{ELSEWHERE}", f"namespace/{ELSEWHERE}", "--ignore-not-found")


@pytest.fixture(scope="module")
def project(here: Street) -> Project:
    made = here.project("octocat", SLUG, "a")
    made.verb("up", "--yes")
    live(made)
    return made


@contextmanager
def answered_all_along(project: Project, *places: tuple[str, str]) -> Iterator[None]:
    """Fail where there was a moment in which none of these services, by slug and namespace, answered."""
    services = [Service(project.developer, slug, namespace) for slug, namespace in places]
    silent, stop = list[str](), threading.Event()

    def ask() -> None:
        while not stop.wait(0.3):
            told = [each.revisions() for each in services]
            if not any(project.revision in each for each in told):
                silent.append(str(told))

    asks = threading.Thread(target=ask, daemon=True)
    asks.start()
    try:
        yield
    finally:
        stop.set()
        asks.join()
    assert silent == []


def settled(project: Project) -> None:
    """Assert that nothing is left to do and nothing of former settings is there."""
    assert {key: each for key, each in project.planned().items() if each["action"] != "skipped"} == {}
    live(project)


def test_another_namespace_is_moved_to_and_the_old_copy_goes_after_the_new_one_is_live(
    here: Street, project: Project
) -> None:
    project.set("cluster", namespace=MOVED)
    planned = project.planned()
    assert {field["name"] for field in planned["former"]["fields"]} == {
        f"service in namespace {SLUG}-dev",
        f"namespace {SLUG}-dev",
    }
    assert f"moves from namespace {SLUG}-dev" in planned["application"]["note"]
    parts = {part["key"]: part for part in project.document("status", code=1)["parts"]}
    assert not parts["former"]["healthy"]
    with answered_all_along(project, (SLUG, f"{SLUG}-dev"), (SLUG, MOVED)):
        project.verb("up", "--yes")
    assert here.found("namespace", f"{SLUG}-dev") == []
    settled(project)


def install_another_argo_cd(here: Street, project: Project) -> None:
    """Install one beside ours, as somebody does who applies manifests: its name in the cluster is its own."""
    values = merged(SMALL, {**project.settings["argocd"]["values"], "crds": {"install": False}})
    render = ["helm", "template", "argocd", CHART, f"--version={CHART_VERSION}", f"--namespace={ELSEWHERE}"]
    rendered = subprocess.run(
        [*render, "--values=-"], check=True, capture_output=True, text=True, input=json.dumps(values)
    ).stdout
    namespaced = [each for each in yaml.safe_load_all(rendered) if each and not each["kind"].startswith("Cluster")]
    kubectl("create", "namespace", ELSEWHERE)
    kubectl("apply", f"--namespace={ELSEWHERE}", "--filename=-", stdin=yaml.safe_dump_all(namespaced))
    admin = ("--clusterrole=cluster-admin", f"--group=system:serviceaccounts:{ELSEWHERE}")
    kubectl("create", "clusterrolebinding", ELSEWHERE, *admin)
    for each in here.found("deployments,statefulsets", f"--namespace={ELSEWHERE}"):
        kubectl("rollout", "status", each, f"--namespace={ELSEWHERE}", "--timeout=240s")


def test_another_argo_cd_takes_over_the_pods_that_run(here: Street, project: Project) -> None:
    install_another_argo_cd(here, project)
    ours = ("pods", f"--namespace={project.namespace}", f"--selector=app.kubernetes.io/instance={project.slug}")
    pods = here.found(*ours)
    project.set("argocd", namespace=ELSEWHERE)
    fields = {field["name"] for field in project.planned()["former"]["fields"]}
    assert {f"release {project.slug}-dev in argocd", f"release {project.slug}-repo in argocd"} <= fields
    with answered_all_along(project, (project.slug, project.namespace)):
        project.verb("up", "--yes")
    assert here.found(*ours) == pods
    assert applications(here) == {(ELSEWHERE, f"{project.slug}-dev")}
    settled(project)
    note = {each["key"]: each for each in project.document("plan")["resources"]}["former"]["note"]
    assert note.startswith("Argo CD in namespace argocd stays, other projects may use it"), (
        "who shares it would lose it"
    )
    command = note.partition("where none does: helm ")[2].rstrip(")").split()
    here.helm(*command)
    assert here.releases("argocd") == set()
    settled(project)


def applications(here: Street) -> set[tuple[str, str]]:
    """Return each Application's namespace and name."""
    columns = "--output=jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}{'\\n'}{end}"
    lines = kubectl("get", "applications.argoproj.io", "--all-namespaces", columns).splitlines()
    return {(place, name) for place, name in map(str.split, lines)}


def test_a_repository_that_was_renamed_takes_its_things_along(here: Street, project: Project) -> None:
    repository = here.github.repository(f"octocat/{SLUG}")
    here.github.hosting.move(repository, repository.owner, RENAMED)
    project.slug = RENAMED
    project.set("project", slug=RENAMED)
    planned = project.planned()
    assert f"release {SLUG}-dev in {project.argocd}" in {field["name"] for field in planned["former"]["fields"]}
    assert planned["variables"]["fields"][0]["old"] == f"https://github.com/octocat/{SLUG}"
    with answered_all_along(project, (SLUG, project.namespace), (RENAMED, project.namespace)):
        project.verb("up", "--yes")
    assert {name for _, name in here.releases() if name.startswith(SLUG)} == set()
    assert applications(here) == {(project.argocd, f"{RENAMED}-dev")}
    settled(project)


def test_a_repository_that_was_transferred_keeps_its_service_and_says_whose_it_is_now(
    here: Street, project: Project
) -> None:
    before = project.url
    repository = here.github.repository(f"octocat/{project.slug}")
    here.github.hosting.move(repository, here.github.accounts["acme"], project.slug)
    project.owner = "acme"
    project.set("github", owner="acme")
    change = project.planned()["namespace"]["fields"]
    assert change == [{"name": "repository", "old": before, "new": project.url}]
    with answered_all_along(project, (project.slug, project.namespace)):
        project.verb("up", "--yes")
    settled(project)
    said = kubectl("get", "namespace", project.namespace, "--output=yaml")
    assert f"gitops-flask/address: {project.url}" in said


def test_a_repository_that_took_anothers_place_says_so_in_its_settings(here: Street, project: Project) -> None:
    owner = {"octocat": "acme", "acme": "octocat"}[project.owner]
    there = {"cluster": {"namespace": project.namespace}, "argocd": {"namespace": project.argocd}}
    successor = here.project(owner, project.slug, "a", **there)
    assert successor.planned()["application"]["action"] == "blocked"
    successor.set("project", formerly=[project.url])
    planned = successor.planned()
    assert planned["application"]["action"] == "change"
    assert {field["name"] for field in planned["former-repository"]["fields"]} == {
        f"deploy key at {project.url}",
        f"variables, secret and rules at {project.url}",
    }
    with answered_all_along(successor, (successor.slug, successor.namespace)):
        successor.verb("up", "--yes")
    settled(successor)
    there = here.github.repository(project.url.removeprefix("https://github.com/"))
    assert (there.keys, there.variables, there.secrets, there.rulesets) == ({}, {}, {}, {})
    successor.verb("down", "--yes")
    kinds = "namespaces,deployments,applications.argoproj.io"
    assert here.found(kinds, "--all-namespaces", "--selector=gitops-flask/repository") == []
    mine = [name for _, name in here.releases() if name.startswith("clu-")]
    assert mine == []
