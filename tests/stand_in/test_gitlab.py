"""The GitLab stand-in: what it refuses as GitLab does, and what it fails a test for."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gitlab as python_gitlab
import pytest
import requests

from tests.gitlab import GitLab
from tests.gitlab.fixtures import blame

pytestmark = pytest.mark.all

PIPELINE = """
workflow:
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
      auto_cancel: {on_new_commit: none}
default: {interruptible: true}
test:
  script: ["env", "cat secret.txt || true", "test ! -e broken", "test ! -e slow || sleep 60"]
after:
  needs: [test]
  script: ["echo after"]
manual:
  needs: []
  rules: [{if: $CI_COMMIT_BRANCH, when: manual, allow_failure: true}]
  script: ['echo "given $TO"']
push:
  needs: []
  rules: [{if: $CI_COMMIT_BRANCH}]
  script:
    - git push "https://gitlab-ci-token:$CI_JOB_TOKEN@$CI_SERVER_HOST/$CI_PROJECT_PATH.git" HEAD:refs/heads/by-job
"""
Push = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def here(gitlab: GitLab, monkeypatch: pytest.MonkeyPatch) -> GitLab:
    """gitlab.com with acme, of whom octo is an owner and dev a developer."""
    gitlab.user("octo")
    gitlab.user("dev")
    gitlab.group("acme", members={"octo": 50, "dev": 30})
    for name, value in {**gitlab.env, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0"}.items():
        monkeypatch.setenv(name, value)
    return gitlab


def client(here: GitLab, user: str = "octo", **options: Any) -> Any:
    return python_gitlab.Gitlab("https://gitlab.com", private_token=here.token(user, **options))


@pytest.fixture
def project(here: GitLab) -> Any:
    made = client(here).projects.create({"name": "web", "path": "web", "namespace_id": here.groups["acme"].id})
    made.ci_push_repository_for_job_token_allowed = True
    made.ci_pipeline_variables_minimum_override_role = "maintainer"
    made.save()
    return made


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / ".gitlab-ci.yml").write_text(PIPELINE)
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    who = ["-c", "user.name=dev", "-c", "user.email=dev@example.com"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True)


def commit(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", ".")
    assert git(folder, "commit", "-q", "--allow-empty", "-m", "Change").returncode == 0


@pytest.fixture
def push(here: GitLab, project: Any, clone: Path) -> Push:
    def push(*refs: str, user: str = "octo") -> subprocess.CompletedProcess[str]:
        return git(clone, "push", "-q", f"https://x:{here.token(user)}@gitlab.com/acme/web.git", *refs)

    return push


# --- REST ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "path", "query", "body", "told"),
    [
        ("get", "/projects/1/issues", {}, None, "no route for GET /projects/1/issues"),
        ("get", "/user", {"magic": "yes"}, None, "GET /user has no parameter magic"),
        ("post", "/projects/1/deploy_keys", {}, {"title": "x"}, "POST /projects/{id}/deploy_keys needs key"),
        ("put", "/projects/1", {}, {"visibility": "hidden"}, "visibility='hidden' is not private|internal|public"),
        ("put", "/projects/1", {"name": "x"}, {}, "PUT /projects/{id} takes a body and no query"),
        (
            "put",
            "/projects/1",
            {},
            {"lfs_enabled": True},
            "PUT /projects/{id}: the stand-in would pass over lfs_enabled",
        ),
        ("get", "/projects/1/hooks/1/events", {"per_page": 21}, None, "per_page='21' is not integer"),
        ("post", "/projects/1/pipeline", {}, {"ref": "main", "variables": [{"name": "X"}]}, "is not array"),
        (
            "post",
            "/projects",
            {},
            {"name": "x", "ci_push_repository_for_job_token_allowed": True},
            "POST /projects has no parameter ci_push_repository_for_job_token_allowed",
        ),
    ],
)
def test_what_is_not_modelled_or_documented_fails_the_test(
    here: GitLab, verb: str, path: str, query: dict[str, str], body: Any, told: str
) -> None:
    with pytest.raises(python_gitlab.GitlabError):
        client(here).http_request(verb, path, query_data=query, post_data=body)
    assert told in here.failures[0]
    with pytest.raises(pytest.fail.Exception):
        blame(here)
    here.failures.clear()


def test_a_token_in_an_address_fails_the_test(here: GitLab) -> None:
    token = here.token("octo")
    assert requests.get(f"https://gitlab.com/api/v4/user?private_token={token}", timeout=10).status_code == 501
    assert here.failures == ["not modelled: a token in an address"]
    here.failures.clear()


def test_scopes_and_levels_are_refused_in_gitlabs_words(here: GitLab, project: Any) -> None:
    reads = client(here, scopes=("read_api",))
    assert reads.projects.get(project.id).path == "web"
    with pytest.raises(python_gitlab.GitlabError) as refused:
        reads.projects.get(project.id).variables.create({"key": "X", "value": "y"})
    assert (refused.value.response_code, b"insufficient_scope" in refused.value.response_body) == (403, True)
    with pytest.raises(python_gitlab.GitlabError) as refused:
        client(here, "dev").projects.get(project.id).variables.create({"key": "X", "value": "y"})
    assert refused.value.response_code == 403
    here.user("stranger")
    with pytest.raises(python_gitlab.GitlabError) as refused:
        client(here, "stranger").projects.get(project.id)
    assert refused.value.response_code == 404


def test_a_value_that_cannot_be_masked_is_refused_and_a_hidden_one_is_never_shown(project: Any) -> None:
    with pytest.raises(python_gitlab.GitlabError, match="is invalid"):
        project.variables.create({"key": "X", "value": "short", "masked": True})
    project.variables.create({"key": "X", "value": "long enough", "protected": False})
    project.variables.create({"key": "Y", "value": "long-enough", "masked_and_hidden": True})
    assert (project.variables.get("X").value, project.variables.get("Y").value) == ("long enough", None)


# --- pushes -------------------------------------------------------------------------------------------


def test_a_protected_branch_is_pushed_by_who_may_and_rewritten_by_nobody(here: GitLab, push: Push, clone: Path) -> None:
    assert push("main").returncode == 0
    assert here.project("acme/web").protections["main"].push == 40
    commit(clone)
    assert "not allowed to push code to protected branches" in push("main", user="dev").stderr
    assert push("main").returncode == 0
    git(clone, "reset", "-q", "--hard", "HEAD~1")
    commit(clone, other="x")
    assert "force push" in push("+main").stderr
    assert "only delete protected branches using the web" in push(":main").stderr


def test_no_one_may_push_to_main_but_a_maintainer_makes_it(project: Any, push: Push, clone: Path) -> None:
    project.protectedbranches.create({"name": "main", "push_access_level": 0, "merge_access_level": 40})
    assert push("main", user="dev").returncode != 0
    assert push("main").returncode == 0
    commit(clone)
    assert "not allowed to push" in push("main").stderr


# --- pipelines ----------------------------------------------------------------------------------------


@pytest.fixture
def first(here: GitLab, push: Push) -> Any:
    assert push("main").returncode == 0
    return here.wait_for("acme/web", lambda each: each.source == "push")


def test_a_push_runs_what_its_rules_say_and_a_job_pushes_without_starting_another(here: GitLab, first: Any) -> None:
    expected = {"test": "success", "after": "success", "manual": "manual", "push": "success"}
    assert (first.status, first.results()) == ("success", expected)
    assert "by-job" in here.branches(here.project("acme/web"))
    assert len(here.project("acme/web").pipelines) == 1
    assert "CI_COMMIT_REF_PROTECTED=true" in first.job("test").log
    assert "CI_JOB_TOKEN=[MASKED]" in first.job("test").log


def test_a_job_pushes_only_where_the_project_lets_it(here: GitLab, project: Any, first: Any) -> None:
    project.ci_push_repository_for_job_token_allowed = False
    project.save()
    made = project.pipelines.create({"ref": "main"})
    again = here.wait_for("acme/web", lambda each: each.id == made.id)
    assert again.results()["push"] == "failed"
    assert "403" in again.job("push").log


def test_a_manual_job_takes_variables_from_who_may_give_them(here: GitLab, project: Any, first: Any) -> None:
    number = first.job("manual").id
    path, given = f"/projects/{project.id}/jobs/{number}/play", [{"key": "TO", "value": "abc"}]
    dev = client(here, "dev")
    with pytest.raises(python_gitlab.GitlabError, match="Insufficient permissions"):
        dev.http_post(path, post_data={"job_variables_attributes": given})
    client(here).http_post(path, post_data={"job_variables_attributes": given})
    with here.moved:
        assert here.moved.wait_for(lambda: first.job("manual").status == "success", 30)
    assert "given abc" in project.jobs.get(number).trace().decode()


def test_a_red_pipeline_blocks_the_merge_skips_what_needs_it_and_sees_no_protected_variable(
    here: GitLab, project: Any, push: Push, clone: Path, first: Any
) -> None:
    project.only_allow_merge_if_pipeline_succeeds = True
    project.save()
    project.variables.create({"key": "GUARDED", "value": "only-on-main", "protected": True})
    commit(clone, broken="x")
    push("HEAD:change")
    request = project.mergerequests.create({"source_branch": "change", "target_branch": "main", "title": "Break"})
    head = here.wait_for("acme/web", lambda each: each.source == "merge_request_event")
    assert (head.status, head.results()) == ("failed", {"test": "failed", "after": "skipped"})
    assert "GUARDED" not in head.job("test").log
    assert project.mergerequests.get(request.iid).detailed_merge_status == "ci_must_pass"
    with pytest.raises(python_gitlab.GitlabError, match="405"):
        request.merge()


def test_a_newer_push_ends_the_pipeline_before_it_and_a_merge_waits_for_the_new_one(
    here: GitLab, project: Any, push: Push, clone: Path, first: Any
) -> None:
    project.only_allow_merge_if_pipeline_succeeds = True
    project.save()
    commit(clone, slow="x")
    push("HEAD:change")
    request = project.mergerequests.create({"source_branch": "change", "target_branch": "main", "title": "Hurry"})
    with here.moved:
        pipelines = here.project("acme/web").pipelines
        running = lambda: pipelines[0].source == "merge_request_event" and pipelines[0].status == "running"  # noqa: E731
        assert here.moved.wait_for(running, 30)
    (clone / "slow").unlink()
    commit(clone)
    push("HEAD:change")
    request = project.mergerequests.get(request.iid)
    request.merge(merge_when_pipeline_succeeds=True)
    merged = here.wait_for("acme/web", lambda each: each.source == "push" and each.id != first.id, 60)
    assert merged.status == "success"
    assert [each.status for each in pipelines if each.source == "merge_request_event"] == ["success", "canceled"]
    assert "change" not in here.branches(here.project("acme/web"))


@pytest.mark.parametrize(
    ("pipeline", "told"),
    [
        ("test: {script: [x], retry: 2}", "job test has ['retry']"),
        ("test: {script: [x], cache: {paths: [y]}}", "job test has ['cache']"),
        ("test: {script: [x], rules: [{changes: [y]}]}", "a rule of test has ['changes']"),
    ],
)
def test_a_word_that_would_be_run_otherwise_fails_the_test(
    here: GitLab, project: Any, push: Push, clone: Path, pipeline: str, told: str
) -> None:
    commit(clone, **{".gitlab-ci.yml": pipeline})
    push("main")
    with here.moved:
        assert here.moved.wait_for(lambda: bool(here.failures), 30)
    assert told in here.failures[0]
    here.failures.clear()


def test_a_file_that_gitlabs_schema_does_not_allow_is_a_failed_pipeline(
    here: GitLab, project: Any, push: Push, clone: Path
) -> None:
    commit(clone, **{".gitlab-ci.yml": "test: {script: [x], when: sometimes}"})
    push("main")
    made = here.wait_for("acme/web", lambda each: True)
    assert made.status == "failed"
    assert "when" in (made.yaml_errors or "")
