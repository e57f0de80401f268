"""CircleCI and Travis CI as the installer sees them: set up, kept, repaired, and asked to deploy."""

import json
from pathlib import Path

import pytest
from github import GithubException

from installer.ci import base
from installer.ci.external import NOTE, JsonApi
from installer.commands.plan import look, show
from installer.engine.reconcile import remove
from installer.preflight import checks, tokens
from installer.status.report import _run, _secrets
from installer.support.errors import ApiError, InstallerError
from installer.support.file_lock import only_while
from installer.support.secret import Secret
from tests.circleci.api import CircleCI
from tests.github import Fault
from tests.github.reported import State

from .cluster import Quiet
from .office import CI_TOKEN, NAMES, REGISTRY_TOKEN, SLUG, TOKENS, Office

pytestmark = pytest.mark.slow


def test_up_sets_the_ci_up_before_the_first_push_which_it_then_deploys(office: Office) -> None:
    done = office.up()
    assert office.variables() == {
        "REGISTRY_USERNAME": "acme",
        "REGISTRY_TOKEN": REGISTRY_TOKEN,
        "DEPLOY_TOKEN": office.deploy_token,
    }
    assert next(title for title in done if "variables" in title) == "Actions variables GITOPS_FLASK"
    assert office.github.branches(office.github.repository(SLUG)).keys() == {"main", "env/dev"}
    assert not [asked for asked in office.ci.requests if asked.endswith(("/pipeline", "/requests"))], "the push did it"


def test_up_again_changes_nothing(office: Office) -> None:
    office.up()
    before, asked = len(office.github.changes), len(office.ci.requests)
    assert set(office.planned().values()) == {None}
    assert office.up() == []
    assert office.github.changes[before:] == []
    assert {request.split()[0] for request in office.ci.requests[asked:]} == {"GET"}


def test_no_value_is_in_the_note_nor_in_the_plan(office: Office) -> None:
    told = repr(office.planned())
    office.up()
    note = office.github.repository(SLUG).variables[NOTE].value
    assert sorted(json.loads(note)) == NAMES
    for secret in (REGISTRY_TOKEN, office.deploy_token, CI_TOKEN):
        assert secret not in note + told


@pytest.mark.parametrize("name", NAMES)
def test_a_value_that_was_changed_there_is_put_back(office: Office, name: str) -> None:
    office.up()
    before = office.variables()
    office.set_at_ci(name, "somebody's own")
    change = office.planned()["registry-token"]
    if office.name == "travis-ci" and name.endswith("TOKEN"):
        assert change is None, "Travis CI shows nothing of it"
        return
    assert [field.name for field in change.fields] == [name]
    office.up()
    assert office.variables() == before


