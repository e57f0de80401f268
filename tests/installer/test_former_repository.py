"""`project.formerly`: what is left at the repository whose place this one took, shown, and removed at the end."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from installer.config.settings import Settings
from installer.project.project import Project
from installer.resources.former import FormerRepository, Left
from tests.github import GitHub as StandIn
from tests.github.webhooks import Hook
from tests.gitlab import GitLab as GitLabStandIn

from . import bench as at_github
from . import gitlab_bench as at_gitlab
from .cluster import apply, change_of
from .shells import export, unset

pytestmark = pytest.mark.slow

RUN_DOWN = "; run `down` in a clone whose gitops.yaml still names"
OLD = "https://github.com/acme/web"


@pytest.fixture
def bench(fresh: at_github.Bench) -> at_github.Bench:
    """A project that was set up at acme/web, and an empty octo/web."""
    fresh.set_up("filled")
    fresh.apply("variables", "registry-token", "push-key", "rules", "credential", "webhook")
    github = fresh.github
    github.hosting.create(github.tokens[fresh.token], "octo", "web", private=True, description=None)
    return fresh


def former(folder: Path, settings: Settings) -> FormerRepository:
    """Return the resource as a verb has it."""
    opened = Project._of(folder, settings, None)
    return FormerRepository(settings, opened.forge, [opened._place(address) for address in settings.formerly])


def moved(**changes: Any) -> Settings:
    return replace(at_github.SETTINGS, owner="octo", formerly=(OLD,), **changes)


def test_what_gives_access_to_the_former_repository_is_shown_and_goes(bench: at_github.Bench, tmp_path: Path) -> None:
    there = bench.repository
    there.hooks[99] = theirs = Hook("https://elsewhere.example.com/", "theirs", ["push"], active=True, id=99)
    resource = former(tmp_path, moved())
    change = change_of(resource)
    assert change.action == "change"
    assert [field.name for field in change.fields] == [
        *(f"deploy key at {OLD}", f"deploy key at {OLD}", f"webhook at {OLD}"),
        f"variables, secret and rules at {OLD}",
    ]
    assert {field.new for field in change.fields} == {"goes once the new one is live"}
    apply(resource)
    assert change_of(resource) is None
    assert (there.keys, list(there.hooks.values())) == ({}, [theirs])
    assert (there.variables, there.secrets, there.environments, there.rulesets) == ({}, {}, {}, {})
    assert bench.github.repository("acme/web") is there, "the repository with its history stays"
    assert resource.remove() == "was not there"


def test_down_takes_it_along(bench: at_github.Bench, tmp_path: Path) -> None:
    resource = former(tmp_path, moved())
    assert resource.removal(resource.observe()) == "goes"
    assert resource.remove() == f"deleted at {OLD}"
    assert not bench.repository.keys


def test_a_run_that_was_killed_before_the_label_went_finds_the_rest(bench: at_github.Bench, tmp_path: Path) -> None:
    resource = former(tmp_path, moved())
    (left,) = resource.observe().values()
    for key in left.keys:
        resource._places[OLD].keys.remove(key)
    change = change_of(resource)
    assert [field.name.partition(" at ")[0] for field in change.fields] == ["webhook", "variables, secret and rules"]
    assert resource.remove() == f"deleted at {OLD}"


def test_a_repository_that_was_renamed_is_this_one_and_keeps_all(bench: at_github.Bench, tmp_path: Path) -> None:
    there = bench.repository
    del bench.github.repositories["octo/web"]
    bench.github.hosting.move(there, bench.github.accounts["octo"], "web")
    resource = former(tmp_path, moved())
    assert change_of(resource) is None
    assert resource.remove() == "was not there"
    assert len(there.keys) == 2


def test_a_former_repository_that_is_gone_or_hidden_is_reported_and_no_fault(
    bench: at_github.Bench, tmp_path: Path
) -> None:
    del bench.github.repositories["acme/web"]
    change = change_of(former(tmp_path, moved()))
    assert change.action == "skipped"
    assert change.note.startswith(f"{OLD}: it is gone, or your token cannot see it")


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        ("https://gitlab.com/acme/web", "github.com", "no token for gitlab.com; set GITLAB_TOKEN"),
        ("https://github.com/acme/web", "ghe.example.com", "no token for github.com; set GH_TOKEN"),
        ("https://ghe.example.com/acme/web", "github.com", "no token for ghe.example.com; set GH_ENTERPRISE_TOKEN"),
        (
            "https://old.example.com/acme/web",
            "ghe.example.com",
            f"GH_ENTERPRISE_TOKEN is for ghe.example.com{RUN_DOWN} old.example.com",
        ),
        (
            "https://acme.ghe.com/acme/web",
            "github.com",
            f"GH_TOKEN is for github.com{RUN_DOWN} acme.ghe.com",
        ),
    ],
)
def test_no_token_goes_to_another_host_than_its_own(
    before: str, now: str, why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    unset(monkeypatch, "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GITLAB_TOKEN")
    monkeypatch.setenv("GH_CONFIG_DIR", str(tmp_path / "gh"))
    monkeypatch.setenv("GH_HOST", now)
    monkeypatch.setenv("GH_TOKEN" if now == "github.com" else "GH_ENTERPRISE_TOKEN", "canary")
    resource = former(tmp_path, replace(at_github.SETTINGS, host=now, formerly=(before,)))
    assert resource.observe() == {before: Left(unseen=why)}
    change = change_of(resource)
    assert (change.action, change.note) == ("skipped", f"{before}: {why}")
    assert resource.removal(resource.observe()) == f"stays: at {before}, {why}", "down does not promise it"
    assert resource.remove() == f"stays: at {before}, {why}"


def test_from_gitlab_to_github_what_was_at_gitlab_goes(
    gitlab: GitLabStandIn, github: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    github.user("octo")
    export(monkeypatch, {**github.env, "GH_TOKEN": github.token("octo")})
    made = at_gitlab.Bench.of(gitlab, tmp_path)
    made.use(monkeypatch)
    made.set_up("filled")
    made.apply("variables", "registry-token", "rules", "credential")
    there = f"https://{at_gitlab.SETTINGS.host}/acme/web"
    resource = former(tmp_path, replace(at_github.SETTINGS, owner="octo", formerly=(there,)))
    change = change_of(resource)
    assert {field.name.partition(" at ")[0] for field in change.fields} == {
        "deploy key",
        "variables, secret and rules",
    }
    assert resource.remove() == f"deleted at {there}"
    assert not made.project.variables
    assert change_of(resource) is None
    gitlab.runner.forget()
