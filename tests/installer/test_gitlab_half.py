"""GitLab's half against the stand-in: made once, kept twice, drift repaired, removed."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from installer.ci.gitlab_ci import PushAccess, Seen
from installer.config.environments import Environment
from installer.config.settings import Settings
from installer.engine.reconcile import remove
from installer.forges.credentials import find
from installer.forges.gitlab.project import GitLab
from installer.project.project import FORGE_KINDS
from installer.resources.gitlab_repository import GitLabProject
from installer.support.errors import InstallerError
from installer.support.secret import Secret
from tests.github.git import git as on_server
from tests.gitlab import GitLab as StandIn
from tests.gitlab.fixtures import blame
from tests.gitlab.model import DeployKey, Protection, Variable

from .bench import REGISTRY_TOKEN
from .clones import git
from .cluster import Quiet, change_of
from .gitlab_bench import Bench

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(at_gitlab: Bench) -> Bench:
    return at_gitlab


@pytest.fixture
def older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A GitLab whose jobs may not push with their own token."""
    with StandIn.serve("gitlab.com", version="17.2.0") as gitlab:
        bench = Bench.of(gitlab, tmp_path)
        bench.use(monkeypatch)
        yield bench
    blame(gitlab)


def test_makes_all_of_it(bench: Bench) -> None:
    bench.apply()
    project = bench.project
    assert (project.visibility, project.description) == ("private", "A service")
    assert project.settings["only_allow_merge_if_pipeline_succeeds"] is True
    assert project.settings["auto_devops_enabled"] is False
    assert project.settings["ci_push_repository_for_job_token_allowed"] is True
    token = project.variables["REGISTRY_TOKEN"]
    assert (token.value, token.masked, token.protected, token.hidden, token.raw) == (REGISTRY_TOKEN, *(True,) * 4)
    values = {name: each.value for name, each in project.variables.items() if not each.masked}
    assert Secret(REGISTRY_TOKEN).matches(values.pop("REGISTRY_TOKEN_FINGERPRINT"))
    assert values.pop("GITOPS_FLASK") == "https://gitlab.com/acme/web"
    assert values == {"REGISTRY_USERNAME": "acme"}
    rules = {name: (r.push, r.merge, r.allow_force_push) for name, r in project.protections.items()}
    assert rules == {"main": (0, 40, False), "env/dev": (40, 0, False), "gitops-flask/template": (40, 0, False)}
    assert [key.can_push for key in project.keys.values()] == [False]
    head = git(bench.folder, "rev-parse", "HEAD")
    assert bench.gitlab.branches(project) == {"main": head}
    pipeline = bench.gitlab.wait_for("acme/web", lambda each: each.source == "push")
    assert pipeline.status == "success"
    assert (pipeline.sha, pipeline.before_sha) == (head, "0" * 40)


def test_the_second_run_changes_nothing_stored(bench: Bench) -> None:
    bench.apply()
    bench.gitlab.wait_for("acme/web", lambda each: each.source == "push")
    bench.gitlab.changes.clear()
    assert bench.differences() == {}
    bench.apply("repository", "rules", "variables", "registry-token", "push-access", "initial-push", "credential")
    assert bench.gitlab.changes == []


def test_what_others_changed_is_named_and_repaired(bench: Bench) -> None:
    bench.set_up("changed")
    assert bench.differences() == {
        "repository": ("visibility", "description", "merges"),
        "rules": ("main", "env/dev"),
        "variables": ("REGISTRY_USERNAME",),
        "registry-token": ("REGISTRY_TOKEN",),
        "push-access": ("pushes by jobs' own tokens",),
        "credential": ("deploy key",),
    }
    bench.apply("repository", "rules", "variables", "registry-token", "push-access", "credential")
    assert bench.differences() == {}


def test_the_settings_of_the_project_are_named_as_people_know_them(bench: Bench) -> None:
    change: Any = bench.resources()["repository"].diff(None)
    assert [field.name for field in change.fields if "_" in field.name or isinstance(field.new, bool)] == []
    assert [(field.old, field.new) for field in change.fields if field.name == "branches, once merged"] == [
        (None, "deleted")
    ]


