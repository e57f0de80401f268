"""The environments in gitops.yaml of a project at GitHub: what there may be, and that without them all is as before."""

import json
from pathlib import Path
from typing import Any

import pytest

from installer.config.environments import Environment
from installer.config.settings import Settings
from installer.config.settings_file import parse
from installer.forges.credentials import find
from installer.project.project import Project
from installer.resources.former import Former, names
from installer.resources.helm_release import HelmRelease
from installer.resources.watcher import Watcher
from installer.support.errors import InstallerError
from installer.support.secret import inherited

from .gitops_yaml import OPEN_TO_ALL, tree
from .shells import export

DEV, TEST = {"namespace": "web-dev"}, {"namespace": "web-test", "from": "dev"}
PROD = {"namespace": "web-prod", "from": "test"}


def of(environments: Any, **more: Any) -> Settings:
    return parse(tree(cluster=None, environments=environments, **more))


def opened(folder: Path, **settings: Any) -> Project:
    (folder / "gitops.yaml").write_text(json.dumps(tree(cluster=None, project__database="postgresql", **settings)))
    project = Project.open(folder)
    project.__dict__["known"] = project.settings  # nobody is asked for former addresses
    return project


def test_each_environment_has_its_own_names_and_the_rest_of_the_settings() -> None:
    settings = of({"prod": PROD, "test": TEST, "dev": DEV})
    assert settings.environments == (
        Environment("dev", "web-dev"),
        Environment("test", "web-test", "dev"),
        Environment("prod", "web-prod", "test"),
    )
    each = settings.of_each()
    assert [(its.environment, its.namespace, its.source, its.branch, its.application) for its in each] == [
        ("dev", "web-dev", "", "env/dev", "web-dev"),
        ("test", "web-test", "dev", "env/test", "web-test"),
        ("prod", "web-prod", "test", "env/prod", "web-prod"),
    ]
    assert settings == each[0]
    assert settings.branches == ["env/dev", "env/test", "env/prod"]
    assert each[2].of("test").of("dev") == settings
    assert {its.repository for its in each} == {"acme/web"}
    with pytest.raises(KeyError):
        settings.of("staging")


def test_without_them_gitops_yaml_means_what_it_meant() -> None:
    settings = parse(tree())
    assert (settings.environments, settings.of_each(), settings.of("dev")) == ((), [settings], settings)
    assert of({"dev": DEV}) == settings, "one environment, in either form"


@pytest.mark.parametrize(
    ("environments", "why"),
    [
        (
            {"dev": DEV, "test": {**TEST, "from": "stage"}},
            "environments.test: from must name another environment, is 'stage'",
        ),
        (
            {"dev": DEV, "test": {**TEST, "from": "test"}},
            "environments.test: from must name another environment, is 'test'",
        ),
        ({"dev": DEV, "test": {**TEST, "from": ["dev"]}}, "environments.test: from must name another environment"),
        (
            {"dev": DEV, "test": {**TEST, "from": "prod"}, "prod": PROD},
            "environments: test and prod are promoted from each other: one must be from dev",
        ),
        ({"dev": DEV, "test": {"namespace": "web-test"}}, "environments.test: from must name the environment that is"),
        ({"dev": {**DEV, "from": "test"}, "test": TEST}, "environments.dev: has no from: merges are deployed to it"),
        ({"test": TEST}, "environments: there must be one called dev"),
        (
            {"dev": DEV, "test": {**TEST, "namespace": "web-dev"}},
            "environments: dev and test have the same namespace web-dev; each has its own",
        ),
        ({"dev": DEV, "test": {"from": "dev"}}, "environments.test: namespace must be a-z, 0-9 and hyphens"),
        ({"dev": DEV, "test": {**TEST, "namespace": "Web"}}, "environments.test: namespace must be a-z"),
        ({"dev": DEV, "test": {**TEST, "namespace": "w" * 64}}, "environments.test: namespace must be a-z"),
        ({"dev": DEV, "test": {**TEST, "replicas": 2}}, "environments.test: replicas is no setting"),
        ({"dev": DEV, "Test": TEST}, "environments.Test: must be a name in a-z, 0-9 and hyphens"),
        ({"dev": DEV, 1: TEST}, "environments.1: must be a name"),
        ({"dev": DEV, "test": None}, "environments.test: must be a name in a-z, 0-9 and hyphens with a namespace"),
        ({"dev": DEV, "preview": TEST}, "environments.preview: the name means something else already"),
        ({"dev": DEV, "app": TEST}, "environments.app: the name means something else already"),
        ({"dev": DEV, "dev-pull": TEST}, "environments.dev-pull: the name means something else already"),
        ({"dev": DEV, "t" * 40: TEST}, "the name has 40 characters, at most 39 are possible with the slug web"),
        ({}, "environments: must be a mapping, like environments: {dev:"),
        (["dev"], "environments: must be a mapping"),
    ],
)
def test_what_cannot_be_meant_is_named(environments: Any, why: str) -> None:
    with pytest.raises(InstallerError) as error:
        of(environments)
    assert why in error.value.message