def test_another_token_takes_the_place_of_the_first(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.up()
    monkeypatch.setenv("REGISTRY_TOKEN", "dckr_pat_canary_second")
    change = office.planned()["registry-token"]
    assert [(field.name, field.new) for field in change.fields] == [("REGISTRY_TOKEN", "rotated")]
    office.up()
    assert office.variables()["REGISTRY_TOKEN"] == "dckr_pat_canary_second"
    monkeypatch.delenv("REGISTRY_TOKEN")
    assert office.planned()["registry-token"] is None, "without one at hand, the one that is there stays"


def test_a_token_that_is_missing_is_named_with_what_it_must_be(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEPLOY_TOKEN")
    change = office.planned()["registry-token"]
    assert change.action == "blocked"
    assert "Set in the environment DEPLOY_TOKEN (a fine-grained token for this repository; Contents" in change.fix


def test_a_variable_that_is_not_needed_any_more_is_deleted(office: Office) -> None:
    settings, ca = office.project / "gitops.yaml", office.project / "ca.pem"
    ca.write_bytes(Path(office.github.env["SSL_CERT_FILE"]).read_bytes())
    before = settings.read_text()
    registry = before.index("registry:")
    settings.write_text(before[:registry] + before[registry:].replace('ca: "" ', 'ca: "ca.pem" ', 1))
    office.up()
    assert office.variables()["REGISTRY_CA"] == "ca.pem"
    settings.write_text(before)
    office.up()
    assert sorted(office.variables()) == NAMES
    assert office.planned()["registry-token"] is None


def test_without_a_token_for_the_ci_people_get_a_list_and_nothing_is_asked(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKENS[office.name])
    change = office.planned()["registry-token"]
    assert change.action == "skipped"
    for line in (
        f"there is no {TOKENS[office.name]}",
        {"circleci": "/project-dashboard/github/acme/", "travis-ci": "/account/repositories"}[office.name],
        "\n  REGISTRY_USERNAME: acme\n",
        "\n  REGISTRY_TOKEN: an access token of the registry that may push (a secret)\n",
        "\n  DEPLOY_TOKEN: a fine-grained token for this repository; Contents and Deployments",
        f"/{SLUG}/",
    ):
        assert line in change.note
    office.up()
    assert office.github.branches(office.github.repository(SLUG)).keys() == {"main"}
    assert office.ci.requests == []
    opened = office.opened()
    assert [row.healthy for row in (_secrets(opened), _run(opened, None))] == [True, True]
    with pytest.raises(InstallerError, match=f"There is no {TOKENS[office.name]} in the environment") as caught:
        opened.ci.start()
    assert "the first time" in caught.value.fix


def test_main_waits_for_the_checks_of_this_ci(office: Office) -> None:
    office.up()
    rules = {r.name: r for r in office.github.repository(SLUG).rulesets.values()}["gitops-flask: main"].rules
    (wanted,) = [rule["parameters"]["required_status_checks"] for rule in rules if rule["type"].endswith("_checks")]
    expected = {
        "circleci": ["ci/circleci: test", "ci/circleci: image", "ci/circleci: chart"],
        "travis-ci": ["Travis CI - Pull Request"],
    }
    assert [check["context"] for check in wanted] == expected[office.name]


def test_a_pull_request_may_be_merged_once_this_ci_says_so(office: Office) -> None:
    office.up()
    proposed = office.propose("feature", green=False)
    with pytest.raises(GithubException, match="rule violations"):
        proposed.merge()
    office.push("feature")
    office.ci.wait()
    assert proposed.merge().merged


def test_a_first_deployment_that_failed_is_started_again_with_init(office: Office) -> None:
    office.deploys(green=False)
    office.up()
    opened = office.opened()
    run = opened.ci.newest()
    assert run
    assert (run.over, run.green) == (True, False)
    assert f"/{SLUG}/" in run.url, "the page with the log"
    office.deploys()
    office.up()
    assert office.actions() == ["deploy", "init", "init"], "the first `up` saw it fail, too: here runs take no time"
    assert "env/dev" in office.github.branches(office.github.repository(SLUG))


def test_what_is_ours_is_seen_among_more_than_a_page_holds(office: Office) -> None:
    office.up()
    ci = office.opened().ci
    deployment = ci.newest()
    assert deployment
    for number in range(130):
        for kind in ("status", "check"):
            office.shows(f"somebody's {kind} {number}", kind, "failure")
    assert ci.newest() == deployment
    for number in range(40):
        ci.set_variable(f"A_{number:02}", Secret("of others"), shown=True)
    assert len(ci.variables() or ()) == 40 + len(NAMES)
    assert office.planned()["registry-token"] is None


def test_a_plan_without_details_has_the_list_too(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(TOKENS[office.name])
    monkeypatch.setenv("PATH", "/nowhere")
    project = office.opened()
    problems = checks.before_reading(project)
    show(project, look(project, problems), problems, brief=True)
    note = capsys.readouterr().out.partition("\nNote:\n")[2]
    for name in (
        f"there is no {TOKENS[office.name]}, with which `up` would do this",
        "REGISTRY_TOKEN:",
        "DEPLOY_TOKEN:",
    ):
        assert name in note


def test_down_takes_the_variables_away_and_leaves_what_the_ci_was_set_by_others(office: Office) -> None:
    office.up()
    if isinstance(office.ci, CircleCI):
        office.ci.projects[SLUG].variables["OTHERS"] = "stays"
    told = {resource.key: outcome for resource, outcome in remove(office.lane(), Quiet())}
    assert told["registry-token"].startswith("deleted REGISTRY_USERNAME")
    assert office.variables() == ({"OTHERS": "stays"} if office.name == "circleci" else {})
    assert NOTE not in office.github.repository(SLUG).variables


def test_a_token_that_the_ci_does_not_take_is_reported_before_anything(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKENS[office.name], "wrong")
    found = [f for f in checks.before_reading(office.opened()) if TOKENS[office.name] in f.what]
    assert len(found) == 1
    assert "make a new one" in found[0].fix
    monkeypatch.delenv(TOKENS[office.name])
    assert not [f for f in checks.before_reading(office.opened()) if TOKENS[office.name] in f.what]


def test_a_deploy_token_that_does_not_open_the_repository_is_reported_before_it_is_stored(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.up()
    monkeypatch.setenv("DEPLOY_TOKEN", office.github.token("octo", "fine-grained", repositories=["acme/other"]))
    (found,) = tokens.deploy_token(office.opened())
    assert found.what == f"DEPLOY_TOKEN may not write to {SLUG}; deployments are pushed with it."
    assert found.problem
    monkeypatch.setenv("DEPLOY_TOKEN", office.deploy_token)
    assert not [each for each in tokens.deploy_token(office.opened()) if each.problem]


def test_a_ci_that_is_out_of_order_for_a_moment_is_asked_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer.forges.http.pause", lambda _: None)
    office.github.faults.order(Fault("500", message="oops"), "GET", "^/(api/v2/project|repo)/", times=2)
    office.up()
    assert sorted(office.variables()) == NAMES
    assert len(office.github.faults.struck) == 2


@pytest.mark.parametrize("fault", [Fault("500", message="oops"), Fault("html", html=True, status=502)])
def test_a_ci_that_stays_out_of_order_is_reported_and_the_next_run_goes_on(
    office: Office, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr("installer.forges.http.pause", lambda _: None)
    office.github.faults.order(fault, "POST", "/(envvar|env_vars)$", first=2)
    with pytest.raises(InstallerError, match="run this again later") as caught:
        office.up()
    assert not [s for s in (REGISTRY_TOKEN, office.deploy_token, CI_TOKEN) if s in str(caught.value)]
    office.github.faults.clear()
    office.up()
    assert sorted(office.variables()) == NAMES


@pytest.mark.parametrize("office", ["travis-ci"], indirect=True)
def test_a_repository_that_travis_ci_may_not_see_is_reported_with_the_page_to_change_it(office: Office) -> None:
    office.ci.sees = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("installer.ci.travis_ci._SYNC", 0.1)
        with pytest.raises(InstallerError, match=r"app\.travis-ci\.com/account/repositories"):
            office.up()


@pytest.mark.parametrize("office", ["circleci"], indirect=True)
def test_a_file_that_circleci_cannot_read_is_a_failed_run(office: Office) -> None:
    office.up()
    head = office.opened().forge.head("main") or ""
    office.ci._pipeline(office.ci.projects[SLUG], head, "main", "api", {"action": "destroy"})
    office.ci.wait()
    run = office.opened().ci.newest()
    assert run
    assert (run.name, run.state, run.over, run.green) == ("ci/circleci: Build Error", "failure", True, False)


@pytest.mark.parametrize("office", ["circleci"], indirect=True)
def test_a_red_job_ends_a_run_at_once_and_one_that_began_since_is_another_run(office: Office) -> None:
    office.up()

    def seen(job: str, state: State) -> tuple[str, bool, bool]:
        office.shows(f"ci/circleci: {job}", "status", state)
        run = office.opened().ci.newest()
        assert run
        return run.name.removeprefix("ci/circleci: "), run.over, run.green

    assert seen("test", "pending") == ("test", False, False), "it was deployed before"
    assert seen("push", "pending") == ("push", False, False)
    assert seen("test", "failure") == ("test", True, False), "whatever the other job does"
    assert seen("test", "pending") == ("test", False, False), "run again"
    assert seen("test", "success") == ("push", False, False)
    assert seen("push", "success") == ("push", False, False), "its deployment is the one before"
    assert seen("deploy", "pending") == ("deploy", False, False)
    assert seen("deploy", "success") == ("deploy", True, True)


@pytest.mark.parametrize("office", ["travis-ci"], indirect=True)
def test_a_token_that_may_not_read_checks_sees_no_run_and_says_so(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.up()
    monkeypatch.setenv("GH_TOKEN", office.github.token("octo", "fine-grained"))
    opened = office.opened()
    assert opened.ci.newest() is None
    assert "fine-grained token" in base.in_words(opened.ci, None)
    row = _run(opened, None)
    assert row.healthy
    assert row.state.startswith("not seen, GitHub lets no fine-grained token read checks")
    with pytest.raises(InstallerError, match="Nobody here would see how that goes") as caught:
        opened.ci.start()
    assert "Trigger build of main with ACTION=deploy" in caught.value.fix
    with pytest.raises(ApiError, match="not accessible by personal access token"):
        opened.github.checks(opened.forge.head("main") or "", "travis-ci")


def test_nothing_is_written_at_a_ci_once_the_lock_is_lost() -> None:
    def lost() -> None:
        raise InstallerError("the lock is lost", "")

    with only_while(lost), pytest.raises(InstallerError, match="the lock is lost"):
        JsonApi("CI", "https://ci.invalid", {}, "CI_TOKEN").call("DELETE", "/x")
