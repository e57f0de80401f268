"""GitHub's half at an Enterprise Server whose certificate nobody knows but the project."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from installer.ci import base
from installer.engine.reconcile import Apply, plan
from installer.preflight import github as github_checks
from installer.project.project import Project
from installer.support.errors import InstallerError
from installer.support.wait import until
from tests.github import GitHub as StandIn

from .bench import WAITS_FOR_A_RUNNER
from .clones import start
from .cluster import Quiet
from .shells import export

pytestmark = pytest.mark.slow

RUNNER = "company-linux"
HALF = ("repository", "variables", "registry-token", "initial-push", "rules")
BELIEVERS = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE"),
    *("CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
)
Open = Callable[..., Project]


@pytest.fixture
def project(ghes: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of acme's at the server, on a machine that does not know the company's CA."""
    ghes.user("octo")
    ghes.organization("acme", plan="enterprise", members={"octo": "admin"})
    environment = {
        **ghes.env,
        "GH_ENTERPRISE_TOKEN": ghes.token("octo"),
        "GH_HOST": "ghe.example.com",
        "GH_CONFIG_DIR": str(tmp_path / "gh"),
        "REGISTRY_TOKEN": "a-token-that-pushes",
        "REGISTRY_HOST": "registry.example.com",
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    export(monkeypatch, environment)
    folder = tmp_path / "web"
    (folder / ".github/workflows").mkdir(parents=True)
    (folder / ".github/workflows/deploy.yml").write_text(WAITS_FOR_A_RUNNER)
    (folder / "ca.pem").write_text(Path(ghes.env["SSL_CERT_FILE"]).read_text())
    for name in BELIEVERS:
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def opened(project: Path) -> Open:
    def make(ca: str = "ca.pem") -> Project:
        tree = {
            "version": 1,
            "project": {"name": "Web", "slug": "web"},
            "github": {"host": "ghe.example.com", "owner": "acme", "visibility": "private", "ca": ca, "runner": RUNNER},
            "registry": {
                "host": "registry.example.com",
                "account": "team/acme",
                "ca": "ca.pem",
                "visibility": "public",
            },
            "cluster": {"namespace": "web-dev"},
        }
        (project / "gitops.yaml").write_text(yaml.safe_dump(tree))
        if not (project / ".git").exists():
            start(project)
        return Project.open(project)

    return make


def half(opened: Project) -> list[Any]:
    return [resource for resource in opened.resources() if resource.key in HALF]


def test_gh_git_and_rest_reach_it_with_the_projects_ca_alone(opened: Open, ghes: StandIn) -> None:
    Apply(half(opened()), Quiet()).run()
    there = ghes.repository("acme/web")
    assert there.private
    values = {name: stored.value for name, stored in there.variables.items()}
    assert (values["RUNNER"], values["REGISTRY_CA"]) == (RUNNER, "ca.pem")
    assert values["DEPLOY_ENVIRONMENT"] == '"dev-registry"', "no server knows `deployment: false`"
    assert there.environments["dev-registry"].secrets["REGISTRY_TOKEN"].value == "a-token-that-pushes"
    assert there.secrets == {}
    assert len(there.rulesets) == 3
    assert set(ghes.branches(there)) == {"main"}
    assert [p.change for p in plan(half(opened()))] == [None] * len(HALF)
    assert {asked.host for asked in ghes.requests} == {"ghe.example.com"}
    rest = [asked.path for asked in ghes.requests if not asked.path.startswith(("/acme/web", "/api/graphql"))]
    assert all(path.startswith("/api/v3") for path in rest)


def test_without_the_ca_it_is_said_what_is_missing(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer.forges.http.pause", lambda _: pytest.fail("to ask again does not help"))
    here = opened(ca="")
    (found,) = github_checks.works(here)
    assert "is not trusted" in found.what
    assert "gitops.yaml, github.ca" in found.fix


def test_gh_says_so_too(opened: Open) -> None:
    here = opened(ca="")
    resource = half(here)[0]
    with pytest.raises(InstallerError) as error:
        resource.create(())
    assert "gitops.yaml, github.ca" in error.value.fix


def test_the_ca_of_a_registry_that_is_no_longer_named_goes(opened: Open, ghes: StandIn) -> None:
    here = opened()
    Apply(half(here), Quiet()).run()
    tree = yaml.safe_load((here.folder / "gitops.yaml").read_text())
    tree["registry"].pop("ca")
    (here.folder / "gitops.yaml").write_text(yaml.safe_dump(tree))
    (change,) = [p.change for p in plan(half(Project.open(here.folder))) if p.change]
    assert [(field.name, field.new) for field in change.fields] == [("REGISTRY_CA", None)]
    Apply(half(Project.open(here.folder)), Quiet()).run()
    assert "REGISTRY_CA" not in ghes.repository("acme/web").variables


def test_a_dispatch_there_names_no_run_and_starts_one(opened: Open, ghes: StandIn) -> None:
    here = opened()
    Apply(half(here), Quiet()).run()
    before = base.number(here.ci.newest())
    here.ci.start()
    assert until(lambda: base.number(here.ci.newest()) > before, 20)


def test_an_enterprise_server_without_a_named_runner_is_reported(opened: Open, ghes: StandIn) -> None:
    here = opened()
    assert list(github_checks.runner(here)) == []
    unnamed = replace(here, settings=replace(here.settings, runner=""))
    (found,) = github_checks.runner(unnamed)
    assert found.problem
    assert "github.runner" in found.fix
    in_cloud = replace(here, settings=replace(unnamed.settings, host="x.ghe.com"))
    assert list(github_checks.runner(in_cloud)) == []
    Apply(half(here), Quiet()).run()
    assert list(github_checks.runner(unnamed)) == [], "the variable is there"
