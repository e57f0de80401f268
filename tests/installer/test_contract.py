"""What holds for whatever the installer makes by a release of its own, each in every state."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from installer.cluster.kubectl import Objects
from installer.cluster.objects import ADDRESS, REPOSITORY, digest, metadata
from installer.config.settings import Settings
from installer.engine.resource import Resource
from installer.forges.credentials import Credentials, Reader
from installer.forges.github.app import PERMISSIONS, GitHubApp
from installer.resources.application import Application
from installer.resources.former import Former
from installer.resources.helm_release import Held, HelmRelease
from installer.resources.local_repository import GitServer
from installer.resources.namespace import Namespace
from installer.resources.reporter import Reporter, ReporterApp
from installer.resources.repository_credential import EnvironmentCredential, RepositoryCredential
from installer.resources.service_secrets import DatabaseAddress, PullSecret
from installer.resources.watcher import Watcher
from installer.support.errors import InstallerError
from installer.support.secret import Secret

from .cluster import SETTINGS, SEVERAL, apply, at_once, change_of, reconcile
from .in_memory import ArgoCD, Cluster, Helm, Keys, Killed
from .local import LOCAL

PRIVATE = replace(SETTINGS, image_visibility="private")
STORING = replace(SETTINGS, database="postgresql")
TEST = SEVERAL.of("test")
GIVEN = Credentials(
    *("github.com", Secret(""), "acme", Secret("dckr_pat_nobodys")),
    pull_username="acme",
    pull_token=Secret("token-that-reads"),
    database_addresses={"dev": Secret("postgresql://web@db/web"), "test": Secret("postgresql://web@db/test")},
    reader=Reader({"username": "x-access-token"}, "password", Secret("token-of-the-reader")),
)


@dataclass(frozen=True)
class Row:
    """A resource as it is made, for settings that want it, and for settings that do not, where there are any."""

    make: Callable[[Settings, Any, Helm], Resource[Any]]
    settings: Settings = SETTINGS
    unwanted: Settings | None = None
    addressed: tuple[str, ...] = ()
    """What is another with another address, beside the mark of whose it is."""


def waiting(kind: Any) -> Callable[..., Resource[Any]]:
    """Return how one is made that waits for nothing, by what all of them take."""
    return lambda settings, *edges: at_once(kind(settings, *edges))


def pull_secret(settings: Settings, *edges: Any) -> PullSecret:
    return PullSecret(settings, *edges, GIVEN)


def database(settings: Settings, *edges: Any) -> DatabaseAddress:
    return DatabaseAddress(settings, GIVEN, *edges)


def wired(settings: Settings, cluster: Any, helm: Helm) -> Application:
    return at_once(Application(settings, cluster, helm, ArgoCD(cluster)))  # type: ignore[arg-type]


def keyed(settings: Settings, cluster: Any, helm: Helm) -> RepositoryCredential:
    return RepositoryCredential(
        settings, cluster, helm, Keys(cluster), GIVEN.reader if settings.reads_by == "login" else None
    )


def reporting(settings: Settings, cluster: Any, helm: Helm) -> Reporter:
    return at_once(Reporter(settings, cluster, helm, lambda image: f"{image}@sha256:{'7' * 64}"))


class AtGitHub:
    """GitHub, where the App that reports is installed with all that it needs."""

    def about(self) -> dict[str, Any]:
        return {"html_url": "https://github.com/apps/acme-web-reporter"}

    def installation(self) -> dict[str, Any]:
        return {"permissions": PERMISSIONS}


POD = ("ServiceAccount", "Role", "RoleBinding", "Deployment")
SERVING = ("ServiceAccount", "Service", "Deployment")
OF_APPLICATION = (
    *("AppProject.spec.description", "AppProject.spec.sourceRepos", "Application.spec.source.repoURL"),
    *(f"{kind}.metadata.labels.{REPOSITORY}" for kind in ("AppProject", "Application")),
    *(f"{kind}.metadata.annotations.{ADDRESS}" for kind in ("AppProject", "Application")),
)
REPORTING = replace(SETTINGS, reporter="app")
OFTEN = replace(SETTINGS, argocd_watcher="none")
ROWS = {
    "git server": Row(
        lambda settings, *edges: at_once(GitServer(settings, *edges, remove_it=True)), LOCAL, None, SERVING
    ),
    "namespace": Row(waiting(Namespace)),
    "pull secret": Row(pull_secret, PRIVATE, SETTINGS),
    "database": Row(database, STORING),
    "credential with a key": Row(keyed, addressed=("url",)),
    "credential with a login": Row(keyed, replace(SETTINGS, access="https"), addressed=("url",)),
    "credential of a public repository": Row(keyed, replace(SETTINGS, visibility="public"), addressed=("url",)),
    "application": Row(wired, addressed=OF_APPLICATION),
    "watcher": Row(waiting(Watcher), SETTINGS, OFTEN, (*POD, "policy")),
    "reporter's App": Row(
        lambda settings, *edges: ReporterApp(settings, *edges, GitHubApp("7", Secret("key-of-the-app"))),
        REPORTING,
        SETTINGS,
    ),
    "reporter": Row(reporting, REPORTING, SETTINGS, (*POD, "ConfigMap")),
    "namespace of test": Row(waiting(Namespace), TEST),
    "pull secret of test": Row(pull_secret, replace(TEST, image_visibility="private"), TEST),
    "database of test": Row(database, replace(TEST, database="postgresql")),
    "credential of test": Row(EnvironmentCredential, TEST),
    "application of test": Row(wired, TEST, addressed=OF_APPLICATION),
    "watcher of two": Row(waiting(Watcher), SEVERAL, replace(SEVERAL, argocd_watcher="none"), (*POD, "policy")),
    "reporter of test": Row(reporting, replace(TEST, reporter="app"), TEST, (*POD, "ConfigMap")),
}


@dataclass
class Bench:
    """One resource in a cluster in memory; each run begins with a client of its own, as each command does."""

    row: Row
    cluster: Cluster = field(default_factory=Cluster)

    @property
    def settings(self) -> Settings:
        return self.row.settings

    def resource(self, settings: Settings | None = None) -> Resource[Any]:
        settings = settings or self.settings
        return self.row.make(settings, self.cluster, Helm(self.cluster, settings))

    def change(self, settings: Settings | None = None) -> Any:
        resource = self.resource(settings)
        return change_of(resource)

    def apply(self, settings: Settings | None = None) -> None:
        reconcile(self.resource(settings))

    def status(self, value: str | None) -> None:
        """Leave the release in this state; None: without it."""
        name = self.resource()._name  # type: ignore[attr-defined]
        for key, revision in [*self.cluster.revisions.items()]:
            if key[1] != name:
                continue
            if value:
                self.cluster.revisions[key] = replace(revision, status=value)
            else:
                del self.cluster.revisions[key]


@pytest.fixture(params=ROWS)
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(GitHubApp, "at", lambda *_: AtGitHub())
    return Bench(ROWS[request.param])


@pytest.fixture
def octocats(bench: Bench) -> Settings:
    """Another repository with the same names in the same cluster, which was first."""
    settings = replace(bench.settings, owner="octocat")
    bench.apply(settings)
    return settings


def test_what_is_absent_is_made_and_the_second_run_writes_nothing(bench: Bench) -> None:
    resource = bench.resource()
    assert resource.observe() == resource.nothing
    assert resource.removal(resource.nothing) == ""
    assert bench.change().action == "create"
    bench.apply()
    assert bench.cluster.objects
    assert bench.change() is None
    made = bench.cluster.writes
    bench.apply()
    assert bench.cluster.writes == made


def test_what_another_repository_made_is_blocked_with_both_addresses_and_stays(
    bench: Bench, octocats: Settings
) -> None:
    both = f"belongs to {octocats.url}, and this is {bench.settings.url}"
    there, writes = bench.cluster.state(), bench.cluster.writes
    change = bench.change()
    assert change
    assert (change.blocked, both in change.note, "gitops.yaml" in change.fix) == (True, True, True)
    with pytest.raises(InstallerError, match=both):
        bench.apply()
    resource = bench.resource()
    assert both in resource.removal(resource.observe()), "`down` lists it before it asks"
    assert both in resource.remove()
    assert (bench.cluster.state(), bench.cluster.writes) == (there, writes)
    bench.cluster.revisions.clear()
    change = bench.change()
    assert change
    assert change.blocked, "without a release, too"
    assert both in bench.resource().remove()
    assert bench.cluster.writes == writes


def test_a_release_of_another_repository_is_in_the_way_though_nothing_of_it_is_there(
    bench: Bench, octocats: Settings
) -> None:
    bench.cluster.objects.clear()
    writes = bench.cluster.writes
    with pytest.raises(InstallerError, match=f"belongs to {octocats.url}"):
        bench.apply()
    bench.resource().remove()
    assert bench.cluster.writes == writes


USED = {f"{each}{of}" for each in ("namespace", "database") for of in ("", " of test")}


@pytest.mark.parametrize("bench", sorted(ROWS.keys() - USED), indirect=True)
def test_what_people_made_under_its_name_is_blocked_and_stays(bench: Bench) -> None:
    bench.apply()
    bench.cluster.revisions.clear()
    for each in bench.cluster.objects.values():
        each["metadata"] |= {"labels": {}, "annotations": {}}
    there, writes = bench.cluster.state(), bench.cluster.writes
    change = bench.change()
    assert (change.action, "is not ours" in change.note) == ("blocked", True)
    with pytest.raises(InstallerError, match="is not ours"):
        bench.apply()
    assert "is not ours" in bench.resource().remove()
    assert (bench.cluster.state(), bench.cluster.writes) == (there, writes)


def test_what_was_made_under_a_former_address_is_ours_and_gets_todays(bench: Bench, octocats: Settings) -> None:
    settings = replace(bench.settings, formerly=(octocats.url,))
    fields = {each.name: (each.old, each.new) for each in bench.change(settings).fields}
    assert fields.pop("repository") == (octocats.url, settings.url)
    assert {*fields} == {*bench.row.addressed}
    bench.apply(settings)
    assert bench.change() is None
    for each in (*bench.cluster.objects.values(), *map(vars, bench.cluster.revisions.values())):
        if each.get("status") != "superseded":
            assert each.get("metadata", each)["labels"]["gitops-flask/repository"] == digest(settings.url)


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback", "failed", None])
def test_a_release_left_half_made_is_finished_though_all_of_it_is_there(bench: Bench, status: str | None) -> None:
    bench.apply()
    made = bench.cluster.state()
    bench.status(status)
    assert [(each.name, each.old) for each in bench.change().fields] == [("release", status)]
    bench.apply()
    assert (bench.change(), bench.cluster.state()) == (None, made)


def test_what_is_removed_is_gone_with_its_release(bench: Bench) -> None:
    bench.apply()
    resource = bench.resource()
    assert resource.removal(resource.observe()).startswith("goes")
    assert resource.remove().startswith("removed")
    assert bench.cluster.is_empty()
    assert bench.resource().remove() == "was not there"


def test_what_outlives_its_release_is_an_error(bench: Bench) -> None:
    bench.apply()
    bench.cluster.holds_on = True
    with pytest.raises(InstallerError, match=r"outlived its release|The end of"):
        bench.resource().remove()


def test_what_nobody_wants_any_more_goes(bench: Bench) -> None:
    unwanted = bench.row.unwanted
    if unwanted is None:
        return
    assert bench.change(unwanted) is None
    bench.apply()
    assert bench.change(unwanted).note.startswith("goes: ")
    bench.apply(unwanted)
    assert bench.cluster.is_empty()


def test_what_nobody_wants_and_another_repository_made_is_no_business_of_ours(bench: Bench, octocats: Settings) -> None:
    if bench.row.unwanted:
        assert bench.change(bench.row.unwanted) is None


def killed_after_each_write(bench: Bench, begin: Callable[[], None], run: Callable[[], object]) -> Any:
    """Kill a run after its first write, its second, until it ends; yield after each, with what a whole run leaves."""
    begin()
    run()
    whole = bench.cluster.state()
    for number in range(1, 100):
        bench.cluster = Cluster()
        begin()
        bench.cluster.dies_after = bench.cluster.writes + number
        try:
            run()
        except Killed:
            yield whole
        else:
            assert number > 2, "it was never killed"
            return
    pytest.fail("it never ends")


def test_killed_after_any_write_of_the_first_run_the_next_one_ends_the_same(bench: Bench) -> None:
    for whole in killed_after_each_write(bench, lambda: None, bench.apply):
        bench.apply()
        assert (bench.cluster.state(), bench.change()) == (whole, None)


def test_killed_after_any_write_of_a_change_the_next_one_ends_the_same(bench: Bench) -> None:
    octocats = replace(bench.settings, owner="octocat")
    settings = replace(bench.settings, formerly=(octocats.url,))
    for whole in killed_after_each_write(bench, lambda: bench.apply(octocats), lambda: bench.apply(settings)):
        bench.apply(settings)
        assert (bench.cluster.state(), bench.change()) == (whole, None)


def test_killed_after_any_write_of_its_removal_the_next_one_leaves_nothing(bench: Bench) -> None:
    for _ in killed_after_each_write(bench, bench.apply, lambda: bench.resource().remove()):
        bench.resource().remove()
        assert bench.cluster.is_empty()


# --- a second environment ------------------------------------------------------------------------

PLACED = replace(SEVERAL, database="postgresql", image_visibility="private")


def everything(settings: Settings, cluster: Any) -> list[Resource[Any]]:
    """Return what an environment has, but for a reporter."""
    helm = Helm(cluster, settings)
    edges = (settings, cluster, helm)
    credential = EnvironmentCredential(*edges) if settings.source else keyed(*edges)
    return [at_once(Namespace(*edges)), database(*edges), pull_secret(*edges), credential, wired(*edges)]


def apply_all(settings: Settings, cluster: Any) -> None:
    for each in settings.of_each():
        for resource in everything(each, cluster):
            reconcile(resource)


def take_out(settings: Settings, cluster: Any) -> None:
    reconcile(Former(settings, cluster, Helm(cluster, settings), [wired(settings, cluster, Helm(cluster, settings))]))


@pytest.fixture
def argocds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("installer.resources.former.ArgoCD", ArgoCD)


@pytest.mark.usefixtures("argocds")
def test_an_environment_that_is_taken_out_goes_whole_and_the_other_one_stays() -> None:
    cluster = Cluster()
    apply_all(one := replace(PLACED, environments=()), cluster)
    before = cluster.state()
    apply_all(PLACED, cluster)
    assert {name for where, _, name in cluster.objects if where == "web-test"} == {"web-test-database", "web-test-pull"}
    take_out(PLACED, cluster)
    assert cluster.state() != before, "with it in the settings nothing goes"
    take_out(one, cluster)
    assert cluster.state() == before


@pytest.mark.usefixtures("argocds")
def test_killed_after_any_write_of_that_the_next_run_ends_the_same() -> None:
    one = replace(PLACED, environments=())
    apply_all(one, whole := Cluster())
    for number in range(1, 100):
        apply_all(PLACED, cluster := Cluster())
        cluster.dies_after = cluster.writes + number
        try:
            take_out(one, cluster)
        except Killed:
            if all(each.labels for each in cluster.revisions.values()):  # helm was not in the middle of an uninstall
                take_out(one, cluster)
                assert cluster.state() == whole.state()
        else:
            assert number > 5, "it was never killed"
            return
    pytest.fail("it never ends")


def test_the_second_credential_is_a_copy_of_the_first_for_its_own_project(cluster: Any) -> None:
    private = SETTINGS
    reconcile(keyed(private, cluster, Helm(cluster, private)))
    copy = EnvironmentCredential(TEST, cluster, Helm(cluster, TEST))
    assert copy.needs == ("credential",)
    assert (copy.key, copy.environment) == ("credential-test", "test")
    reconcile(copy)
    first, second = (deepcopy(cluster.get("secret", name, "argocd")) for name in ("web-repo", "web-test-repo"))
    assert first["data"].pop("project") != second["data"].pop("project")
    assert first["data"] == second["data"], "the same key and address"
    assert second["metadata"]["labels"]["argocd.argoproj.io/secret-type"] == "repository"
    renewed = RepositoryCredential(private, cluster, Helm(cluster, private), Keys(cluster), renew=True)
    apply(renewed)
    copy = EnvironmentCredential(TEST, cluster, Helm(cluster, TEST))
    change = change_of(copy)
    assert [(each.name, each.old, each.new) for each in change.fields] == [("sshPrivateKey", "another", "set")]
    reconcile(copy)
    assert change_of(copy) is None
    cluster.objects["argocd", "Secret", "web-test-repo"]["data"]["tlsClientCertKey"] = b64encode(b"a key").decode()
    change = change_of(copy)
    assert [(each.name, each.old, each.new) for each in change.fields] == [("tlsClientCertKey", "another", None)]


# --- what not every one of them has -------------------------------------------------------------


class Starting(HelmRelease):
    """Two objects in two namespaces, which are ready once a test says so."""

    key = title = "something that starts"
    starts = True
    ready = False

    def places(self) -> Mapping[str, Sequence[str]]:
        return {"argocd": [f"configmaps/{self._name}"], "web-dev": [f"secrets/{self._name}"]}

    def manifests(self, held: Held) -> Objects:
        places = {"ConfigMap": "argocd", "Secret": "web-dev"}
        return [{"kind": kind, "metadata": metadata(SETTINGS, self._name, place)} for kind, place in places.items()]

    def unready(self, held: Held) -> str:
        return "" if self.ready else f"{len(held.objects)} not ready yet"

    def explain(self) -> str:
        return "the image cannot be pulled"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return Cluster()


@pytest.fixture
def starting(cluster: Any) -> Starting:
    return Starting(SETTINGS, cluster, Helm(cluster, SETTINGS), "web-dev-x")


def test_what_is_not_ready_is_waited_for_and_then_told_with_the_reason(starting: Starting) -> None:
    with pytest.raises(InstallerError, match="2 not ready yet\n  the image cannot be pulled"):
        reconcile(starting)
    change = change_of(starting)
    assert (change.fields, change.note) == ((), "wait for it: 2 not ready yet")
    starting.ready = True
    assert change_of(starting) is None


def test_an_object_that_somebody_removed_is_named_and_made_again(cluster: Cluster, starting: Starting) -> None:
    starting.ready = True
    reconcile(starting)
    made = cluster.state()[0]
    del cluster.objects["web-dev", "Secret", "web-dev-x"]
    change = change_of(starting)
    assert [each.name for each in change.fields] == ["Secret"]
    reconcile(starting)
    assert cluster.state()[0] == made
