"""What plans, policies, rules, tokens and clocks have to do with it: each is told with how to fix it."""

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from installer.config.settings import Settings
from installer.engine.resource import Finding
from installer.preflight import cluster, tools
from installer.preflight import github as github_checks
from installer.preflight.checks import CHECKS
from installer.project.project import Project
from installer.resources.github_repository import _reviewed
from installer.support.errors import InstallerError
from tests.conftest import ROOT
from tests.github import Fault
from tests.github import GitHub as StandIn
from tests.github.model import Ruleset

from . import gitops_yaml
from .bench import SETTINGS
from .shells import octos

Ask = Callable[[Callable[[Project], Any]], list[Finding]]


@pytest.fixture
def ask(github: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask one check about a private project of acme's, where octo is a member."""
    octos(github, monkeypatch, tmp_path)
    github.accounts["acme"].members["octo"] = "member"
    gitops_yaml.write(tmp_path)
    return lambda check: list(check(Project.open(tmp_path)))


def create(github: StandIn) -> None:
    github.accounts["acme"].members["octo"] = "admin"
    subprocess.run(["gh", "repo", "create", "acme/web", "--private"], check=True, capture_output=True)


def test_an_organisation_that_lets_no_member_create_is_reported(ask: Ask, github: StandIn) -> None:
    assert ask(github_checks.may_create) == []
    github.accounts["acme"].members_can_create_repositories = False
    (found,) = ask(github_checks.may_create)
    assert found.problem
    assert "acme does not let its members create private repositories" in found.what
    assert "Let an owner create acme/web, empty" in found.fix


def test_its_owners_may_create_whatever_members_may_not(ask: Ask, github: StandIn) -> None:
    github.accounts["acme"].members_can_create_repositories = False
    github.accounts["acme"].members["octo"] = "admin"
    assert ask(github_checks.may_create) == []


def test_forbidden_deploy_keys_are_reported(ask: Ask, github: StandIn) -> None:
    assert ask(github_checks.deploy_keys) == []
    github.accounts["acme"].deploy_keys_enabled = False
    (found,) = ask(github_checks.deploy_keys)
    assert "acme forbids deploy keys" in found.what
    assert found.fix.endswith("https://github.com/organizations/acme/settings/deploy_keys")
    assert "argocd.access to https" in found.fix


@pytest.mark.parametrize("there", [False, True])
def test_a_plan_without_rules_is_reported_and_stops_nothing(ask: Ask, github: StandIn, there: bool) -> None:
    if there:
        create(github)
    assert ask(github_checks.plan) == []
    github.accounts["acme"].plan = "free"
    (found,) = ask(github_checks.plan)
    assert "main stays unprotected" in found.what
    assert not found.problem


def test_a_rule_of_the_organisation_that_would_stop_deployments_is_reported(ask: Ask, github: StandIn) -> None:
    create(github)
    assert ask(github_checks.no_rule_in_the_way) == []
    conditions = {"ref_name": {"include": ["~ALL"], "exclude": []}, "repository_name": {"include": ["~ALL"]}}
    rules: list[dict[str, Any]] = [{"type": "deletion"}, _reviewed(0)]
    github.accounts["acme"].rulesets.append(Ruleset("everywhere", "branch", "active", conditions, rules, []))
    (found,) = ask(github_checks.no_rule_in_the_way)
    assert "The rule `pull_request` of acme keeps deployments from pushing to env/dev." in found.what
    assert "https://github.com/organizations/acme/settings/rules" in found.fix


def test_our_own_rule_that_leaves_all_but_the_key_out_is_in_nobodys_way(ask: Ask, github: StandIn) -> None:
    create(github)
    conditions = {"ref_name": {"include": ["refs/heads/env/dev"], "exclude": []}}
    ours = Ruleset("gitops-flask: only main pushes env/dev", "branch", "active", conditions, [{"type": "update"}], [])
    github.repository("acme/web").rulesets[ours.id] = ours
    assert ask(github_checks.no_rule_in_the_way) == []
    theirs = Ruleset("frozen", "branch", "active", conditions, [{"type": "update"}], [])
    github.repository("acme/web").rulesets[theirs.id] = theirs
    (found,) = ask(github_checks.no_rule_in_the_way)
    assert f"from ruleset {theirs.id}" in found.fix


def test_forbidden_deploy_keys_are_reported_to_who_wants_main_alone_to_deploy(
    ask: Ask, github: StandIn, tmp_path: Path
) -> None:
    github.accounts["acme"].deploy_keys_enabled = False
    settings = tmp_path / "gitops.yaml"
    public = settings.read_text().replace("visibility: private", "visibility: public")
    settings.write_text(public)
    assert ask(github_checks.deploy_keys) == []
    settings.write_text(public.replace("visibility: public", "visibility: public\n  deploy_from: main", 1))
    (found,) = ask(github_checks.deploy_keys)
    assert "only by one can env/dev be kept for workflows of main" in found.what
    assert "github.deploy_from to anywhere" in found.fix


def test_actions_that_are_switched_off_are_reported(ask: Ask, github: StandIn) -> None:
    create(github)
    assert ask(github_checks.allowed) == []
    github.repository("acme/web").actions["enabled"] = False
    (found,) = ask(github_checks.allowed)
    assert "switched off for acme/web" in found.what
    assert "https://github.com/acme/web/settings/actions" in found.fix


WORKFLOW = """
jobs:
  test: {{steps: [{{run: "true"}}]}}
  deploy:
    uses: ./.github/workflows/other.yml
    steps:
      - uses: {action} # v7
"""
COMMIT = "3d3c42e5aac5ba805825da76410c181273ba90b1"


@pytest.mark.parametrize(("there", "action", "policy", "selected", "forbidden"), [
    (True, f"actions/checkout@{COMMIT}", {}, {}, False),
    (True, f"actions/checkout@{COMMIT}", {"sha_pinning_required": True}, {}, False),
    (True, "actions/checkout@v7", {"sha_pinning_required": True}, {}, True),
    (True, f"actions/checkout@{COMMIT}", {"allowed_actions": "local_only"}, {}, True),
    (True, "Acme/own@v1", {"allowed_actions": "local_only"}, {}, False),
    (True, f"actions/checkout@{COMMIT}", {"allowed_actions": "selected"}, {}, True),
    (True, f"actions/checkout@{COMMIT}", {"allowed_actions": "selected"}, {"verified_allowed": True}, True),
    (True, f"actions/checkout@{COMMIT}", {"allowed_actions": "selected"}, {"github_owned_allowed": True}, False),
    (True, "docker/login-action@v4", {"allowed_actions": "selected"}, {"github_owned_allowed": True}, True),
    (True, "docker/login-action@v4", {"allowed_actions": "selected"}, {"patterns_allowed": ["docker/*"]}, False),
    (True, f"actions/checkout@{COMMIT}", {"allowed_actions": "selected"},
     {"github_owned_allowed": True, "patterns_allowed": ["!actions/checkout@*"]}, True),
    (False, f"actions/checkout@{COMMIT}", {"allowed_actions": "selected"}, {}, True),
    (False, f"actions/checkout@{COMMIT}", {"allowed_actions": "selected"}, {"github_owned_allowed": True}, False),
])  # fmt: skip
def test_actions_that_a_policy_forbids_are_reported_with_its_page(
    ask: Ask,
    github: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
    action: str,
    policy: dict[str, Any],
    selected: dict[str, Any],
    forbidden: bool,
) -> None:
    if there:
        create(github)
    github.accounts["acme"].members["octo"] = "admin"
    monkeypatch.setenv("GH_TOKEN", github.token("octo", scopes=["repo", "workflow", "admin:org"]))
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".github/workflows/deploy.yml").write_text(WORKFLOW.format(action=action))
    whose = github.repository("acme/web") if there else github.accounts["acme"]
    whose.actions.update(policy)
    whose.selected_actions.update(selected)
    told = [
        (f.problem, f"the workflows use {action}." in f.what, "/settings/actions" in f.fix)
        for f in ask(github_checks.allowed)
    ]
    assert told == ([(True, True, True)] if forbidden else [])


