"""The reporter and the App that it is: what is made of them, from what, and what may be done by whom."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from installer.config.settings import Settings
from installer.engine.resource import Field
from installer.forges.github.app import GIVEN, PERMISSIONS, GitHubApp, given
from installer.forges.github.app_client import ID, KEY
from installer.resources.reporter import Reporter, ReporterApp, Running, by_digest
from installer.resources.sidecar import SidecarTemplate
from installer.support.errors import DeadlinePassed, InstallerError
from installer.support.secret import Secret
from tests.github import GitHub as StandIn
from tests.github.apps import App

from . import cluster as fakes
from .bench import Helm as Fills
from .cluster import Helm, apply, at_once, change_of, release
from .shells import export

DIGEST = "sha256:" + "7" * 64
SETTINGS = replace(fakes.SETTINGS, reporter="app")
IMAGE = f"{SETTINGS.reporter_image}@{DIGEST}"
NAME, SECRET = "web-dev-reporter", "web-dev-reporter-app"
HOST = SidecarTemplate("argocd:v3.5.3", 999, (("HTTPS_PROXY", "http://proxy:3128"),), ("ours",))
READER = {
    "metadata": {"labels": {"app.kubernetes.io/component": "repo-server"}},
    "spec": {"template": {"spec": {"imagePullSecrets": [{"name": "ours"}], "containers": [
        {"image": "argocd:v3.5.3", "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}]}]}}},
}  # fmt: skip
Tree = dict[str, Any]


@dataclass
class Cluster(fakes.Cluster):
    """A cluster whose objects have namespaces, each kind as it is spelt in manifests."""

    made: list[Tree] = field(default_factory=list)

    def get_many(self, references: "list[str]", namespace: str = "") -> dict[str, Tree]:
        names = {reference.split("/")[1] for reference in references}
        here = [each for each in self.made if each["metadata"]["namespace"] == namespace]
        return {each["kind"]: each for each in here if each["metadata"]["name"] in names}

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> "list[Tree]":
        return [READER] if kind == "deployments" else []


def running(settings: Settings = SETTINGS, **status: int) -> list[Tree]:
    """Return the reporter as it should be, running."""
    wanted = Reporter(settings, *([Any] * 2)).manifests(Running(template=HOST, image=IMAGE))  # type: ignore[arg-type]
    made: list[Tree] = json.loads(json.dumps(wanted))
    made[-1]["metadata"]["generation"] = 1
    made[-1]["status"] = {"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, **status}
    return made


def reporter(made: list[Tree], helm: Helm | None = None, settings: Settings = SETTINGS) -> Reporter:
    edges: Any = (Cluster(made=made), helm or Helm([release(NAME)]))
    return at_once(Reporter(settings, *edges, lambda image: f"{image}@{DIGEST}"))


def test_the_reporter_is_made_where_it_is_wanted_and_left_alone_as_it_should_be() -> None:
    assert change_of(reporter([])).action == "create"
    assert change_of(reporter([], settings=fakes.SETTINGS)) is None
    assert change_of(reporter(running())) is None
    assert change_of(reporter(running(), settings=fakes.SETTINGS)).note == "goes: github.reporter is none"
    assert change_of(reporter(running(readyReplicas=0))).note == "wait for it: not ready yet"
    assert [f.name for f in change_of(reporter(running(), Helm([release(NAME, "failed")]))).fields] == ["release"]


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        (lambda made: made[1]["data"].update({"reporter.status.service.py": "print('well')"}), "ConfigMap"),
        (lambda made: made[2]["rules"][0].pop("resourceNames"), "Role"),
        (lambda made: made.pop(4), "Role"),
        (lambda made: made[5]["subjects"][0].update(name="another"), "RoleBinding"),
        (lambda made: made[-1]["spec"]["template"]["spec"]["containers"][0].update(image="another"), "Deployment"),
    ],
)
def test_what_was_changed_of_it_is_seen(changed: Callable[[list[Tree]], object], kind: str) -> None:
    made = running()
    changed(made)
    assert [field.name for field in change_of(reporter(made)).fields] == [kind]


def deployed(helm: Helm) -> str:
    ((_, values),) = helm.installed
    (deployment,) = [each for each in values["objects"] if each["kind"] == "Deployment"]
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def test_the_image_is_pinned_to_what_its_tag_stood_for_and_stays_that() -> None:
    made = running()
    resource = reporter(made)
    assert change_of(resource) is None, "whatever the tag stands for by now"
    made[-1]["spec"]["template"]["spec"]["containers"][0]["image"] = SETTINGS.reporter_image
    assert [field.name for field in change_of(resource).fields] == ["Deployment"], (
        "a tag alone can become another image"
    )
    helm = Helm()
    resource = reporter([], helm)
    with pytest.raises(DeadlinePassed):
        apply(resource)
    assert deployed(helm) == IMAGE


def test_an_image_that_is_named_by_its_digest_is_taken_as_it_is() -> None:
    own = "registry.example.com/python@sha256:" + "8" * 64
    helm = Helm()
    resource = reporter([], helm, replace(SETTINGS, reporter_image=own))
    with pytest.raises(DeadlinePassed):
        apply(resource)
    assert deployed(helm) == own


def test_a_registry_that_does_not_report_is_said_with_the_way_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer.forges.http.pause", lambda _: None)
    with pytest.raises(InstallerError) as refused:
        by_digest("localhost:1/library/python:3.13")
    assert "github.reporter_image: localhost:1/library/python:3.13@sha256:" in refused.value.fix


def test_new_code_replaces_the_pod() -> None:
    noted = running()[-1]["spec"]["template"]["metadata"]["annotations"]
    other = running(replace(SETTINGS, ca="-----BEGIN CERTIFICATE-----"))[-1]["spec"]["template"]["metadata"]
    assert noted != other["annotations"]


def test_it_may_look_at_the_service_and_its_application_and_write_nothing() -> None:
    rules = [rule for each in running() if each["kind"] == "Role" for rule in each["rules"]]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list"}
    assert not {"secrets", "configmaps", "*"} & {kind for rule in rules for kind in rule["resources"]}
    assert {each["metadata"]["namespace"] for each in running() if each["kind"] not in ("Role", "RoleBinding")} == {
        "argocd"
    }
    pod = running()[-1]["spec"]["template"]["spec"]
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"]
    assert pod["imagePullSecrets"] == [{"name": "ours"}]
    environment = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
    assert environment["HTTPS_PROXY"] == "http://proxy:3128"
    assert environment["API"] == "https://api.github.com"


def test_one_that_does_not_start_is_reported_with_the_way_to_do_without() -> None:
    found = reporter([], helm := Helm())
    with pytest.raises(DeadlinePassed, match="reporter: none"):
        apply(found)
    assert [name for name, _ in helm.installed] == [NAME]


# --- the App -----------------------------------------------------------------------------------


@dataclass
class Owner:
    """An organisation with a repository and an App, and a cluster for the App's key."""

    github: StandIn
    app: App
    key: str
    cluster: fakes.Cluster = field(default_factory=fakes.Cluster)

    def __post_init__(self) -> None:
        self.helm = Fills(self.cluster)

    def resource(self, app: GitHubApp | None = None, settings: Settings = SETTINGS, **more: Any) -> ReporterApp:
        edges: Any = (self.cluster, self.helm)
        return ReporterApp(settings, *edges, app, **more)

    @property
    def ours(self) -> GitHubApp:
        return GitHubApp(str(self.app.id), Secret(self.key))

    def kept(self) -> dict[str, str]:
        secret = self.cluster.objects["secret", SECRET]
        assert "stringData" not in secret
        return {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}


