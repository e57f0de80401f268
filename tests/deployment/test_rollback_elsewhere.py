"""ci/rollback against deployments and other rollbacks, from a runner's clone."""

from __future__ import annotations

import pytest
import yaml

from tests.deployment.test_races import running
from tests.deployment.workspace import Checkout, Remote, Workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def operator(deployed: Checkout, workspace: Workspace) -> Checkout:
    """Return a shallow clone, as a runner has it, of a project with two deployments."""
    deployed.merge("Two")
    assert deployed.run("deploy").line.startswith("deploy: done")
    checkout = workspace.checkout("operator", "--depth=1")
    checkout.git("config", "user.name", "Grace Hopper")  # the same commit by the same person would be one commit
    return checkout


def test_a_runner_with_a_shallow_clone_sees_all_deployments(operator: Checkout, remote: Remote) -> None:
    first = remote.revision(remote.commits()[-1])
    actions = {"GITHUB_ACTIONS": "true", "GITHUB_TRIGGERING_ACTOR": "grace", "GITHUB_ACTOR": "bot"}
    assert operator.run("rollback", **actions).line.startswith("rollback: done")
    assert remote.revision() == first
    hold = yaml.safe_load(remote.read("hold.yaml"))
    assert (hold["who"], hold["why"]) == ("grace", "no reason given")
    assert remote.git("log", "-1", "--format=%an", "env/dev") == "github-actions[bot]"


def test_a_deployment_in_between_is_rolled_back_too(operator: Checkout, deployed: Checkout, remote: Remote) -> None:
    first = remote.revision(remote.commits()[-1])
    third = deployed.merge("Three")
    operator.before_push(running(deployed, "deploy"))
    answer = operator.run("rollback")
    assert answer.line.startswith(f"rollback: done env/dev is back at {first} (was {third})"), answer.text
    assert yaml.safe_load(remote.read("hold.yaml"))["bad"] == third
    assert len(remote.commits()) == 4
    assert operator.run("rollback").code == 1, "and the one that was meant does not come back as the previous one"


def test_two_people_who_roll_back_at_once_go_back_once(operator: Checkout, deployed: Checkout, remote: Remote) -> None:
    first = remote.revision(remote.commits()[-1])
    operator.before_push(running(deployed, "rollback"))
    answer = operator.run("rollback")
    assert (answer.code, answer.line) == (0, f"rollback: already there env/dev is held at {first}")
    assert len(remote.commits()) == 3


def test_two_releases_at_once_are_one(operator: Checkout, deployed: Checkout, remote: Remote) -> None:
    operator.run("rollback")
    operator.before_push(running(deployed, "rollback --release"))
    answer = operator.run("rollback", "--release")
    assert (answer.code, answer.line.split(" env/dev")[0]) == (0, "rollback: already there")
    assert len(remote.commits()) == 4


@pytest.mark.all  # as of a deployment (test_races.py)
def test_a_remote_that_refuses_is_red_after_five_tries(operator: Checkout, remote: Remote) -> None:
    before = remote.tip()
    remote.hook("pre-receive", "exit 1")
    answer = operator.run("rollback")
    assert (answer.code, remote.tip()) == (1, before)
    assert answer.line.startswith("rollback: failed: env/dev did not take the push 5 times")
    assert answer.text.count("did not take the push (attempt") == 5


def test_your_files_and_your_branch_are_left_alone(deployed: Checkout) -> None:
    deployed.merge()
    deployed.run("deploy")
    deployed.write(app_py="half done\n")
    before = [deployed.git("status", "--porcelain"), deployed.git("rev-parse", "HEAD"), deployed.git("diff")]
    assert deployed.run("rollback").code == 0
    assert [deployed.git("status", "--porcelain"), deployed.git("rev-parse", "HEAD"), deployed.git("diff")] == before
