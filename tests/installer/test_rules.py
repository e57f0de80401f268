"""Who can merge and push past the rules that `up` makes: each test plays somebody who tries, at the stand-in."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests

from installer.ci.circleci import CircleCI
from installer.ci.github_actions import CHECKS, GitHubActions
from installer.ci.travis_ci import TravisCI
from installer.config.settings import Settings
from installer.engine.resource import Change
from installer.forges.github.repository import GitHub
from installer.resources.github_repository import Rules
from installer.support.errors import InstallerError
from installer.support.secret import Secret
from tests.github import Fault
from tests.github import GitHub as StandIn
from tests.github import git as on_server
from tests.github.pushes import Push
from tests.github.reported import Report
from tests.github.results import report

from .cluster import SEVERAL, apply, change_of
from .shells import export

pytestmark = pytest.mark.slow

SETTINGS = Settings("Web", "web", "A service", "github.com", "acme", "private", "docker.io", "acme", "web-dev")
GREEN = "runs-on: ubuntu-latest, steps: [{run: 'true'}]"
WORKFLOW = f"on: pull_request\njobs: {{{', '.join(f'{name}: {{{GREEN}}}' for name in CHECKS)}}}\n"


TWO = replace(SETTINGS, environments=SEVERAL.environments)


@dataclass
class Acme:
    """A repository with rules, an administrator who made them, and `mallory`, who may write."""

    served: StandIn
    admin: str
    tokens: dict[str, str]

    def rules(self, settings: Settings = SETTINGS, ci: Any = GitHubActions, token: str = "") -> Rules:
        github = GitHub(settings.host, Secret(token or self.admin), settings.repository)
        return Rules(settings, github, ci.checks, ci.check_app)

    def apply(self, settings: Settings = SETTINGS, ci: Any = GitHubActions) -> Change:
        rules = self.rules(settings, ci)
        change = apply(rules)
        assert change_of(rules) is None
        return change

    def ask(self, who: str, method: str, path: str, sent: object = None) -> requests.Response:
        return requests.request(
            method,
            f"{self.served.site.api}/repos/acme/web{path}",
            json=sent,
            headers={"Authorization": f"token {self.tokens[who]}"},
            timeout=30,
        )

    def propose(self, branch: str, file: str, content: str) -> str:
        """Push a commit of mallory's to a branch, and return it."""
        folder = self.served.repository("acme/web").git
        base = on_server.refs(folder).get(branch) or on_server.refs(folder)["main"]
        blob = on_server.git(folder, "hash-object", "-w", "--stdin", stdin=content)
        env = {"GIT_INDEX_FILE": str(self.served.folder / f"index-{branch.replace('/', '-')}")}
        on_server.git(folder, "read-tree", base, env=env)
        on_server.git(folder, "update-index", "--add", "--cacheinfo", f"100644,{blob},{file}", env=env)
        tree = on_server.git(folder, "write-tree", env=env)
        made = on_server.commit_tree(folder, tree, [base], "change\n", ("mallory", "mallory@example.com"))
        old = on_server.refs(folder).get(branch, on_server.ZERO)
        on_server.git(folder, "update-ref", f"refs/heads/{branch}", made)
        push = Push(self.served.repository("acme/web"), self.served.tokens[self.tokens["mallory"]])
        self.served.hosting.pushed(push, [(old, made, f"refs/heads/{branch}")])
        return made

    def pull(self, file: str = "a", content: str = "2") -> tuple[int, str]:
        """Open a pull request of mallory's, and return its number and its commit."""
        sha = self.propose("change", file, content)
        sent = {"title": "t", "base": "main", "head": "change"}
        made = self.ask("mallory", "POST", "/pulls", sent)
        assert made.status_code == 201, made.text
        return int(made.json()["number"]), sha

    def merge(self, number: int) -> requests.Response:
        return self.ask("mallory", "PUT", f"/pulls/{number}/merge", {})

    def set_by_hand(self, sha: str, *names: str) -> None:
        for name in names:
            made = self.ask("mallory", "POST", f"/statuses/{sha}", {"state": "success", "context": name})
            assert made.status_code == 201, made.text