def test_each_environments_branch_is_protected_and_another_rule_is_never_touched(bench: Bench) -> None:
    bench.set_up("filled")
    one = bench.settings
    bench.settings = replace(one, environments=(Environment("dev", one.namespace), Environment("test", "qa", "dev")))
    bench.project.protections["env/*"] = Protection("env/*", 40, 40)
    bench.apply("rules")
    assert {"main", "env/dev", "env/test", "env/*"} < set(bench.project.protections)
    bench.settings = one
    assert "rules" not in bench.differences()
    bench.resources()["rules"].remove()
    assert set(bench.project.protections) == {"env/test", "env/*"}, "whose they are, nothing there says"


def test_how_many_commits_lie_between_two_is_counted(bench: Bench) -> None:
    bench.set_up("filled")
    first = bench.gitlab.branches(bench.project)["main"]
    for number in range(2):
        (bench.folder / "CHANGES").write_text(str(number))
        git(bench.folder, "add", "--all")
        git(bench.folder, "commit", "--quiet", "-m", "Change")
    on_server(bench.project.git, "fetch", "--quiet", str(bench.folder), "main:main")
    forge = FORGE_KINDS["gitlab"].connect(bench.settings, find(bench.settings))
    assert (forge.count("main", first), forge.count(first, first), forge.count("main", forge.head("main"))) == (2, 0, 0)


def test_what_is_not_ours_is_left(bench: Bench) -> None:
    bench.set_up("filled")
    project = bench.project
    project.protections["release"] = Protection("release", 40, 40)
    project.keys[7] = DeployKey("theirs", "ssh-ed25519 AAAA", can_push=True, id=7)
    bench.apply("repository", "rules", "variables", "registry-token", "push-access", "credential")
    told = remove([each for key, each in bench.resources().items() if key != "repository"], Quiet())
    assert {each.key for each, _ in told} == {
        *("credential", "deployment", "initial-push", "push-access", "rules", "registry-token", "variables"),
    }, "no webhook: the settings ask none"
    assert set(project.protections) == {"release"}
    assert set(project.keys) == {7}
    assert project.variables == {}
    assert project.settings["ci_push_repository_for_job_token_allowed"] is False


def test_an_older_gitlab_gets_a_token_of_the_project(older: Bench) -> None:
    older.apply()
    project = older.project
    (token,) = project.tokens.values()
    assert (set(token.scopes), token.access_level) == ({"write_repository"}, 40)
    stored = project.variables["PUSH_TOKEN"]
    assert (stored.value, stored.masked, stored.protected) == (token.secret, True, True)
    assert older.differences() == {}


def test_the_plan_says_that_a_maintainers_pipeline_lends_its_right_to_anybodys_branch() -> None:
    """GitLab: a job token has the access level of whoever started the job."""
    gitlab: Any = None
    access = PushAccess(Settings("Web", "web", "", "gitlab.com", "acme", "private", "docker.io", "acme", "x"), gitlab)
    change = access.diff(access.nothing)
    assert change
    assert change.note == "a maintainer who runs a pipeline of another's branch lets its code push to env/dev, too"
    older = access.diff(Seen(by_job=False))
    assert older
    assert older.note == ""


def test_a_token_that_ends_soon_or_is_lost_is_renewed_and_the_old_one_revoked(older: Bench) -> None:
    older.apply()
    (first,) = older.project.tokens.values()
    first.expires_at = "2026-01-01"
    older.apply("push-access")
    assert first.revoked
    del older.project.variables["PUSH_TOKEN"]
    older.apply("push-access")
    (live,) = [token for token in older.project.tokens.values() if not token.revoked]
    assert older.project.variables["PUSH_TOKEN"].value == live.secret
    assert older.differences() == {}


def test_a_gitlab_that_was_updated_needs_the_token_no_more(older: Bench) -> None:
    older.apply()
    older.gitlab.version = "18.4.0"
    older.project.settings["ci_push_repository_for_job_token_allowed"] = False
    older.apply("push-access")
    assert [token.revoked for token in older.project.tokens.values()] == [True]
    assert {"PUSH_TOKEN", "PUSH_TOKEN_NUMBER"}.isdisjoint(older.project.variables)
    assert older.differences() == {}


