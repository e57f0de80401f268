"""`github.deploy_from: main`: workflows of main push to env/dev, and nobody else."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from installer.ci.variables import EnvironmentToken
from installer.config.settings import Settings
from installer.engine.reconcile import Apply
from installer.engine.resource import Change
from installer.forges.base import Pair, fingerprint, fingerprint_of_private
from installer.forges.credentials import find
from installer.forges.github.repository import GitHub
from installer.resources.push_key import PushKey
from installer.support.secret import Secret
from tests.github import GitHub as StandIn
from tests.github.model import DeployKey, Ruleset, Stored

from .bench import SETTINGS, Bench, a_project
from .cluster import Quiet, change_of

pytestmark = pytest.mark.slow

STRICT = replace(SETTINGS, deploy_from="main")
RULESET = "gitops-flask: only main pushes env/dev"
EXCEPTED = [{"actor_id": None, "actor_type": "DeployKey", "bypass_mode": "always"}]
KEY = "deploy key"


@pytest.fixture
def bench(fresh: Bench) -> Bench:
    fresh.set_up("empty")
    return fresh


def resources(settings: Settings, *, renew: bool = False) -> tuple[EnvironmentToken, PushKey]:
    credentials = find(settings)
    github = GitHub(settings.host, credentials.token, settings.repository)
    return EnvironmentToken(settings, github, credentials), PushKey(settings, github, renew=renew)


def planned(settings: Settings = STRICT) -> Any:
    return change_of(resources(settings)[1])


def names(change: Change | None) -> list[str]:
    return [field.name for field in change.fields] if change else []


def up(settings: Settings = STRICT) -> None:
    Apply(resources(settings), Quiet()).run()
    assert planned(settings) is None


def private(bench: Bench) -> str:
    """Return the fingerprint of the key in the environment's secret."""
    return fingerprint_of_private(Secret(bench.repository.environments["dev"].secrets["DEPLOY_KEY"].value))


def registered(bench: Bench) -> list[tuple[str, bool]]:
    return [(fingerprint(key.key), key.read_only) for key in bench.repository.keys.values()]


def ruleset(bench: Bench) -> Ruleset:
    (found,) = bench.repository.rulesets.values()
    assert isinstance(found, Ruleset)
    return found


def check(bench: Bench) -> None:
    """Assert that there is one key, whose other half is in the environment for main alone, and the rule."""
    assert registered(bench) == [(private(bench), False)]
    dev = bench.repository.environments["dev"]
    assert [(each.type, each.name) for each in dev.branches.values()] == [("branch", "main")]
    assert "DEPLOY_KEY" not in bench.repository.secrets
    rules = ruleset(bench)
    assert (rules.name, rules.enforcement, rules.bypass_actors) == (RULESET, "active", EXCEPTED)
    assert rules.conditions["ref_name"] == {"include": ["refs/heads/env/dev"], "exclude": []}
    assert sorted(rule["type"] for rule in rules.rules) == ["creation", "update"]


def test_a_key_is_made_and_its_private_half_is_in_the_environment_for_main_alone(bench: Bench) -> None:
    assert names(planned()) == [KEY, RULESET]
    up()
    check(bench)
    keys = bench.repository.keys
    up()
    assert bench.repository.keys == keys, "and stays"


def test_nothing_is_made_and_little_is_asked_unless_the_settings_ask_for_it(bench: Bench) -> None:
    assert planned(SETTINGS) is None
    assert [each.method for each in bench.github.requests if "/environments" in each.path] == []
    up(SETTINGS)
    assert not bench.repository.keys
    assert not bench.repository.rulesets


def test_switched_off_all_of_it_goes_the_rule_first_and_switched_on_it_comes_again(bench: Bench) -> None:
    up()
    bench.github.changes.clear()
    assert names(planned(SETTINGS)) == [RULESET, KEY]
    up(SETTINGS)
    gone = [each.what.split("/")[-2] for each in bench.github.changes if each.what.startswith("DELETE")]
    assert gone[0] == "rulesets", "deployments find a way at any moment"
    assert gone[-1] == "keys", "as long as something is left the next run knows of it"
    assert not bench.repository.keys
    assert not bench.repository.rulesets
    assert set(bench.repository.environments["dev"].secrets) == {"REGISTRY_TOKEN"}
    assert "DEPLOY_KEY_FINGERPRINT" not in bench.repository.variables
    up()
    check(bench)