def _acme(served: StandIn, monkeypatch: pytest.MonkeyPatch) -> Acme:
    export(monkeypatch, served.env)
    for login in ("octo", "mallory", "alice"):
        served.user(login)
    served.organization("acme", plan="team", members={"octo": "admin", "mallory": "member", "alice": "member"})
    tokens = {login: served.token(login) for login in ("octo", "mallory", "alice")}
    token = served.tokens[tokens["octo"]]
    repository = served.hosting.create(token, "acme", "web", private=True, description="A service")
    repository.collaborators |= {"mallory": "write", "alice": "write"}
    tree = on_server.git(repository.git, "mktree", stdin="")
    first = on_server.commit_tree(repository.git, tree, [], "Start\n", ("octo", "octo@example.com"))
    on_server.git(repository.git, "update-ref", "refs/heads/main", first)
    return Acme(served, tokens["octo"], tokens)


@pytest.fixture
def acme(github: StandIn, monkeypatch: pytest.MonkeyPatch) -> Acme:
    return _acme(github, monkeypatch)


def test_each_environment_has_a_rule_and_one_that_was_taken_out_loses_it(acme: Acme) -> None:
    branches = ("main", "env/dev", "env/test", "gitops-flask/template")
    assert [each.name for each in acme.apply(TWO).fields] == [f"gitops-flask: {branch}" for branch in branches]
    change = acme.apply(SETTINGS)
    assert [(each.name, each.new) for each in change.fields] == [("gitops-flask: env/test", None)]
    names = [each["name"] for each in acme.ask("octo", "GET", "/rulesets").json()]
    assert "gitops-flask: env/test" not in names
    acme.apply(TWO)
    rules = acme.rules(SETTINGS)
    rules.remove()
    assert acme.ask("octo", "GET", "/rulesets").json() == [], "`down` removes what a former setting made, too"


def test_statuses_set_by_hand_let_nobody_merge(acme: Acme) -> None:
    acme.apply()
    number, sha = acme.pull()
    acme.set_by_hand(sha, *CHECKS)
    refused = acme.merge(number)
    assert refused.status_code == 405
    assert all(f'Required status check "{name}" is expected.' in refused.json()["message"] for name in CHECKS)


def test_rules_that_name_no_app_would_take_them(acme: Acme) -> None:
    """So the refusal above is the App's doing."""
    github = GitHub(SETTINGS.host, Secret(acme.admin), SETTINGS.repository)
    rules = Rules(SETTINGS, github, CHECKS, app="")
    apply(rules)
    number, sha = acme.pull()
    acme.set_by_hand(sha, *CHECKS)
    assert acme.merge(number).status_code == 200


def test_a_check_of_another_app_with_the_name_of_ours_lets_nobody_merge(acme: Acme) -> None:
    acme.apply()
    number, sha = acme.pull()
    for name in CHECKS:
        report(
            acme.served, acme.served.repository("acme/web"), sha, Report(name, "check", "success", "", app="travis-ci")
        )
    assert acme.merge(number).status_code == 405


def test_a_person_makes_no_check_run(acme: Acme) -> None:
    _, sha = acme.pull()
    refused = acme.ask("mallory", "POST", "/check-runs", {"name": "test", "head_sha": sha, "conclusion": "success"})
    assert (refused.status_code, refused.json()["message"]) == (403, "You must authenticate via a GitHub App.")


def test_who_changes_the_workflow_in_the_pull_request_merges_until_a_review_is_asked_for(acme: Acme) -> None:
    """What remains by default, and what stops it."""
    acme.apply()
    number, sha = acme.pull(".github/workflows/pull-request.yml", WORKFLOW)
    acme.served.wait_for_run("acme/web", sha=sha)
    acme.apply(replace(SETTINGS, reviews=1))
    refused = acme.merge(number)
    assert refused.status_code == 405
    assert "At least 1 approving review is required" in refused.json()["message"]
    own = acme.ask("mallory", "POST", f"/pulls/{number}/reviews", {"event": "APPROVE"})
    assert own.status_code == 422
    acme.apply()
    assert acme.merge(number).status_code == 200


def test_what_is_pushed_after_the_review_is_reviewed_again(acme: Acme) -> None:
    acme.apply(replace(SETTINGS, reviews=1))
    number, _ = acme.pull(".github/workflows/pull-request.yml", WORKFLOW)
    acme.ask("alice", "POST", f"/pulls/{number}/reviews", {"event": "APPROVE"}).raise_for_status()
    sha = acme.propose("change", "a", "3")
    acme.served.wait_for_run("acme/web", sha=sha)
    assert "approving review is required" in acme.merge(number).json()["message"]
    acme.ask("alice", "POST", f"/pulls/{number}/reviews", {"event": "APPROVE"}).raise_for_status()
    assert acme.merge(number).status_code == 200


