"""Real gh and real PyGithub against the stand-in."""

import json

import pytest
from github import Auth, BadCredentialsException, Github, GithubException

from tests.github import GitHub
from tests.github.model import Ruleset, Stored

from .conftest import RULES, Person

pytestmark = pytest.mark.slow


def test_gh_says_who_is_logged_in_and_with_which_scopes(octo: Person) -> None:
    said = octo.gh("auth", "status", "--hostname", "github.com")
    assert "account octo" in said
    assert "'delete_repo', 'read:org', 'repo', 'workflow'" in said


def test_gh_makes_shows_changes_and_deletes_a_repository(octo: Person) -> None:
    octo.gh("repo", "create", "acme/web", "--private", "--description", "a b")
    assert "already exists" in octo.gh("repo", "create", "acme/web", "--private", ok=False)
    octo.gh("repo", "edit", "acme/web", "--delete-branch-on-merge")
    shown = json.loads(octo.gh("repo", "view", "acme/web", "--json", "description,isEmpty,visibility"))
    assert shown == {"description": "a b", "isEmpty": True, "visibility": "PRIVATE"}
    assert octo.served.repository("acme/web").settings["delete_branch_on_merge"] is True
    octo.gh("repo", "delete", "acme/web", "--yes")
    assert "Could not resolve" in octo.gh("repo", "view", "acme/web", ok=False)


def test_secrets_are_really_unsealed_and_variables_kept(octo: Person) -> None:
    octo.gh("repo", "create", "acme/web", "--private")
    octo.gh("secret", "set", "TOKEN", "-R", "acme/web", stdin='s"e cret')
    octo.gh("variable", "set", "NAME", "--body", "one", "-R", "acme/web")
    octo.gh("variable", "set", "NAME", "--body", "two", "-R", "acme/web")
    octo.api().get_repo("acme/web").create_secret("OTHER", "by PyGithub")
    kept = octo.served.repository("acme/web")
    assert {name: each.value for name, each in kept.secrets.items()} == {"TOKEN": 's"e cret', "OTHER": "by PyGithub"}
    assert kept.variables["NAME"].value == "two"