@pytest.fixture
def owner(github: StandIn, monkeypatch: pytest.MonkeyPatch) -> Owner:
    github.user("octo")
    github.organization("acme", members={"octo": "admin"})
    export(monkeypatch, github.env)
    token = github.tokens[github.token("octo")]
    github.hosting.create(token, "acme", "web", private=True, description=None)
    return Owner(github, *github.apps.add("acme reports", "acme", PERMISSIONS))


def test_an_app_that_is_given_is_kept_in_the_cluster_and_needed_once(owner: Owner) -> None:
    owner.github.apps.install(owner.app, "acme", ["acme/web"])
    assert change_of(owner.resource(owner.ours)).action == "create"
    apply(owner.resource(owner.ours))
    assert owner.kept() == {ID: str(owner.app.id), KEY: owner.key}
    assert change_of(owner.resource(owner.ours)) is None
    assert change_of(owner.resource()) is None, "who runs `up` without it keeps it"


def test_another_key_takes_the_place_of_the_one_that_is_there(owner: Owner) -> None:
    owner.github.apps.install(owner.app, "acme", ["acme/web"])
    apply(owner.resource(owner.ours))
    owner.key = owner.app.new_key()
    assert change_of(owner.resource()).note == f"GitHub takes the key of App {owner.app.id} no more"
    with pytest.raises(InstallerError, match="answered 401") as caught:
        apply(owner.resource())
    assert "Make a private key on the page" in caught.value.fix
    assert change_of(owner.resource(owner.ours)).fields == (Field("private key", "another", "set"),)
    apply(owner.resource(owner.ours))
    assert owner.kept()[KEY] == owner.key


