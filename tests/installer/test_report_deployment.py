"""Closing the Deployment of a deployment: once, truly, and through GitHub's bad minutes."""

from dataclasses import replace

import pytest

from installer.status import github_deployments, report
from installer.status.report import report_outcome
from installer.status.service import DeploymentState
from tests.github import Fault

from .shop import ADDRESS, CRASH, LIVE, Shop


def test_a_deployment_that_is_live_is_a_success_with_its_address_and_is_reported_once(shop: Shop) -> None:
    record = shop.deploy()
    assert report_outcome(shop.project(), record).text == f"success, reported now: {LIVE.text}"
    status = shop.newest
    assert (status.state, status.description, status.environment_url) == ("success", LIVE.text, ADDRESS)
    assert status.log_url.endswith("/actions/runs/7"), "the run that deployed it"
    shop.github.changes.clear()
    shop.outcome = DeploymentState("success", "all 3 pods answer aaaaaaaaaaaa")
    told = report_outcome(shop.project(), record)
    assert (told.text, told.news) == (f"success: {LIVE.text}", False)
    assert shop.github.changes == []


def test_a_failure_is_reported_once_for_each_kind_and_success_when_it_comes(shop: Shop) -> None:
    record = shop.deploy()
    shop.outcome = CRASH
    assert report_outcome(shop.project(), record).news
    assert (shop.newest.state, shop.newest.description, shop.newest.environment_url) == ("failure", CRASH.text, "")
    shop.github.changes.clear()
    shop.outcome = replace(CRASH, reason=CRASH.reason.replace("code 1", "code 137"))
    assert not report_outcome(shop.project(), record).news
    assert shop.github.changes == []
    for outcome, state in ((DeploymentState("failure", "503", "probe"), "failure"), (LIVE, "success")):
        shop.outcome = outcome
        assert report_outcome(shop.project(), record).news
        assert (shop.newest.state, shop.newest.description) == (state, outcome.text)


def test_nothing_is_reported_while_nothing_is_certain(shop: Shop) -> None:
    record, shop.outcome = shop.deploy(), None
    assert report_outcome(shop.project(), record).text == "in progress: Handed to Argo CD"
    assert shop.states == ["in_progress"]


def test_older_ones_become_inactive_open_or_not(shop: Shop) -> None:
    shop.deploy(state="success")
    shop.deploy()
    shop.deploy(state="failure")
    shop.deploy(environment="test")
    report_outcome(shop.project(), shop.deploy())
    assert shop.states == ["inactive", "inactive", "failure", "in_progress", "success"]


def test_one_that_a_newer_run_has_opened_meanwhile_is_left(shop: Shop) -> None:
    shop.deploy()
    (waiting,) = shop.repository.deployments.values()
    waiting.created_at = "2999-01-01T00:00:00Z"
    report_outcome(shop.project(), shop.deploy())
    assert shop.states == ["in_progress", "success"]


def test_what_was_seen_is_not_reported_once_another_deployment_has_come(shop: Shop) -> None:
    record = shop.deploy()
    shop.before_posting = lambda: void(shop.commit("Deploy another", "env/dev"))
    assert "another deployment has come since" in report_outcome(shop.project(), record).text
    assert shop.states == ["in_progress"]


def void(_: object) -> None:
    """Take what is given, and say nothing."""


@pytest.mark.parametrize("wrong", ["environment", "revision", "none", "gone"])
def test_a_deployment_of_something_else_is_never_closed(shop: Shop, wrong: str) -> None:
    record = shop.deploy(environment="prod" if wrong == "environment" else "dev", trailer=wrong != "none")
    if wrong == "revision":
        record = replace(record, revision="b" * 40)
    if wrong == "gone":
        shop.repository.deployments.clear()
    shop.github.changes.clear()
    assert report_outcome(shop.project(), record).text == "none was opened for this deployment"
    assert shop.github.changes == []


def test_a_github_that_is_out_of_order_for_a_minute_is_reported_in_the_end(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(github_deployments, "pause", waited.append)
    record, said = shop.deploy(), list[str]()
    shop.github.faults.order(
        Fault("500", message="Server Error"), "POST", "/statuses", times=len(github_deployments.PAUSES)
    )
    assert report_outcome(shop.project(), record, said.append).text.startswith("success, reported now")
    assert shop.newest.state == "success"
    assert sum(waited) >= 60
    assert all("GitHub answered 500 to POST" in line for line in said)


def test_a_status_whose_answer_was_lost_is_not_reported_twice(shop: Shop) -> None:
    record = shop.deploy()
    shop.github.faults.order(Fault("lost", "lost"), "POST", "/statuses", times=1)
    report_outcome(shop.project(), record)
    (deployment,) = shop.repository.deployments.values()
    assert [status.state for status in deployment.statuses] == ["in_progress", "success"]


def test_a_github_that_stays_out_of_order_ends_in_a_sentence_and_the_next_run_reports_it(shop: Shop) -> None:
    record = shop.deploy()
    shop.github.faults.order(Fault("500", message="Server Error"), "POST", "/statuses")
    told = report_outcome(shop.project(), record)
    assert (told.news, told.text.endswith("the next `status` or `up` reports it")) == (True, True)
    (row,) = report._deployment(shop.project(), record)
    assert (row.healthy, row.state) == (True, told.text), "the service is as well as it was"
    shop.github.faults.clear()
    assert report_outcome(shop.project(), record).text.startswith("success, reported now")


def test_a_token_that_may_not_write_them_changes_nothing_and_asks_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = shop.deploy()
    reader = shop.github.token(
        "octo", "fine-grained", permissions={"contents": "read", "deployments": "read", "metadata": "read"}
    )
    monkeypatch.setenv("GH_TOKEN", reader)
    shop.github.requests.clear()
    told = report_outcome(shop.project(), record)
    assert told.text.startswith("not reported: GitHub answered 403 to POST")
    assert len([each for each in shop.github.requests if each.method == "POST"]) == 1
    assert shop.states == ["in_progress"]
