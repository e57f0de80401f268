"""Somebody else's things at GitHub stay as they are, and no change of any setting makes or deletes a repository."""

import tempfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from installer.config.environments import Environment
from installer.config.settings import Settings
from installer.engine.reconcile import plan
from installer.forges.base import Pair
from tests.github.authority import Authority
from tests.github.model import DeployKey, Stored

from .bench import SETTINGS, Bench
from .clones import git

pytestmark = pytest.mark.slow

with tempfile.TemporaryDirectory() as _folder:
    CA = Authority(Path(_folder)).certificate.read_text()
GITHUBS = ("repository", "variables", "registry-token", "initial-push", "rules", "credential", "webhook")
OTHER: dict[str, Any] = {
    "name": "Another name",
    "description": "Another sentence",
    "visibility": "public",
    "registry": "ghcr.io",
    "account": "another",
    "namespace": "another-dev",
    "argocd_namespace": "another",
    "argocd_values": {"dex": {"enabled": True}},
    "argocd_watcher": "none",
    "argocd_url": "",
    "reporter": "app",
    "reporter_image": "docker.io/library/python:3.14-slim",
    "database": "postgresql",
    "environment": "staging",
    "environments": (Environment("dev", "web-dev"), Environment("test", "web-test", "dev")),
    "reviews": 1,
    "extra_kinds": ("external-secrets.io/ExternalSecret",),
    "registry_token_server": "auth.example.com",
    "deploy_from": "main",
    "public_runner": "allowed",
    "runner": "company-linux",
    "api_version": "2022-11-29",
    "ca": CA,
    "access": "https",
    "image_visibility": "private",
    "image_reuse": "pushed",
    "registry_ca": CA,
    "registry_ca_file": "ca.pem",
    "ci": "circleci",
    "formerly": ("https://github.com/acme/before",),
}
SOON = ("visibility", "argocd_url")
KINDS = ("keys", "variables", "secrets", "rulesets", "hooks")
NAMES_IT = ("scm", "slug", "host", "owner")
"""Settings that say which repository this is: another value is another repository, and the first one stays."""
ELSEWHERE = ("source", "context", "kind_cluster", "registry_image")
"""Of one environment among several, and of a project on one machine, which is at no code host."""


@pytest.fixture
def bench(shared: Bench) -> Bench:
    shared.set_up("filled")
    return shared


def test_every_setting_is_tried_below() -> None:
    assert {field.name for field in fields(Settings)} == {*OTHER, *NAMES_IT, *ELSEWHERE}


@pytest.mark.parametrize("name", [n if n in SOON else pytest.param(n, marks=pytest.mark.all) for n in OTHER])
def test_no_change_of_a_setting_deletes_or_recreates_the_repository(bench: Bench, name: str) -> None:
    bench.apply(*GITHUBS)
    number, made, branches = bench.repository.id, bench.repository.created_at, bench.github.branches(bench.repository)
    for settings in (replace(SETTINGS, **{name: OTHER[name]}), SETTINGS):  # there and back
        bench.github.changes.clear()
        bench.apply(*GITHUBS, settings=settings)
        made_now = [change.what for change in bench.github.changes]
        assert not any("createRepository" in what or what == "DELETE /repos/acme/web" for what in made_now), made_now
        assert (bench.repository.id, bench.repository.created_at) == (number, made)
        assert bench.github.branches(bench.repository) == branches
        resources = bench.resources(settings)
        assert not any(p.change for p in plan([resources[key] for key in GITHUBS]))


@pytest.mark.parametrize(("name", "value"), [("slug", "other"), ("owner", "octo")])
def test_another_name_is_another_repository_and_the_first_one_stays(bench: Bench, name: str, value: str) -> None:
    bench.apply(*GITHUBS)
    before = state(bench)
    bench.apply("repository", settings=replace(SETTINGS, **{name: value}))
    assert len(bench.github.repositories) == 2
    assert state(bench) == before


def state(bench: Bench) -> list[Any]:
    r = bench.repository
    return [
        r.id,
        r.private,
        r.description,
        dict(r.settings),
        set(r.variables),
        set(r.secrets),
        set(r.keys),
        set(r.rulesets),
        set(r.hooks),
    ]


def a_key(bench: Bench) -> None:
    bench.repository.keys[7] = DeployKey("somebody's", Pair.make().public, read_only=False, id=7)


def a_variable(bench: Bench) -> None:
    bench.repository.variables["RUNNER"] = Stored("RUNNER", "our-own")


def a_secret(bench: Bench) -> None:
    bench.repository.secrets["NPM_TOKEN"] = Stored("NPM_TOKEN", "theirs")


def a_ruleset(bench: Bench) -> None:
    ours = next(iter(bench.repository.rulesets.values()))
    bench.repository.rulesets[7] = replace(ours, name="theirs", id=7)


def a_hook(bench: Bench) -> None:
    ours = next(iter(bench.repository.hooks.values()))
    bench.repository.hooks[7] = replace(ours, url=ours.url.partition("?")[0], id=7)


@pytest.mark.parametrize("theirs", [a_key, a_variable, a_secret, a_ruleset, a_hook])
def test_what_others_added_is_no_difference_and_survives_up_and_down(
    bench: Bench, theirs: Callable[[Bench], None]
) -> None:
    bench.apply(*GITHUBS)
    theirs(bench)
    resources = bench.resources()
    assert not any(p.change for p in plan([resources[key] for key in GITHUBS]))
    bench.change_but_for_keys()
    bench.apply(*GITHUBS)
    for key in reversed(GITHUBS):
        resources[key].remove()
    left = [each for kind in KINDS for each in getattr(bench.repository, kind)]
    assert left in ([7], ["RUNNER"], ["NPM_TOKEN"])


def test_a_commit_that_others_pushed_first_is_never_overwritten(bench: Bench) -> None:
    before = bench.github.branches(bench.repository)
    git(bench.project, "commit", "-q", "--amend", "--allow-empty", "-m", "Another")
    bench.apply("initial-push")
    assert bench.github.branches(bench.repository) == before