def test_the_number_of_actions_is_the_one_of_that_server(ghes: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    acme = _acme(ghes, monkeypatch)
    acme.apply(replace(SETTINGS, host=ghes.site.host))
    (rule,) = (
        rule
        for ruleset in ghes.repository("acme/web").rulesets.values()
        for rule in ruleset.rules
        if rule["type"] == "required_status_checks"
    )
    numbers = {each["integration_id"] for each in rule["parameters"]["required_status_checks"]}
    assert numbers == {ghes.apps.id_of("github-actions")}
    assert numbers != {15368}  # as at github.com


def test_travis_ci_is_trusted_about_its_own_check_alone(acme: Acme) -> None:
    acme.apply(replace(SETTINGS, ci="travis-ci"), TravisCI)
    (name,) = TravisCI.checks
    number, sha = acme.pull()
    acme.set_by_hand(sha, name)
    assert acme.merge(number).status_code == 405


def test_a_check_of_travis_ci_lets_it_merge(acme: Acme) -> None:
    acme.apply(replace(SETTINGS, ci="travis-ci"), TravisCI)
    number, sha = acme.pull()
    report(acme.served, acme.served.repository("acme/web"), sha, Report(TravisCI.checks[0], "check", "success", ""))
    assert acme.merge(number).status_code == 200


def test_circleci_s_statuses_are_nobodys_and_the_plan_says_so(acme: Acme) -> None:
    change = acme.apply(replace(SETTINGS, ci="circleci"), CircleCI)
    assert "set the checks manually" in change.note
    number, sha = acme.pull()
    acme.set_by_hand(sha, *CircleCI.checks)
    assert acme.merge(number).status_code == 200


def test_the_plan_says_that_write_access_is_deploy_access_and_how_many_reviews_there_are(acme: Acme) -> None:
    rules = acme.rules()
    change = change_of(rules)
    assert "whoever may write can push env/dev" in change.note
    assert "github.reviews is 0" in change.note
    assert "(0 reviews)" in str(change.fields[0].new)
    assert "whoever may write can deploy" in rules.title
    reviewed = acme.rules(replace(SETTINGS, reviews=2))
    change = change_of(reviewed)
    assert "github.reviews is 0" not in change.note
    assert "(2 reviews)" in str(change.fields[0].new)


def test_an_app_that_was_taken_out_of_the_rules_is_seen_and_put_back(acme: Acme) -> None:
    acme.apply()
    for ruleset in acme.served.repository("acme/web").rulesets.values():
        for rule in ruleset.rules:
            for check in rule.get("parameters", {}).get("required_status_checks", []):
                del check["integration_id"]
    change = acme.apply()
    (field,) = change.fields
    assert "of anyone" in str(field.old)
    assert "of App 15368" in str(field.new)


def test_whoever_was_excepted_from_the_rules_is_seen_and_put_back(acme: Acme) -> None:
    acme.apply()
    for ruleset in acme.served.repository("acme/web").rulesets.values():
        ruleset.bypass_actors = [{"actor_id": 4, "actor_type": "RepositoryRole", "bypass_mode": "always"}]
    change = acme.apply()
    branches = ("main", "env/dev", "gitops-flask/template")
    assert [field.name for field in change.fields] == [f"gitops-flask: {branch}" for branch in branches]
    assert all(str(field.old).endswith("; not for RepositoryRole 4 (always)") for field in change.fields)
    assert not any("not for" in str(field.new) for field in change.fields)
    assert [r.bypass_actors for r in acme.served.repository("acme/web").rulesets.values()] == [[], [], []]


def test_who_may_not_change_the_rules_is_not_shown_whom_they_except(acme: Acme) -> None:
    acme.apply()
    rules = acme.rules(token=acme.tokens["mallory"])
    seen = rules.observe()
    assert not any("bypass_actors" in ruleset for ruleset in (seen.rulesets or {}).values())
    assert rules.diff(seen) is None


def test_a_github_that_does_not_know_the_app_yet_is_reported_apart(acme: Acme) -> None:
    said = "Invalid rule 'required_status_checks': Invalid parameter required_status_checks: Invalid integration ids"
    acme.served.faults.order(Fault("unknown", status=422, message=said), "POST", r"/rulesets$")
    with pytest.raises(InstallerError) as refused:
        acme.apply()
    assert "does not know the App github-actions here yet" in refused.value.fix