def test_pygithub_reads_and_writes_all_that_an_installer_needs(octo: Person) -> None:
    octo.repository(files={"a": "1"})
    api = octo.api()
    repository = api.get_repo("acme/web")
    assert (api.get_user().login, api.get_organization("acme").plan.name) == ("octo", "team")
    assert repository.get_branch("main").commit.sha == octo.git("rev-parse", "HEAD").strip()
    content = repository.get_contents("a", ref="main")
    assert not isinstance(content, list)
    assert content.decoded_content == b"1"
    variable = repository.create_variable("NAME", "one") and repository.get_variable("NAME")
    assert variable.edit("two")
    assert repository.get_variable("NAME").value == "two"
    key = repository.create_key("deploy", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJc6", read_only=True)
    assert [each.title for each in repository.get_keys()] == ["deploy"]
    key.delete()
    repository.edit(delete_branch_on_merge=True)
    ask = api.requester.requestJsonAndCheck
    assert ask("GET", "/user/memberships/orgs/acme")[1]["role"] == "admin"
    ask("PUT", "/repos/acme/web/actions/permissions/workflow", input={"default_workflow_permissions": "write"})
    assert ask("GET", "/repos/acme/web/actions/permissions/workflow")[1]["default_workflow_permissions"] == "write"


def test_rulesets_are_made_changed_listed_for_a_branch_and_deleted(octo: Person) -> None:
    octo.repository(files={"a": "1"})
    ask = octo.api().requester.requestJsonAndCheck
    number = octo.protect()
    rules = [rule["type"] for rule in ask("GET", "/repos/acme/web/rules/branches/main")[1]]
    assert rules == [rule["type"] for rule in RULES["rules"]]  # type: ignore[index]
    ask("PUT", f"/repos/acme/web/rulesets/{number}", input={"enforcement": "disabled"})
    assert ask("GET", "/repos/acme/web/rules/branches/main")[1] == []
    ask("DELETE", f"/repos/acme/web/rulesets/{number}")
    assert ask("GET", "/repos/acme/web/rulesets")[1] == []


def test_rules_of_the_organisation_count_as_well(octo: Person, github: GitHub) -> None:
    conditions = {"ref_name": {"include": ["refs/heads/env/*"], "exclude": []}}
    rule = {"type": "deletion"}
    github.accounts["acme"].rulesets.append(Ruleset("all", "branch", "active", conditions, [rule], []))
    octo.repository(files={"a": "1"})
    octo.push("main:env/dev", "main:env/dev2/x")
    ask = octo.api().requester.requestJsonAndCheck
    (found,) = ask("GET", "/repos/acme/web/rules/branches/env/dev")[1]
    assert (found["type"], found["ruleset_source_type"], found["ruleset_source"]) == (
        "deletion",
        "Organization",
        "acme",
    )
    assert "Cannot delete this branch" in octo.push("--delete", "env/dev", ok=False)
    octo.push("--delete", "env/dev2/x")  # one `*` ends at the slash


def test_a_free_plan_has_no_rules_in_private_repositories(octo: Person) -> None:
    octo.gh("repo", "create", "octo/own", "--private")
    with pytest.raises(GithubException, match="Upgrade to GitHub Pro or make this repository public"):
        octo.protect("octo/own")


def test_the_second_page_is_where_the_link_leads(octo: Person) -> None:
    octo.gh("repo", "create", "acme/web", "--private")
    names = [f"V{index}" for index in range(61)]
    octo.served.repository("acme/web").variables.update({name: Stored(name, "x") for name in names})
    assert [each.name for each in octo.api().get_repo("acme/web").get_variables()] == names
    assert "page=7" in octo.served.requests[-1].path, "ten a page, where nobody asks for more"


def test_what_a_token_may_not_see_is_not_found_and_a_wrong_one_is_refused(octo: Person, github: GitHub) -> None:
    octo.gh("repo", "create", "acme/web", "--private")
    github.user("stranger")

    def show(token: str) -> None:
        Github(auth=Auth.Token(token), base_url=github.site.api, retry=None).get_repo("acme/web")

    for unable in (github.token("stranger"), github.token("octo", scopes=["read:org"])):
        with pytest.raises(GithubException, match="404"):
            show(unable)
    with pytest.raises(BadCredentialsException):
        show("ghp_wrong")


def test_each_permission_of_a_fine_grained_token_counts(octo: Person, github: GitHub) -> None:
    octo.gh("repo", "create", "acme/web", "--private")
    token = github.token("octo", "fine-grained", permissions={"variables": "write"})
    repository = Github(auth=Auth.Token(token), base_url=github.site.api, retry=None).get_repo("acme/web")
    repository.create_variable("NAME", "value")
    with pytest.raises(GithubException, match="Resource not accessible by personal access token"):
        repository.create_secret("TOKEN", "value")


def test_deleting_needs_its_own_scope(octo: Person, github: GitHub) -> None:
    octo.gh("repo", "create", "acme/web", "--private")
    octo.environment["GH_TOKEN"] = github.token("octo", scopes=["repo"])
    assert 'needs the "delete_repo" scope' in octo.gh("repo", "delete", "acme/web", "--yes", ok=False)


def test_every_change_is_in_the_log_and_reading_is_none(octo: Person) -> None:
    octo.repository(files={"a": "1"})
    octo.served.changes.clear()
    octo.gh("variable", "list", "-R", "acme/web")
    octo.git("-c", "credential.helper=!gh auth git-credential", "fetch", "--quiet", "origin")
    assert octo.served.changes == []
    octo.gh("variable", "set", "NAME", "--body", "x", "-R", "acme/web")
    assert [each.what for each in octo.served.changes] == ["POST /repos/acme/web/actions/variables"]
    assert octo.token not in repr(octo.served.requests)


def test_a_page_of_a_list_holds_what_github_says_of_that_list(octo: Person) -> None:
    octo.repository()
    stored = octo.served.repository("acme/web").variables
    stored.update({f"V{number:03}": Stored(f"V{number:03}", "x") for number in range(45)})
    path = "/repos/acme/web/actions/variables"
    for asked, given in (("", 10), ("?per_page=100", 30), ("?per_page=5", 5), ("?per_page=100&page=2", 15)):
        headers, found = octo.api().requester.requestJsonAndCheck("GET", path + asked)
        assert (len(found["variables"]), found["total_count"]) == (given, 45)
        assert ('rel="next"' in headers.get("link", "")) == ("page=2" not in asked)


def test_an_enterprise_server_is_served_under_its_own_paths(enterprise: Person) -> None:
    enterprise.repository(files={"a": "1"})
    assert enterprise.api().get_repo("acme/web").get_branch("main").name == "main"
    assert {each.path.split("/")[1] for each in enterprise.served.requests} == {"api", "acme"}
    _, meta = enterprise.api().requester.requestJsonAndCheck("GET", "/meta")
    assert meta["installed_version"].startswith("3.")