@pytest.mark.parametrize("lost", ["key", "secret", "note", "write access", "another key", "another note"])
def test_what_was_lost_or_changed_at_either_side_is_replaced(bench: Bench, lost: str) -> None:
    up()
    before = private(bench)
    (number,) = bench.repository.keys
    one = bench.repository.keys[number]
    if lost == "key":
        del bench.repository.keys[number]
    elif lost == "secret":
        del bench.repository.environments["dev"].secrets["DEPLOY_KEY"]
    elif lost == "note":
        del bench.repository.variables["DEPLOY_KEY_FINGERPRINT"]
    elif lost == "write access":
        bench.repository.keys[number] = replace(one, read_only=True)
    elif lost == "another key":
        bench.repository.keys[number] = replace(one, key=Pair.make().public)
    else:
        bench.repository.variables["DEPLOY_KEY_FINGERPRINT"].value = "SHA256:another"
    assert names(planned()) == [KEY]
    up()
    check(bench)
    assert private(bench) != before


def test_a_run_that_was_killed_between_key_and_secret_leaves_a_key_that_the_next_one_replaces(bench: Bench) -> None:
    up()
    title = next(iter(bench.repository.keys.values())).title
    stray = DeployKey(title, Pair.make().public, read_only=False)
    bench.repository.keys[stray.id] = stray
    assert names(planned()) == ["deploy keys"]
    before = private(bench)
    up()
    check(bench)
    assert private(bench) == before


@pytest.mark.parametrize("change", ["rules", "bypass", "enforcement"])
def test_a_rule_that_somebody_loosened_is_planned_and_set_right(bench: Bench, change: str) -> None:
    up()
    there = ruleset(bench)
    if change == "rules":
        there.rules.pop()
    elif change == "bypass":
        there.bypass_actors.append({"actor_id": 4, "actor_type": "RepositoryRole", "bypass_mode": "always"})
    else:
        there.enforcement = "disabled"
    assert names(planned()) == [RULESET]
    up()
    check(bench)


def test_others_keys_that_may_write_are_named_since_github_excepts_them_too(bench: Bench) -> None:
    for title, read_only in (("their mirror", False), ("Argo CD", True)):
        key = DeployKey(title, Pair.make().public, read_only=read_only)
        bench.repository.keys[key.id] = key
    made = resources(STRICT)
    Apply(list(made), Quiet()).run()
    change = planned()
    assert (change.action, change.note) == ("skipped", "these keys may push to env/dev, too: their mirror")
    assert made[1].remove() == "deleted"
    assert {key.title for key in bench.repository.keys.values()} == {"their mirror", "Argo CD"}


def test_a_plan_without_environments_is_reported_what_it_can_do_instead(bench: Bench) -> None:
    bench.repository.owner.plan = "free"
    change = planned()
    assert change.blocked
    assert "no rules and no environments for a private repository" in change.note
    assert "github.deploy_from to anywhere in gitops.yaml" in change.fix
    assert planned(SETTINGS) is None, "and nobody is told who did not ask"


def test_a_token_that_is_still_a_secret_of_the_repository_moves_first(bench: Bench) -> None:
    """Until then the workflows name no environment, and could not read the key."""
    bench.repository.secrets["REGISTRY_TOKEN"] = Stored("REGISTRY_TOKEN", "kept")
    change = planned()
    assert (change.action, change.note.partition(" so ")[0]) == (
        "blocked",
        "REGISTRY_TOKEN is a secret of the repository,",
    )
    assert change.fix == "Set REGISTRY_TOKEN in the environment of this command: then it moves."
    github = GitHub(STRICT.host, find(STRICT).token, STRICT.repository)
    moves = PushKey(STRICT, github, token_at_hand=True)
    assert names(moves.diff(moves.observe())) == [KEY, RULESET]
    up()
    check(bench)


def test_renewed_there_is_another_key_and_the_old_one_is_gone(bench: Bench) -> None:
    up()
    before = private(bench)
    token, key = resources(STRICT, renew=True)
    assert names(key.diff(key.observe())) == [KEY]
    Apply([token, key], Quiet()).run()
    check(bench)
    assert private(bench) != before
    assert planned() is None


def test_down_takes_all_of_it_away(bench: Bench) -> None:
    up()
    token, key = resources(STRICT)
    assert (key.remove(), token.remove()) == ("deleted", "deleted")
    assert not bench.repository.keys
    assert not bench.repository.rulesets
    assert not bench.repository.environments
    assert not bench.repository.variables
    assert key.remove() == "was not there"


def test_an_enterprise_server_keeps_it_in_the_environment_of_the_registry(
    ghes: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ghes.user("octo")
    ghes.organization("acme", plan="free", members={"octo": "admin"})
    made = Bench(ghes, a_project(tmp_path / "web"), ghes.token("octo"))
    made.use(monkeypatch, tmp_path)
    for name, value in (("GH_ENTERPRISE_TOKEN", made.token), ("GH_HOST", "ghe.example.com")):
        monkeypatch.setenv(name, value)
    made.set_up("empty")
    up(replace(STRICT, host="ghe.example.com"))
    assert "DEPLOY_KEY" in made.repository.environments["dev-registry"].secrets
    assert ruleset(made).bypass_actors == EXCEPTED
