"""GitHub's half against the stand-in: made once, kept twice, drift repaired, removed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from installer.ci.github_actions import CHECKS
from installer.engine.reconcile import Apply, plan, remove
from installer.engine.resource import Resource
from installer.forges.credentials import find
from installer.forges.github.repository import GitHub
from installer.resources.github_repository import Repository
from installer.support.errors import InstallerError
from installer.support.secret import Secret
from tests.github import GitHub as StandIn
from tests.github.model import Stored

from .bench import REGISTRY_TOKEN, SETTINGS, Bench
from .clones import git
from .cluster import Quiet

pytestmark = pytest.mark.slow

LANE = ("repository", "variables", "registry-token", "initial-push", "rules")
Lane = Callable[..., list[Resource[Any]]]


@pytest.fixture
def here(fresh: Bench) -> StandIn:
    return fresh.github


@pytest.fixture
def project(fresh: Bench) -> Path:
    """A project with one commit and a workflow, which needs a scope of its own to be pushed."""
    return fresh.project


@pytest.fixture
def lane(fresh: Bench, monkeypatch: pytest.MonkeyPatch) -> Lane:
    """Make the resources anew, as each run of the installer does."""

    def make(registry_token: str = REGISTRY_TOKEN) -> list[Resource[Any]]:
        monkeypatch.setenv("REGISTRY_TOKEN", registry_token)
        made = fresh.resources()
        return [made[key] for key in LANE]

    return make


def apply(resources: list[Resource[Any]]) -> list[str]:
    run = Apply(resources, Quiet())
    run.run()
    return run.done


def secrets_of(repository: Any, environment: str = "dev") -> dict[str, str]:
    """Return the secrets of an environment."""
    return {name: stored.value for name, stored in repository.environments[environment].secrets.items()}


def changes(resources: list[Resource[Any]]) -> dict[str, tuple[str, ...]]:
    return {p.resource.key: tuple(f.name for f in p.change.fields) for p in plan(resources) if p.change}


def test_makes_all_of_it(here: StandIn, lane: Lane, project: Path) -> None:
    apply(lane())
    repository = here.repository("acme/web")
    assert (repository.private, repository.description) == (True, "A service")
    assert repository.settings["delete_branch_on_merge"] is True
    assert (repository.secrets, secrets_of(repository)) == ({}, {"REGISTRY_TOKEN": REGISTRY_TOKEN})
    values = {name: stored.value for name, stored in repository.variables.items()}
    fingerprint = values.pop("REGISTRY_TOKEN_FINGERPRINT")
    assert Secret(REGISTRY_TOKEN).matches(fingerprint)
    assert values == {
        "GITOPS_FLASK": "https://github.com/acme/web",
        "REGISTRY_USERNAME": "acme",
        "DEPLOY_ENVIRONMENT": '{"name": "dev", "deployment": false}',
    }
    head = git(project, "rev-parse", "HEAD")
    assert here.branches(repository) == {"main": head}
    rules = {ruleset.name: ruleset for ruleset in repository.rulesets.values()}
    assert set(rules) == {f"gitops-flask: {branch}" for branch in ("main", "env/dev", "gitops-flask/template")}
    assert [rule["type"] for rule in rules["gitops-flask: env/dev"].rules] == ["deletion", "non_fast_forward"]
    (checks,) = (r for r in rules["gitops-flask: main"].rules if r["type"] == "required_status_checks")
    assert [c["context"] for c in checks["parameters"]["required_status_checks"]] == list(CHECKS)


def test_the_second_run_changes_nothing_stored(here: StandIn, lane: Lane) -> None:
    apply(lane())
    here.changes.clear()
    assert changes(lane()) == {}
    assert apply(lane()) == []
    assert here.changes == []


def test_the_plan_of_a_fresh_start_reads_only(here: StandIn, lane: Lane) -> None:
    assert set(changes(lane())) == {"repository", "variables", "registry-token", "initial-push", "rules"}
    assert here.changes == []


@pytest.mark.parametrize("after", range(1, 5))
def test_stopped_after_any_step_the_next_run_ends_the_same(here: StandIn, lane: Lane, after: int) -> None:
    apply(lane()[:after])
    apply(lane())
    assert changes(lane()) == {}


def test_no_token_is_in_a_file_of_the_clone(here: StandIn, lane: Lane, project: Path) -> None:
    apply(lane())
    config = (project / ".git/config").read_text()
    assert "url = https://github.com/acme/web\n" in config
    tokens = (REGISTRY_TOKEN, *here.tokens)
    assert not [p for p in project.rglob("*") if p.is_file() and any(t.encode() in p.read_bytes() for t in tokens)]


def test_our_variables_are_seen_among_more_variables_and_secrets_than_a_page_holds(here: StandIn, lane: Lane) -> None:
    """GitHub gives thirty variables a page, however many are asked for."""
    apply(lane())
    repository = here.repository("acme/web")
    others = {f"OTHER_{number:03}": Stored(f"OTHER_{number:03}", "x") for number in range(120)}
    repository.variables = {**others, **repository.variables}
    repository.secrets = {**others, **repository.secrets}
    here.changes.clear()
    assert changes(lane()) == {}
    assert apply(lane()) == []
    assert here.changes == []


def test_what_others_changed_is_planned_and_repaired_and_nothing_else_moves(here: StandIn, lane: Lane) -> None:
    apply(lane())
    repository = here.repository("acme/web")
    number, made = repository.id, repository.created_at
    repository.description, repository.private = "Something else", False
    del repository.environments["dev"].secrets["REGISTRY_TOKEN"]
    repository.variables["REGISTRY_USERNAME"].value = "mallory"
    repository.variables["RUNNER"] = replace(repository.variables["REGISTRY_USERNAME"], name="RUNNER", value="mine")
    ruleset = next(r for r in repository.rulesets.values() if r.name == "gitops-flask: main")
    ruleset.rules.pop()
    here.changes.clear()
    assert changes(lane()) == {
        "repository": ("visibility", "description"),
        "variables": ("REGISTRY_USERNAME",),
        "registry-token": ("REGISTRY_TOKEN",),
        "rules": ("gitops-flask: main",),
    }
    apply(lane())
    assert changes(lane()) == {}
    assert len(here.changes) == 5, "one for each difference, and the fingerprint of the secret"
    assert (repository.id, repository.created_at) == (number, made)
    assert repository.variables["RUNNER"].value == "mine"


def test_another_token_is_noticed_and_stored(here: StandIn, lane: Lane) -> None:
    apply(lane())
    rotated = lane(registry_token="dckr_pat_second")
    assert changes(rotated) == {"registry-token": ("REGISTRY_TOKEN",)}
    apply(rotated)
    assert secrets_of(here.repository("acme/web")) == {"REGISTRY_TOKEN": "dckr_pat_second"}
    assert changes(lane(registry_token="dckr_pat_second")) == {}


def test_without_a_token_at_hand_the_stored_one_is_kept(here: StandIn, lane: Lane) -> None:
    apply(lane())
    assert changes(lane(registry_token="")) == {}


def test_a_plan_without_rules_is_done_without_and_said(here: StandIn, lane: Lane) -> None:
    here.accounts["acme"].plan = "free"
    apply(lane())
    planned = {p.resource.key: p.change for p in plan(lane())}
    rules = planned.pop("rules")
    assert rules is not None
    assert rules.action == "skipped"
    assert "unprotected" in rules.note
    token = planned.pop("registry-token")
    assert token is not None
    assert token.action == "skipped"
    assert "whoever may push a branch can read REGISTRY_TOKEN" in token.note
    assert not any(planned.values())
    here.accounts["acme"].plan = "team"
    assert set(changes(lane())) == {"registry-token", "rules"}


def test_a_push_that_is_refused_names_the_missing_scope(
    here: StandIn, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", here.token("octo", scopes=["repo"]))
    with pytest.raises(InstallerError) as error:
        apply(lane())
    assert "`workflow` scope" in str(error.value)
    assert "Remains: branch main of acme/web" in str(error.value)


def test_another_origin_is_left_and_named(here: StandIn, lane: Lane, project: Path) -> None:
    git(project, "remote", "add", "origin", "https://example.com/other")
    with pytest.raises(InstallerError, match=r"example\.com/other"):
        apply(lane())


def test_down_removes_what_was_made_and_keeps_the_repository(here: StandIn, lane: Lane) -> None:
    apply(lane())
    told = {resource.key: outcome for resource, outcome in remove(lane(), Quiet())}
    repository = here.repository("acme/web")
    assert (repository.secrets, repository.variables, repository.rulesets) == ({}, {}, {})
    assert repository.environments == {}
    assert "main" in here.branches(repository)
    assert told["repository"].startswith("stays")
    again = {resource.key: outcome for resource, outcome in remove(lane(), Quiet())}
    assert again["rules"] == again["variables"] == "were not there"


def test_down_deletes_the_repository_only_where_that_was_asked_for(here: StandIn, lane: Lane) -> None:
    apply(lane())
    credentials = find(SETTINGS)
    github = GitHub(SETTINGS.host, credentials.token, SETTINGS.repository)
    assert Repository(SETTINGS, github, credentials, remove_it=True).remove() == "deleted"
    assert "acme/web" not in here.repositories
    assert Repository(SETTINGS, github, credentials, remove_it=True).remove() == "was not there"