@pytest.mark.parametrize(("which", "words"), [("none", "switched off"), ("selected", "only chosen repositories")])
def test_an_organisation_that_lets_none_or_few_repositories_use_actions_is_reported(
    ask: Ask, github: StandIn, monkeypatch: pytest.MonkeyPatch, which: str, words: str
) -> None:
    github.accounts["acme"].actions["enabled_repositories"] = which
    assert ask(github_checks.allowed) == [], "this token may not ask"
    github.accounts["acme"].members["octo"] = "admin"
    monkeypatch.setenv("GH_TOKEN", github.token("octo", scopes=["repo", "workflow", "admin:org"]))
    (found,) = ask(github_checks.allowed)
    assert words in found.what
    assert "https://github.com/organizations/acme/settings/actions" in found.fix


def test_a_fine_grained_token_that_lacks_a_permission_is_reported_which(
    ask: Ask, github: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(github)
    allowed = {"metadata": "read", "contents": "write", "administration": "write", "variables": "write"}
    monkeypatch.setenv("GH_TOKEN", github.token("octo", "fine-grained", permissions=allowed))
    (found,) = ask(github_checks.scopes)
    assert found.problem
    assert "The token may not read Secrets, Actions of acme/web" in found.what
    monkeypatch.setenv("GH_TOKEN", github.token("octo", "fine-grained"))
    (found,) = ask(github_checks.scopes)
    assert not found.fix


@pytest.mark.parametrize(("ahead", "words"), [(300, "300 s ahead of GitHub's"), (-90, "90 s behind GitHub's")])
def test_a_clock_that_is_wrong_is_reported(ask: Ask, monkeypatch: pytest.MonkeyPatch, ahead: int, words: str) -> None:
    (found,) = ask(github_checks.clock)
    assert not found.fix
    now = time.time
    monkeypatch.setattr(tools, "_now", lambda: now() + ahead)
    (found,) = ask(github_checks.clock)
    shown = int(found.what.split(" is ")[1].split(" s ")[0])
    assert abs(shown - abs(ahead)) <= 3
    assert words.split(" s ")[1] in found.what
    assert found.fix
    assert not found.problem


@pytest.mark.parametrize(("said", "numbers"), [
    ("git version 2.39.5 (Apple Git-154)", (2, 39)),
    ("gh version 2.102.0 (2026-01-01)\nhttps://github.com/cli/cli/releases/tag/v2.102.0", (2, 102)),
    ("v3.13.0", (3, 13)),
    ("argocd: v3.5.3+unknown", (3, 5)),
    ("Client Version: v1.34.4\nKustomize Version: v5.7.1", (1, 34)),
    ("nothing that was ever a version", None),
])  # fmt: skip
def test_versions_are_read_as_each_program_writes_them(said: str, numbers: tuple[int, int] | None) -> None:
    assert tools.numbers(said) == numbers


def test_a_cluster_that_is_too_old_for_argo_cd_is_reported(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer.cluster.kubectl.Cluster.versions", lambda _: ("v1.34.4", "v1.24.9"))
    (found,) = ask(cluster.versions)
    assert found.problem
    assert "v1.24.9; Argo CD needs 1.25 or newer" in found.what


def test_every_check_is_made_at_a_moment_that_comes() -> None:
    resources = {"repository", "initial-push", "registry-token", "credential", "argocd", "application", "pull-secret"}
    resources |= {"database-address"}
    assert {check.before for check in CHECKS} <= {"looking", "writing", "advice", "", *resources}
    assert len({(check.ask, check.only) for check in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize(("role", "fine"), [("admin", True), ("write", False)])
def test_who_is_no_administrator_of_the_repository_is_reported(
    ask: Ask, github: StandIn, role: str, fine: bool
) -> None:
    assert ask(github_checks.administered) == []
    create(github)
    github.accounts["acme"].members["octo"] = "member"
    github.repository("acme/web").collaborators["octo"] = role
    found = ask(github_checks.administered)
    assert (found == []) is fine
    assert all(each.fix.endswith("https://github.com/acme/web/settings/access") and each.problem for each in found)


def test_a_repository_of_ones_own_is_reported_as_such(ask: Ask, github: StandIn, tmp_path: Path) -> None:
    settings = tmp_path / "gitops.yaml"
    settings.write_text(settings.read_text().replace("owner: acme", "owner: octo"))
    (found,) = ask(github_checks.owner)
    assert (found.what, found.problem) == ("octo is you", False)
    for check in (github_checks.may_create, github_checks.allowed, github_checks.deploy_keys):
        assert ask(check) == []


def test_an_organisation_with_single_sign_on_names_the_page_that_authorises_the_token(
    ask: Ask, github: StandIn
) -> None:
    page = "https://github.com/orgs/acme/sso?authorization_request=A"
    message = "Resource protected by organization SAML enforcement. You must grant your OAuth token access."
    fault = Fault("SAML", status=403, message=message, headers={"X-GitHub-SSO": f"required; url={page}"})
    github.faults.order(fault, "GET", "/users/acme")
    with pytest.raises(InstallerError) as error:
        ask(github_checks.owner)
    assert page in error.value.fix


# --- what a token needs

PAGE = ROOT / "docs/reference/permissions.md"


def test_the_page_and_the_checks_name_the_same_permissions() -> None:
    of_up = r"^\| (?!`).+ \|"  # what another command needs begins with its name
    rows = re.findall(of_up + r" ([\w ]+: \w+) \| `(repo|workflow)` \|$", PAGE.read_text(), re.MULTILINE)
    assert rows == [(f"{step.permission}: {step.level}", step.scope) for step in github_checks.STEPS]


def test_the_tables_of_steps_are_complete() -> None:
    assert set(github_checks.SCOPES) == {"repo", "workflow"}
    probed = {step.permission for step in github_checks.STEPS if step.probe}
    assert probed == {"Administration", "Contents", "Secrets", "Variables", "Actions", "Webhooks"}
    said = github_checks.summary(github_checks.needed(SETTINGS))
    assert "Workflows" in said
    assert said.endswith("Webhooks; read: Metadata")
    assert "Webhooks" not in github_checks.summary(github_checks.needed(replace(SETTINGS, argocd_url="")))


@pytest.mark.parametrize("step", github_checks.needed(SETTINGS), ids=lambda step: step.permission)
def test_the_least_token_of_the_page_is_enough_and_less_is_not(
    ask: Ask, github: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: github_checks.Step
) -> None:
    create(github)
    settings = tmp_path / "gitops.yaml"
    settings.write_text(f"{settings.read_text()}argocd: {{url: 'https://argocd.example.com'}}\n")
    least = {each.permission.lower(): each.level for each in github_checks.STEPS if not each.ci}
    monkeypatch.setenv("GH_TOKEN", github.token("octo", "fine-grained", permissions=least))
    (found,) = ask(github_checks.scopes)
    assert not found.problem
    lacking = {name: level for name, level in least.items() if name != step.permission.lower()}
    monkeypatch.setenv("GH_TOKEN", github.token("octo", "fine-grained", permissions=lacking))
    (found,) = ask(github_checks.scopes)
    assert found.problem is bool(step.probe)
    assert not step.probe or f"may not read {step.permission} of" in found.what


PUBLIC = replace(SETTINGS, visibility="public")


@pytest.mark.parametrize(
    ("settings", "variable", "refused"),
    [
        (replace(PUBLIC, runner="company-linux"), "", "company-linux"),
        (PUBLIC, "our-own", "our-own"),
        (replace(PUBLIC, runner="company-linux", public_runner="allowed"), "", ""),
        (replace(PUBLIC, runner="ubuntu-24.04-arm"), "", ""),
        (PUBLIC, "", ""),
        (replace(SETTINGS, runner="company-linux"), "", ""),
    ],
)
def test_what_strangers_propose_runs_on_no_machine_of_ones_own_unless_that_is_said(
    settings: Settings, variable: str, refused: str
) -> None:
    github: Any = SimpleNamespace(variables=lambda: {"RUNNER": variable} if variable else {})
    opened: Any = SimpleNamespace(settings=settings, github=github)
    found = list(github_checks.self_hosted_runner(opened))
    assert [each.problem for each in found] == ([True] if refused else [])
    assert not refused or f"would run on `{refused}`" in found[0].what
    assert not refused or "github.public_runner: allowed" in found[0].fix


def test_that_is_refused_before_anything_is_written() -> None:
    (check,) = (check for check in CHECKS if check.ask is github_checks.self_hosted_runner)
    assert check.before == "writing"
