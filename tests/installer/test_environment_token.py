"""REGISTRY_TOKEN at GitHub: in an environment that lets in main alone, wherever the plan has any."""

from dataclasses import replace
from typing import Any

import pytest

from installer.ci.variables import EnvironmentToken
from installer.config.settings import Settings
from installer.engine.resource import Change
from installer.forges.credentials import find
from installer.forges.github.repository import GitHub
from installer.support.secret import Secret
from tests.github.environments import BranchPolicy
from tests.github.model import Repository, Stored

from .bench import REGISTRY_TOKEN, SETTINGS, Bench
from .cluster import apply, change_of

pytestmark = pytest.mark.slow

POLICY = {"protected_branches": False, "custom_branch_policies": True}


@pytest.fixture
def bench(fresh: Bench) -> Bench:
    fresh.set_up("empty")
    return fresh


def resource(token: str = REGISTRY_TOKEN, settings: Settings = SETTINGS) -> EnvironmentToken:
    credentials = replace(find(settings), registry_token=Secret(token))
    return EnvironmentToken(settings, GitHub(settings.host, credentials.token, settings.repository), credentials)


def planned(token: str = REGISTRY_TOKEN, settings: Settings = SETTINGS) -> Any:
    return change_of(resource(token, settings))


def names(change: Change | None) -> list[str]:
    return [field.name for field in change.fields] if change else []


def up(token: str = REGISTRY_TOKEN, settings: Settings = SETTINGS) -> None:
    one = resource(token, settings)
    change = apply(one)
    assert change.effective


def places(repository: Repository) -> tuple[dict[str, str], dict[str, str]]:
    """Return the secrets of the repository, and those of its environment dev."""
    dev = repository.environments.get("dev")
    of_dev = {name: stored.value for name, stored in dev.secrets.items()} if dev else {}
    return {name: stored.value for name, stored in repository.secrets.items()}, of_dev


def test_main_and_no_other_branch_is_let_in(bench: Bench) -> None:
    assert names(planned()) == ["environment dev", "REGISTRY_TOKEN", "DEPLOY_ENVIRONMENT"]
    up()
    dev = bench.repository.environments["dev"]
    assert dev.policy == POLICY
    assert [(each.type, each.name) for each in dev.branches.values()] == [("branch", "main")]
    assert places(bench.repository) == ({}, {"REGISTRY_TOKEN": REGISTRY_TOKEN})
    assert bench.repository.variables["DEPLOY_ENVIRONMENT"].value == '{"name": "dev", "deployment": false}'
    assert planned() is None


def test_an_environment_that_a_deployment_made_is_closed(bench: Bench) -> None:
    """GitHub makes an environment, open to all, for the first Deployment that names it."""
    bench.repository.environment("dev")
    up()
    assert bench.repository.environments["dev"].policy == POLICY
    assert planned() is None


@pytest.mark.parametrize("other", [BranchPolicy("*"), BranchPolicy("main", "tag"), BranchPolicy("release/*")])
def test_another_branch_or_tag_that_somebody_let_in_is_planned_and_shut_out_again(
    bench: Bench, other: BranchPolicy
) -> None:
    up()
    dev = bench.repository.environments["dev"]
    dev.branches[other.id] = other
    assert names(planned()) == ["environment dev"]
    up()
    assert [(each.type, each.name) for each in dev.branches.values()] == [("branch", "main")]


def test_an_environment_that_somebody_opened_is_closed_again_without_a_token_at_hand(bench: Bench) -> None:
    up()
    dev = bench.repository.environments["dev"]
    dev.policy = None
    dev.branches.clear()
    assert names(planned("")) == ["environment dev"]
    up("")
    assert places(bench.repository) == ({}, {"REGISTRY_TOKEN": REGISTRY_TOKEN})
    assert planned("") is None


def test_a_secret_of_the_repository_moves_into_the_environment_and_goes_there(bench: Bench) -> None:
    bench.repository.secrets["REGISTRY_TOKEN"] = Stored("REGISTRY_TOKEN", REGISTRY_TOKEN)
    assert "REGISTRY_TOKEN of the repository" in names(planned())
    up()
    assert places(bench.repository) == ({}, {"REGISTRY_TOKEN": REGISTRY_TOKEN})


def test_one_that_cannot_be_moved_for_want_of_the_token_is_said_to_be_exposed(bench: Bench) -> None:
    bench.repository.secrets["REGISTRY_TOKEN"] = Stored("REGISTRY_TOKEN", "kept")
    change = planned("")
    assert change.action == "skipped"
    assert "workflows of every branch can read; set REGISTRY_TOKEN in the environment" in change.note


def test_with_no_token_anywhere_it_is_asked_for(bench: Bench) -> None:
    change = planned("")
    assert (change.action, change.note) == ("blocked", "no token at hand")
    assert "Set REGISTRY_TOKEN in the environment, to one that may push" in change.fix


def test_a_plan_without_environments_keeps_it_in_the_repository_and_says_what_that_means(bench: Bench) -> None:
    bench.repository.owner.plan = "free"
    change = planned()
    assert (change.action, names(change)) == ("create", ["REGISTRY_TOKEN"])
    assert "whoever may push a branch can read REGISTRY_TOKEN" in change.note
    up()
    assert places(bench.repository) == ({"REGISTRY_TOKEN": REGISTRY_TOKEN}, {})
    assert "DEPLOY_ENVIRONMENT" not in bench.repository.variables
    after = planned()
    assert (after.action, after.note) == ("skipped", change.note), "it is said each time"

    bench.repository.owner.plan = "team"
    up()
    assert places(bench.repository) == ({}, {"REGISTRY_TOKEN": REGISTRY_TOKEN}), "after an upgrade it moves"


def test_a_plan_that_lost_its_environments_gets_it_back_in_the_repository(bench: Bench) -> None:
    """GitHub ignores them then: without a secret of the repository no image could be pushed."""
    up()
    bench.repository.owner.plan = "free"
    assert names(planned()) == ["REGISTRY_TOKEN", "DEPLOY_ENVIRONMENT"]
    up()
    assert places(bench.repository)[0] == {"REGISTRY_TOKEN": REGISTRY_TOKEN}
    assert "DEPLOY_ENVIRONMENT" not in bench.repository.variables


def test_a_public_repository_has_environments_on_every_plan(bench: Bench) -> None:
    bench.repository.owner.plan, bench.repository.private = "free", False
    public = replace(SETTINGS, visibility="public")
    up(settings=public)
    assert places(bench.repository) == ({}, {"REGISTRY_TOKEN": REGISTRY_TOKEN})
    assert planned(settings=public) is None


def test_a_plan_before_there_is_a_repository_knows_the_organisations_plan(bench: Bench) -> None:
    bench.set_up("nothing")
    assert names(planned()) == ["environment dev", "REGISTRY_TOKEN", "DEPLOY_ENVIRONMENT"]
    bench.github.accounts["acme"].plan = "free"
    assert names(planned()) == ["REGISTRY_TOKEN"]


def test_down_takes_the_environment_away_unless_others_keep_something_in_it(bench: Bench) -> None:
    up()
    bench.repository.environments["dev"].secrets["THEIRS"] = Stored("THEIRS", "x")
    assert resource().remove() == "deleted"
    assert places(bench.repository) == ({}, {"THEIRS": "x"})
    assert not bench.repository.variables
    up()
    del bench.repository.environments["dev"].secrets["THEIRS"]
    assert resource().remove() == "deleted"
    assert bench.repository.environments == {}
    assert resource().remove() == "was not there"