def test_without_an_app_it_takes_a_person(owner: Owner) -> None:
    change = change_of(owner.resource())
    assert change.action == "blocked"
    assert "export REPORTER_APP_ID=… REPORTER_APP_PRIVATE_KEY_FILE=…" in change.fix
    assert change_of(owner.resource(page=lambda: "https://github.com/settings/apps/new?name=web")).fix.startswith(
        "Register it: https://github.com/settings/apps/new?name=web\n"
    )


def test_a_number_and_a_key_that_do_not_belong_together_are_not_kept(owner: Owner) -> None:
    _, other = owner.github.apps.add("another", "acme", PERMISSIONS)
    wrong = replace(owner.ours, key=Secret(other))
    with pytest.raises(InstallerError, match="answered 401 to GET /app"):
        apply(owner.resource(wrong))
    assert owner.helm.installed == []


def test_an_app_that_is_not_installed_is_reported_with_the_page_for_it(owner: Owner) -> None:
    with pytest.raises(InstallerError, match="is not installed for acme/web") as caught:
        apply(owner.resource(owner.ours))
    assert "https://github.com/apps/acme-reports/installations/new" in caught.value.fix
    assert change_of(owner.resource()).note == f"App {owner.app.id} is not installed for acme/web", "so `status` says"
    assert owner.kept()[KEY] == owner.key, "a key that was given out once is not lost"


def test_an_app_that_may_too_little_is_reported_what_it_lacks(owner: Owner) -> None:
    owner.github.apps.install(owner.app, "acme", ["acme/web"]).permissions = {"contents": "read"}
    with pytest.raises(InstallerError, match="lacks deployments: write for acme/web"):
        apply(owner.resource(owner.ours))


def test_its_secret_goes_where_it_is_not_wanted_any_more_and_the_app_stays(owner: Owner) -> None:
    owner.github.apps.install(owner.app, "acme", ["acme/web"])
    apply(owner.resource(owner.ours))
    assert owner.resource().remove().startswith(f"removed; App {owner.app.id} itself stays at GitHub")
    assert owner.cluster.objects == {}
    apply(owner.resource(owner.ours))
    unwanted = owner.resource(settings=fakes.SETTINGS)
    assert change_of(unwanted).note == "goes: github.reporter is none"
    apply(unwanted)
    assert owner.cluster.objects == {}


def test_what_the_environment_gives_is_checked_before_anything_is_made(
    owner: Owner, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key.pem"
    file.write_text(owner.key)
    assert given() is None
    monkeypatch.setenv(GIVEN[0], "7")
    with pytest.raises(InstallerError, match="takes REPORTER_APP_ID and REPORTER_APP_PRIVATE_KEY_FILE"):
        given()
    monkeypatch.setenv(GIVEN[1], str(file))
    assert given() == GitHubApp("7", Secret(owner.key))
    file.write_text("no key")
    with pytest.raises(InstallerError, match="is no RSA key in PEM form"):
        given()
    monkeypatch.setenv(GIVEN[1], str(tmp_path / "nothing"))
    with pytest.raises(InstallerError, match="cannot be read: No such file"):
        given()