@pytest.mark.parametrize("namespace", OPEN_TO_ALL)
def test_no_environment_is_in_a_namespace_that_belongs_to_the_cluster(namespace: str) -> None:
    with pytest.raises(InstallerError, match=r"environments\.test\.namespace: "):
        of({"dev": DEV, "test": {**TEST, "namespace": namespace}})


def test_both_forms_at_once_are_refused() -> None:
    with pytest.raises(InstallerError, match=r"cluster\.namespace: environments says it for each environment"):
        parse(tree(environments={"dev": DEV, "test": TEST}))


def test_helm_takes_each_release_of_the_longest_slug_with_the_longest_environment(tmp_path: Path) -> None:
    project = opened(tmp_path, environments={"dev": DEV, "t" * 6: TEST}, project__slug="w" * 36)
    resources = project.resources()
    (policy,) = (each._policy for each in resources if isinstance(each, Watcher))
    made = {(each._home, each._name) for each in [*resources, policy] if isinstance(each, HelmRelease)}
    made.add(("argocd", f"{'w' * 36}-webhook"))
    assert made == names(project.settings), "by these it is known what today's settings need"
    (former,) = (each._passing for each in resources if isinstance(each, Former))
    assert max(map(len, [former, *(name for _, name in made)])) == 53, "helm's own limit"
    with pytest.raises(InstallerError, match="the name has 7 characters, at most 6 are possible with the slug www"):
        opened(tmp_path, environments={"dev": DEV, "t" * 7: TEST}, project__slug="w" * 36)


def test_each_database_has_a_variable_of_its_own_that_no_program_inherits(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = of({"dev": DEV, "test-eu": TEST})
    address = "postgresql://u:secret@db/{}"
    given = {f"CLUSTER_DATABASE_URL{end}": address.format(end) for end in ("", "_TEST_EU")}
    export(monkeypatch, given)
    found = find(settings)
    assert [found.database_of(name).reveal() for name in ("dev", "test-eu")] == [*given.values()]
    assert not given.keys() & inherited().keys()
    assert find(parse(tree())).database_of("test-eu").reveal() == ""


def test_what_an_environment_has_is_made_once_for_each_whichever_is_looked_at(tmp_path: Path) -> None:
    project = opened(tmp_path, environments={"dev": DEV, "test": TEST})
    resources = project.resources()
    keys = [each.key for each in resources]
    assert len(keys) == len({*keys})
    assert [each.key for each in resources if each.environment == "test"] == [
        *("namespace-test", "database-address-test", "pull-secret-test", "credential-test", "application-test"),
        "reporter-test",
    ]
    needs = {each.key: each.needs for each in resources}
    assert needs["application-test"] == (
        *("namespace-test", "argocd", "credential-test", "pull-secret-test", "database-address-test"),
    )
    assert (needs["credential-test"], needs["application"][0]) == (("credential",), "namespace")
    assert needs["watcher"] == ("application", "application-test")
    in_test = project.of("test")
    in_test.__dict__["known"] = project.settings
    assert [(each.key, each.title) for each in in_test.resources()] == [(each.key, each.title) for each in resources]
    assert in_test.ci.page == project.ci.page