def test_gitlabs_own_registry_takes_no_login_of_ours(bench: Bench) -> None:
    bench.settings = replace(bench.settings, registry="registry.gitlab.com")
    bench.apply()
    assert {"GITOPS_FLASK"} == set(bench.project.variables)
    assert bench.differences() == {}


def test_rules_stand_before_the_first_push_and_let_it_in(bench: Bench) -> None:
    bench.apply()
    whats = [change.what for change in bench.gitlab.changes]
    push = next(n for n, what in enumerate(whats) if what.startswith("push"))
    made = [n for n, what in enumerate(whats) if what == "POST /projects/acme/web/protected_branches"]
    assert made
    assert max(made) < push


def test_where_default_branches_are_not_protected_the_first_push_is_refused_with_the_way_out(bench: Bench) -> None:
    bench.gitlab.groups["acme"].default_branch_protection = 0
    with pytest.raises(InstallerError, match="not allowed to push code to protected branches") as refused:
        bench.apply()
    assert "push it manually while" in str(refused.value)


def test_a_project_that_waits_to_be_deleted_or_is_archived_is_left_alone(bench: Bench) -> None:
    bench.set_up("filled")
    bench.project.archived = True
    resource = bench.resources()["repository"]
    change = change_of(resource)
    assert (change.action, "Unarchive it" in change.fix) == ("blocked", True)


def test_deleting_says_that_gitlab_keeps_it_for_a_while(bench: Bench) -> None:
    bench.set_up("filled")
    gitlab, credentials = GitLab("gitlab.com", Secret(bench.token), "acme/web"), find(bench.settings)
    assert "stays" in GitLabProject(bench.settings, gitlab, credentials).remove()
    assert "GitLab may keep it" in GitLabProject(bench.settings, gitlab, credentials, remove_it=True).remove()
    assert "acme/web" not in bench.gitlab.projects


def test_what_is_ours_is_seen_among_more_variables_than_a_page_holds(bench: Bench) -> None:
    bench.set_up("filled")
    others = {f"OTHER_{number:03}": Variable(f"OTHER_{number:03}", "x") for number in range(120)}
    bench.project.variables = {**others, **bench.project.variables}
    gitlab = GitLab("gitlab.com", Secret(bench.token), "acme/web")
    assert len(gitlab.variables()) + len(gitlab.secrets()) == len(bench.project.variables)
    assert list(bench.project.variables)[-1] in {*gitlab.variables(), *gitlab.secrets()}


def test_a_note_grows_older_is_renewed_and_once_gone_is_not_made_anew_by_its_renewal(bench: Bench) -> None:
    bench.set_up("empty")
    gitlab = GitLab("gitlab.com", Secret(bench.token), "acme/web")
    note = gitlab.note("GITOPS_FLASK_UP_1")
    assert note.read() is None
    note.make("mine")
    assert note.read() == "mine"
    bench.project.variables["GITOPS_FLASK_UP_1"].value = '{"text": "mine", "at": 0}'
    bench.project.variables["GITOPS_FLASK_UP_2"] = Variable("GITOPS_FLASK_UP_2", "of another form")
    notes = gitlab.notes("GITOPS_FLASK_UP")
    assert notes["GITOPS_FLASK_UP_1"][1] > 10**9
    assert notes["GITOPS_FLASK_UP_2"] == ("", float("inf"))
    assert note.renew("mine again")
    assert gitlab.notes("GITOPS_FLASK_UP_1")["GITOPS_FLASK_UP_1"][0] == "mine again"
    assert gitlab.notes("GITOPS_FLASK_UP_1")["GITOPS_FLASK_UP_1"][1] < 10**9
    note.delete()
    assert not note.renew("mine")
    assert note.read() is None


def test_no_token_is_in_an_address_an_argument_or_the_clone(bench: Bench) -> None:
    bench.apply()
    assert not [asked for asked in bench.gitlab.requests if bench.token in asked.path]
    config = (bench.folder / ".git/config").read_text()
    assert "https://gitlab.com/acme/web.git" in config
    assert bench.token not in config
    assert os.environ["GITLAB_TOKEN"] == bench.token
